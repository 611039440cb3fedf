#include <charconv>
#include <string>
#include <string_view>

#include <unspool/core/config.h>
#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/models/csv.h>
#include <unspool/serialization/file.h>

namespace unspool {

namespace {

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

bool parse(std::string_view text, float& value) {
  text = trimmed(text);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

/// Removes the part up to the separator from the front of `rest` and returns it.
std::string_view take(std::string_view& rest, char separator) {
  const auto end = rest.find(separator);
  const std::string_view part = rest.substr(0, end);
  rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  return part;
}

}  // namespace

Tensor read_csv(const std::string& path) {
  const std::string bytes = read_file(path);
  std::string_view rest = bytes;
  std::vector<float> values;
  Index columns = 0;
  Index rows = 0;
  for (Index number = 1; !rest.empty(); ++number) {
    const std::string_view line = take(rest, '\n');
    if (trimmed(line).empty()) continue;
    std::string_view cells = line;
    Index width = 0;
    bool names = number == 1;
    const std::size_t before = values.size();
    std::string_view wrong;
    for (bool more = true; more; ++width) {
      more = cells.find(',') != std::string_view::npos;
      const std::string_view cell = take(cells, ',');
      float value = 0;
      if (parse(cell, value)) {
        names = false;
      } else if (wrong.data() == nullptr) {
        wrong = cell.data() == nullptr ? std::string_view("") : cell;
      }
      values.push_back(value);
    }
    if (names) {
      values.resize(before);
      continue;
    }
    if (wrong.data() != nullptr) {
      throw FileError(fmt::format("{}:{}: expected a number, got {}", path, number, in_quotes(wrong)));
    }
    if (rows > 0 && width != columns) {
      throw FileError(fmt::format("{}:{}: expected {} numbers, as in the lines before, got {}", path, number,
                                  columns, width));
    }
    columns = width;
    ++rows;
  }
  if (rows == 0) throw FileError(path + ": expected lines of numbers, got none");
  return Tensor::from(values, {rows, columns});
}

}  // namespace unspool
