#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace unspool::internal {

/// The 256 colors of terminals; `none` is the color of the terminal.
using Color = std::int16_t;
inline constexpr Color no_color = -1;

/// How text looks.
struct TextStyle {
  Color color = no_color;
  bool bold = false;
  bool dim = false;
  friend bool operator==(const TextStyle&, const TextStyle&) = default;
};

/// Rows of characters, each one column wide, that are written to any place and then made into lines.
class TextCanvas {
 public:
  TextCanvas(int columns, int rows);

  int columns() const { return columns_; }
  int rows() const { return rows_; }
  /// Writes UTF-8 text from this place on, as far as the row and `width` go (negative: the whole row). Places
  /// outside are left out. Returns the column after it.
  int write(int column, int row, std::string_view text, TextStyle style = {}, int width = -1);
  /// Writes a character of Unicode.
  void put(int column, int row, char32_t character, TextStyle style = {});
  /// Sets a dot of a Braille character: each has 2 dots side by side and 4 one above the other. `x` and `y`
  /// count dots from the left and from the top of the canvas.
  void dot(int x, int y, TextStyle style);
  /// The rows, separated by newlines, without spaces at their ends.
  std::string text(bool colored) const;

 private:
  struct Place {
    char32_t character = U' ';
    TextStyle style;
  };
  int columns_;
  int rows_;
  std::vector<Place> places_;
};

/// The number of characters of UTF-8 text.
int text_width(std::string_view text);

}  // namespace unspool::internal
