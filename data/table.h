#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <unspool/core/tensor.h>
#include <unspool/data/csv.h>

namespace unspool {

/// The columns of a CSV file, by name. A column holds numbers if all its cells are numbers or missing, dates
/// if all are dates (see parse_date()) or missing, and text otherwise.
class Table {
 public:
  /// What a column holds.
  enum class Kind : std::uint8_t { number, date, text };

  ///@{
  /// A table without columns, or the columns of another one.
  Table();
  Table(const Table& other);
  Table(Table&& other) noexcept;
  Table& operator=(const Table& other);
  Table& operator=(Table&& other) noexcept;
  ~Table();
  ///@}

  /// The number of rows.
  Index rows() const { return rows_; }
  /// The names of the columns, in order.
  std::vector<std::string> names() const;
  /// What a column holds. Throws KeyError if there is none of this name, with the nearest one.
  Kind kind(std::string_view name) const;
  /// The numbers of a column, or its dates in seconds since 1970, UTC; NaN for missing values. Dates need
  /// float64 or int64 to be exact. Throws TypeError for text, ValueError for missing values in an integer
  /// dtype, KeyError if there is no such column.
  Tensor operator[](std::string_view name) const { return column(name, float32); }
  /// A column as a tensor of this dtype. Errors as above.
  Tensor column(std::string_view name, DType dtype) const;
  /// Several columns as one tensor, (rows, names).
  Tensor columns(const std::vector<std::string>& names, DType dtype = float32) const;
  /// All columns of numbers, (rows, their number).
  Tensor numbers(DType dtype = float32) const;
  /// The cells of a column as they are written, "" for missing ones. Throws KeyError if there is none of this
  /// name.
  const std::vector<std::string>& text(std::string_view name) const&;
  /// A copy for a temporary.
  std::vector<std::string> text(std::string_view name) const&&;
  /// Which rows have a value in a column, of dtype bool.
  Tensor present(std::string_view name) const;
  /// The rows that have values in all of these columns, or in all columns if none are given.
  Table without_missing(const std::vector<std::string>& names = {}) const;

 private:
  friend Table read_table(const std::string& path, const CsvOptions& options);
  struct Column;
  const Column& find(std::string_view name) const;

  Index rows_ = 0;
  std::vector<Column> columns_;
};

/// Reads a CSV file with numbers, dates, text and missing values.
///   const Table table = read_table("weather.csv");
///   table["temperature"], table.text("station"), table.column("time", float64)
/// Throws FileError for rows of different lengths.
Table read_table(const std::string& path, const CsvOptions& options = {});

}  // namespace unspool
