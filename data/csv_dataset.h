#pragma once

#include <optional>
#include <string>
#include <vector>

#include <unspool/core/callable.h>
#include <unspool/core/dictionary.h>
#include <unspool/data/csv.h>
#include <unspool/data/dataset.h>
#include <unspool/data/string_lookup.h>

namespace unspool {

extern template class Dictionary<std::string, StringLookup>;

/// The arguments of csv_dataset().
struct CsvDatasetOptions {
  std::vector<std::string> x = {};  ///< The columns of the inputs: float32 vectors.
  std::vector<std::string> y = {};  ///< The column of the label, or the columns of a vector of them.
  std::string sample_weight = {};   ///< The column of the weights, if any.
  Dictionary<std::string, StringLookup> lookups = {};  ///< Columns of text, and what makes indices of it.
  std::optional<double> fill = {};                     ///< In place of missing numbers.
  bool drop_missing = false;  ///< Whether to leave out rows with missing values in these columns.
  CsvOptions csv = {};        ///< How the file is read.
};

///@{
/// The rows of a CSV file as samples. Each pass reads the file from its start, in memory for one line. A
/// label that is one column is a number, int64 if it has a lookup, else float32. Dates need the other
/// function. Throws KeyError for columns that are not there; FileError, in a pass, for cells that are not
/// numbers and for missing ones.
Dataset csv_dataset(const std::string& path, CsvDatasetOptions options);
/// With a function that makes a sample of each row: `Batch{...row["price"].number()...}`.
Dataset csv_dataset(const std::string& path, Callable<Batch(const CsvReader&)> row, CsvOptions options = {});
///@}

/// The lines of a text file as samples, without their ends; a function makes a sample of each.
Dataset text_line_dataset(const std::string& path, Callable<Batch(const std::string&)> line);

}  // namespace unspool
