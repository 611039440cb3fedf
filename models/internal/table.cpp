#include <algorithm>
#include <utility>

#include <unspool/models/internal/table.h>

namespace unspool::internal {
namespace {

bool starts_character(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) != 0x80; }

/// The number of characters of a text in UTF-8.
std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), starts_character));
}

/// The bytes of the first `width` characters.
std::size_t bytes_of(std::string_view text, std::size_t width) {
  std::size_t at = 0;
  for (; at < text.size(); ++at) {
    if (starts_character(text[at]) && width-- == 0) break;
  }
  return at;
}

/// Lines of at most `width` characters, broken between words if possible.
std::vector<std::string> wrapped(std::string text, std::size_t width) {
  std::vector<std::string> lines;
  while (width_of(text) > width) {
    const std::size_t fits = bytes_of(text, width);
    std::size_t cut = text.rfind(' ', fits);
    // Not within an indentation.
    const bool between = cut != std::string::npos && text.find_first_not_of(' ') < cut;
    if (!between) cut = fits;
    lines.push_back(text.substr(0, cut));
    text.erase(0, cut + (between ? 1 : 0));
  }
  lines.push_back(text);
  return lines;
}

/// A title, whose end is replaced by an ellipsis if a word of it is too long.
std::vector<std::string> title_lines(const std::string& title, std::size_t width) {
  if (title.find(' ') == std::string::npos && title.size() > width) return {title.substr(0, width - 1) + "…"};
  return wrapped(title, width);
}

}  // namespace

Table::Table(std::vector<Column> columns, int line_length) : columns_(std::move(columns)) {
  int begin = 0;
  std::vector<std::vector<std::string>> titles;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    const int end = static_cast<int>(static_cast<double>(line_length) * columns_[i].end);
    // Borders and padding take 3 n + 1 characters of a line, which rich divides so.
    const int taken = i + 2 == columns_.size() ? 4 : 3;
    widths_.push_back(static_cast<std::size_t>(std::max(4, end - begin - taken)));
    begin = end;
    titles.push_back(title_lines(columns_[i].title, widths_.back()));
  }
  rule("┏", "━", "┳", "┓");
  cells(titles, "┃");
  rule("┡", "━", "╇", "┩");
}

void Table::row(const std::vector<std::string>& row) {
  if (!std::exchange(empty_, false)) rule("├", "─", "┼", "┤");
  std::vector<std::vector<std::string>> lines;
  for (std::size_t i = 0; i < widths_.size(); ++i) lines.push_back(wrapped(row[i], widths_[i]));
  cells(lines, "│");
}

std::string Table::take() {
  rule("└", "─", "┴", "┘");
  return std::move(text_);
}

void Table::rule(std::string_view left, std::string_view fill, std::string_view middle,
                 std::string_view right) {
  for (std::size_t i = 0; i < widths_.size(); ++i) {
    text_ += i == 0 ? left : middle;
    for (std::size_t k = 0; k < widths_[i] + 2; ++k) text_ += fill;
  }
  text_ += right;
  text_ += '\n';
}

void Table::cells(const std::vector<std::vector<std::string>>& lines, std::string_view border) {
  std::size_t height = 0;
  for (const std::vector<std::string>& cell : lines) height = std::max(height, cell.size());
  for (std::size_t k = 0; k < height; ++k) {
    for (std::size_t i = 0; i < widths_.size(); ++i) {
      const std::string part = k < lines[i].size() ? lines[i][k] : std::string();
      const std::size_t space = widths_[i] - width_of(part);
      const Align align = columns_[i].align;
      const std::size_t before = align == Align::left ? 0 : align == Align::right ? space : space / 2;
      text_ += border;
      text_ += std::string(before + 1, ' ') + part + std::string(space - before + 1, ' ');
    }
    text_ += border;
    text_ += '\n';
  }
}

}  // namespace unspool::internal
