#include <algorithm>

#include <unspool/core/internal/format.h>
#include <unspool/models/internal/text_canvas.h>

namespace unspool::internal {

namespace {

constexpr char32_t first_braille = 0x2800;

bool continues_character(char byte) { return (static_cast<unsigned char>(byte) & 0xC0U) == 0x80U; }

/// The character at the start of UTF-8 text, which is shortened by it.
char32_t take_character(std::string_view& text) {
  const auto lead = static_cast<unsigned char>(text.front());
  std::size_t size = 1;
  while (size < text.size() && continues_character(text[size])) ++size;
  char32_t character = lead;
  if (size > 1) {
    character = lead & (0x7FU >> size);
    for (std::size_t i = 1; i < size; ++i) {
      character = character << 6U | (static_cast<unsigned char>(text[i]) & 0x3FU);
    }
  }
  text.remove_prefix(size);
  return character;
}

void append_character(std::string& text, char32_t character) {
  const auto put = [&](char32_t byte) { text += static_cast<char>(static_cast<unsigned char>(byte)); };
  if (character < 0x80) {
    put(character);
  } else if (character < 0x800) {
    put(0xC0U | character >> 6U);
    put(0x80U | (character & 0x3FU));
  } else if (character < 0x10000) {
    put(0xE0U | character >> 12U);
    put(0x80U | (character >> 6U & 0x3FU));
    put(0x80U | (character & 0x3FU));
  } else {
    put(0xF0U | character >> 18U);
    put(0x80U | (character >> 12U & 0x3FU));
    put(0x80U | (character >> 6U & 0x3FU));
    put(0x80U | (character & 0x3FU));
  }
}

std::string sequence_of(TextStyle style) {
  std::string codes = "0";
  if (style.bold) codes += ";1";
  if (style.dim) codes += ";2";
  if (style.color != no_color) codes += fmt::format(";38;5;{}", style.color);
  return "\033[" + codes + "m";
}

}  // namespace

TextCanvas::TextCanvas(int columns, int rows)
    : columns_(std::max(1, columns)),
      rows_(std::max(1, rows)),
      places_(static_cast<std::size_t>(columns_) * static_cast<std::size_t>(rows_)) {}

void TextCanvas::put(int column, int row, char32_t character, TextStyle style) {
  if (column < 0 || column >= columns_ || row < 0 || row >= rows_) return;
  // Control characters would move the cursor.
  if (character < 0x20 || (character >= 0x7F && character < 0xA0)) character = U'?';
  places_[static_cast<std::size_t>(row * columns_ + column)] = {character, style};
}

int TextCanvas::write(int column, int row, std::string_view text, TextStyle style, int width) {
  const int end = width < 0 ? columns_ : std::min(columns_, column + width);
  while (!text.empty() && column < end) put(column++, row, take_character(text), style);
  return column;
}

void TextCanvas::dot(int x, int y, TextStyle style) {
  const int column = x / 2;
  const int row = y / 4;
  if (x < 0 || y < 0 || column >= columns_ || row >= rows_) return;
  // The bits of the dots by row, left and right.
  static constexpr char32_t bits[4][2] = {{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}};
  Place& place = places_[static_cast<std::size_t>(row * columns_ + column)];
  const bool braille = place.character >= first_braille && place.character < first_braille + 0x100;
  place.character = (braille ? place.character : first_braille) | bits[y % 4][x % 2];
  place.style = style;
}

std::string TextCanvas::text(bool colored) const {
  std::string text;
  for (int row = 0; row < rows_; ++row) {
    if (row > 0) text += '\n';
    const Place* const first = &places_[static_cast<std::size_t>(row * columns_)];
    int end = columns_;
    while (end > 0 && first[end - 1].character == U' ') --end;
    TextStyle style;
    for (int column = 0; column < end; ++column) {
      const Place& place = first[column];
      if (colored && place.character != U' ' && !(place.style == style)) {
        text += sequence_of(place.style);
        style = place.style;
      }
      append_character(text, place.character);
    }
    if (!(style == TextStyle())) text += "\033[0m";
  }
  return text;
}

int text_width(std::string_view text) {
  return static_cast<int>(
      std::count_if(text.begin(), text.end(), [](char byte) { return !continues_character(byte); }));
}

}  // namespace unspool::internal
