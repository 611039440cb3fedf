#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <unspool/core/optional_bool.h>
#include <unspool/core/tensor.h>

namespace unspool {

namespace internal {
std::vector<std::string> missing_cells();
}

/// How a CSV file is read. Cells are separated as RFC 4180 says: a cell in double quotes may contain
/// separators, line ends, and quotes that are written twice. Spaces around cells without quotes are dropped,
/// empty lines are skipped.
struct CsvOptions {
  char separator = ',';  ///< Between cells; a semicolon or a tabulator are others.
  /// Whether the first line has the names of columns. Default: if it has no numbers.
  OptionalBool header = {};
  std::vector<std::string> names = {};  ///< The names of columns, in place of those of the file.
  /// Cells without a value. Default: "", "NA", "N/A", "NaN", "nan", "NULL", "null", "None" and "?".
  std::vector<std::string> missing = internal::missing_cells();
};

/// A cell of a CSV file. Views the line that it belongs to.
class CsvCell {
 public:
  /// A cell in the column named `column`, in the row that begins at `place`, such as "file.csv:7".
  CsvCell(std::string_view text, bool missing, const std::string& place, const std::string& column)
      : text_(text), missing_(missing), place_(&place), column_(&column) {}

  /// Whether it has no value; see CsvOptions::missing.
  bool missing() const { return missing_; }
  /// As it is written, without quotes.
  std::string text() const { return std::string(text_); }
  /// As a number; NaN if missing. Throws FileError for anything else.
  double number() const;
  /// As a date, in seconds since 1970 in UTC; NaN if missing. Throws FileError for what parse_date() does not
  /// know.
  double date() const;
  /// The text without a copy, while the row is unchanged.
  std::string_view view() const { return text_; }

 private:
  [[noreturn]] void fail(std::string_view expected) const;
  std::string_view text_;
  bool missing_;
  const std::string* place_;
  const std::string* column_;
};

/// Seconds from 1970 to a date in UTC: 2024-05-31, 2024/05/31 or 31.05.2024, with 14:30, 14:30:59 or
/// 14:30:59.5 behind a space or a T, and Z at the end or not. Nothing for another text, and for dates and
/// times that do not exist.
std::optional<double> parse_date(std::string_view text);

/// Reads a CSV file line by line, in memory for one line.
class CsvReader {
 public:
  /// Opens a file. Throws FileError if that fails or the file is empty.
  explicit CsvReader(const std::string& path, CsvOptions options = {});
  ~CsvReader();
  /// Goes on where the other reader was.
  CsvReader(CsvReader&& other) noexcept;
  /// Goes on where the other reader was.
  CsvReader& operator=(CsvReader&& other) noexcept;

  /// The names of columns; "0", "1", ... if the file has none.
  const std::vector<std::string>& names() const;
  /// The number of columns.
  std::size_t columns() const { return names().size(); }
  /// The position of a column. Throws KeyError if there is none, with the nearest name.
  std::size_t column(std::string_view name) const;

  /// Moves to the next row; false at the end. Throws FileError for a row with another number of cells, and
  /// for quotes that are not closed.
  bool next();
  ///@{
  /// A cell of the row, valid until next(). Throws IndexError or KeyError if there is no such column.
  CsvCell operator[](std::size_t column) const;
  CsvCell operator[](std::string_view name) const { return (*this)[column(name)]; }
  ///@}
  /// Where the row begins: "file.csv:7".
  const std::string& place() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

/// Reads a file of comma-separated numbers as a float32 tensor of shape (rows, columns). A first line without
/// numbers is a header and is skipped. Throws FileError with the line if a value is not a number or a line
/// has another length. For text, dates and missing values, see read_table().
Tensor read_csv(const std::string& path, const CsvOptions& options = {});

}  // namespace unspool
