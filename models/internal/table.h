#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace unspool::internal {

/// A table of text with borders, as the Python package rich draws it for Keras.
class Table {
 public:
  enum class Align { left, right, center };
  struct Column {
    std::string title;
    /// The part of a line at which the column ends.
    double end;
    Align align;
  };

  Table(std::vector<Column> columns, int line_length);
  /// Adds a row with a cell for each column. Long cells are wrapped.
  void row(const std::vector<std::string>& cells);
  /// Ends the table and returns its lines.
  std::string take();

 private:
  void rule(std::string_view left, std::string_view fill, std::string_view middle, std::string_view right);
  void cells(const std::vector<std::vector<std::string>>& lines, std::string_view border);

  std::vector<Column> columns_;
  std::vector<std::size_t> widths_;
  std::string text_;
  bool empty_ = true;
};

}  // namespace unspool::internal
