#include <algorithm>
#include <charconv>
#include <cmath>
#include <fstream>
#include <limits>
#include <string>
#include <string_view>
#include <utility>

#include <unspool/core/config.h>
#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/data/csv.h>

namespace unspool {

namespace {

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

template <class T>
std::optional<T> parse_number(std::string_view text) {
  if (text.size() > 1 && text[0] == '+' && text[1] != '-') text.remove_prefix(1);
  T value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return {};
  return value;
}

}  // namespace

struct CsvReader::State {
  /// A cell of the row: its place in `content`.
  struct Cell {
    std::size_t begin;
    std::size_t end;
    bool quoted;
  };

  State(const std::string& file, CsvOptions given)
      : path(file), options(std::move(given)), buffer(std::size_t{1} << 18U) {
    stream.rdbuf()->pubsetbuf(buffer.data(), static_cast<std::streamsize>(buffer.size()));
    stream.open(path, std::ios::binary);
    // A folder can be opened, and cannot be read.
    if (!stream || (stream.peek() == std::ifstream::traits_type::eof() && stream.bad()))
      throw FileError(in_quotes(path) + ": expected a file that can be read");
    stream.clear();
  }

  std::string_view text_of(const Cell& cell) const {
    return std::string_view(content).substr(cell.begin, cell.end - cell.begin);
  }
  bool is_missing(const Cell& cell) const {
    return !cell.quoted &&
           std::find(options.missing.begin(), options.missing.end(), text_of(cell)) != options.missing.end();
  }

  bool read_line() {
    ++line;
    if (std::getline(stream, text)) return true;
    if (stream.bad()) throw FileError(in_quotes(path) + ": expected more lines, got an error of the system");
    return false;
  }

  /// Reads the next row that is not empty.
  bool read_row() {
    do {
      if (!read_line()) return false;
    } while (trimmed(text).empty());
    place = fmt::format("{}:{}", path, line);
    content.clear();
    cells.clear();
    for (std::size_t at = 0; at != std::string::npos;) at = take_cell(at);
    return true;
  }

  /// Takes the cell that starts at `at` of the line. Returns where the next one starts, npos behind the last.
  std::size_t take_cell(std::size_t at) {
    const std::size_t begin = content.size();
    const std::size_t start = text.find_first_not_of(' ', at);
    const bool quoted = start != std::string::npos && text[start] == '"';
    if (quoted) {
      at = take_quoted(start + 1);
    }
    const std::size_t end = text.find(options.separator, at);
    const std::string_view rest = trimmed(std::string_view(text).substr(at, end - at));
    if (quoted && !rest.empty()) {
      throw FileError(fmt::format("{}: expected the separator {} behind a cell in quotes, got {}", place,
                                  in_quotes(std::string(1, options.separator)), in_quotes(rest)));
    }
    content += rest;
    cells.push_back({begin, content.size(), quoted});
    return end == std::string::npos ? end : end + 1;
  }

  /// Appends a cell to `content`, from behind its first quote on. Returns the place behind its last one.
  std::size_t take_quoted(std::size_t at) {
    for (;;) {
      const std::size_t quote = text.find('"', at);
      content.append(text, at, quote - at);
      if (quote == std::string::npos) {
        if (!read_line())
          throw FileError(place + ": expected the end of a cell in quotes, got the end of the file");
        content += '\n';
        at = 0;
      } else if (quote + 1 < text.size() && text[quote + 1] == '"') {
        content += '"';
        at = quote + 2;
      } else {
        return quote + 1;
      }
    }
  }

  void read_header() {
    if (!read_row()) throw FileError(path + ": expected lines of cells, got none");
    bool header = options.header.value_or(false);
    if (!options.header.has_value()) {
      header = std::none_of(cells.begin(), cells.end(),
                            [&](const Cell& cell) { return parse_number<double>(text_of(cell)); });
    }
    if (!options.names.empty()) {
      names = options.names;
      if (names.size() != cells.size()) {
        throw ValueError(
            fmt::format("{}: expected names for {} columns, got {}", place, cells.size(), names.size()));
      }
    } else {
      for (std::size_t i = 0; i < cells.size(); ++i)
        names.push_back(header ? std::string(text_of(cells[i])) : std::to_string(i));
      // The mark of UTF-8 that some programs write.
      if (header && names.front().starts_with("\xEF\xBB\xBF")) names.front().erase(0, 3);
    }
    first_waits = !header;
  }

  std::string path;
  CsvOptions options;
  std::vector<char> buffer;
  std::ifstream stream;
  std::vector<std::string> names;
  std::string text;     // The line, or the last one of the row.
  std::string content;  // The texts of all cells of the row.
  std::vector<Cell> cells;
  std::string place;
  Index line = 0;
  bool first_waits = false;  // Whether the first row, read for its names, has yet to be returned.
};

double CsvCell::number() const {
  if (missing_) return std::numeric_limits<double>::quiet_NaN();
  const std::optional<double> value = parse_number<double>(text_);
  if (!value) fail("a number");
  return *value;
}

double CsvCell::date() const {
  if (missing_) return std::numeric_limits<double>::quiet_NaN();
  const std::optional<double> value = parse_date(text_);
  if (!value) fail("a date such as 2024-05-31 or 2024-05-31 14:30:00");
  return *value;
}

void CsvCell::fail(std::string_view expected) const {
  throw FileError(
      fmt::format("{}: expected {} in column {}, got {}", *place_, expected, *column_, in_quotes(text_)));
}

std::vector<std::string> internal::missing_cells() {
  return {"", "NA", "N/A", "NaN", "nan", "NULL", "null", "None", "?"};
}

CsvReader::CsvReader(const std::string& path, CsvOptions options)
    : state_(std::make_shared<State>(path, std::move(options))) {
  state_->read_header();
}
CsvReader::~CsvReader() = default;
CsvReader::CsvReader(CsvReader&& other) noexcept = default;
CsvReader& CsvReader::operator=(CsvReader&& other) noexcept = default;

const std::vector<std::string>& CsvReader::names() const { return state_->names; }
const std::string& CsvReader::place() const { return state_->place; }

std::size_t CsvReader::column(std::string_view name) const {
  const auto found = std::find(names().begin(), names().end(), name);
  if (found == names().end()) {
    throw KeyError(fmt::format("{}: expected the name of a column, got {}{}", state_->path, in_quotes(name),
                               did_you_mean(name, names())));
  }
  return static_cast<std::size_t>(found - names().begin());
}

bool CsvReader::next() {
  if (!std::exchange(state_->first_waits, false) && !state_->read_row()) return false;
  if (state_->cells.size() != columns()) {
    throw FileError(fmt::format("{}: expected {} cells, as in the lines before, got {}", place(), columns(),
                                state_->cells.size()));
  }
  return true;
}

CsvCell CsvReader::operator[](std::size_t column) const {
  if (column >= columns()) {
    throw IndexError(
        fmt::format("{}: expected the position of one of {} columns, got {}", place(), columns(), column));
  }
  const State::Cell& cell = state_->cells[column];
  return {state_->text_of(cell), state_->is_missing(cell), place(), names()[column]};
}

Tensor read_csv(const std::string& path, const CsvOptions& options) {
  CsvReader reader(path, options);
  std::vector<float> values;
  Index rows = 0;
  for (; reader.next(); ++rows) {
    for (std::size_t i = 0; i < reader.columns(); ++i) {
      const CsvCell cell = reader[i];
      const std::optional<float> value = parse_number<float>(cell.view());
      if (!value) {
        throw FileError(
            fmt::format("{}: expected a number, got {}; read_table() reads text and missing values",
                        reader.place(), in_quotes(cell.view())));
      }
      values.push_back(*value);
    }
  }
  if (rows == 0) throw FileError(path + ": expected lines of numbers, got none");
  return Tensor::from(values, {rows, static_cast<Index>(reader.columns())});
}

}  // namespace unspool
