#include <algorithm>
#include <fstream>
#include <memory>
#include <utility>

#include <unspool/core/config.h>
#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/data/csv_dataset.h>

namespace unspool {

template class Dictionary<std::string, StringLookup>;

namespace {

/// Makes samples of rows.
class RowMaker {
 public:
  RowMaker(const CsvReader& reader, CsvDatasetOptions options) : options_(std::move(options)) {
    for (const std::string& name : options_.x) x_.push_back(reader.column(name));
    for (const std::string& name : options_.y) y_.push_back(reader.column(name));
    if (!options_.sample_weight.empty()) weight_ = reader.column(options_.sample_weight);
    lookups_.resize(reader.columns());
    for (const auto& [name, lookup] : options_.lookups) lookups_[reader.column(name)] = &lookup;
  }
  // The lookups are those of this object's options.
  RowMaker(const RowMaker&) = delete;
  RowMaker& operator=(const RowMaker&) = delete;

  /// Nothing for a row that is left out.
  std::optional<Batch> operator()(const CsvReader& row) const {
    if (options_.drop_missing && lacks(row)) return {};
    Batch sample{vector(row, x_)};
    if (y_.size() == 1) {
      const std::size_t column = y_.front();
      sample.y = lookups_[column] != nullptr ? Tensor::scalar(lookups_[column]->index(row[column].text()))
                                             : Tensor::scalar(number(row, column));
    } else if (!y_.empty()) {
      sample.y = vector(row, y_);
    }
    if (weight_) sample.sample_weight = Tensor::scalar(number(row, *weight_));
    return sample;
  }

 private:
  bool lacks(const CsvReader& row) const {
    const auto missing = [&](std::size_t column) { return row[column].missing(); };
    return std::any_of(x_.begin(), x_.end(), missing) || std::any_of(y_.begin(), y_.end(), missing) ||
           (weight_ && missing(*weight_));
  }
  Tensor vector(const CsvReader& row, const std::vector<std::size_t>& columns) const {
    return Tensor::generate<float>({static_cast<Index>(columns.size())}, [&](std::span<float> out) {
      for (std::size_t i = 0; i < columns.size(); ++i) out[i] = number(row, columns[i]);
    });
  }
  float number(const CsvReader& row, std::size_t column) const {
    const CsvCell cell = row[column];
    if (lookups_[column] != nullptr) return static_cast<float>(lookups_[column]->index(cell.text()));
    if (cell.missing()) {
      if (options_.fill) return static_cast<float>(*options_.fill);
      throw FileError(
          fmt::format("{}: expected a number in column {}, got a missing value: set .fill or .drop_missing",
                      row.place(), row.names()[column]));
    }
    return static_cast<float>(cell.number());
  }

  CsvDatasetOptions options_;
  std::vector<std::size_t> x_;
  std::vector<std::size_t> y_;
  std::optional<std::size_t> weight_;
  std::vector<const StringLookup*> lookups_;  // Of each column; null for numbers.
};

}  // namespace

Dataset csv_dataset(const std::string& path, CsvDatasetOptions options) {
  if (options.x.empty()) throw ValueError("csv_dataset: expected the columns of x, got none");
  const CsvOptions csv = options.csv;
  const auto make = std::make_shared<const RowMaker>(CsvReader(path, csv), std::move(options));
  return Dataset::from_generator([path, csv, make]() -> Dataset::Generator {
    const auto reader = std::make_shared<CsvReader>(path, csv);
    return [reader, make]() -> std::optional<Batch> {
      while (reader->next()) {
        if (std::optional<Batch> sample = (*make)(*reader)) return sample;
      }
      return {};
    };
  });
}

Dataset csv_dataset(const std::string& path, Callable<Batch(const CsvReader&)> row, CsvOptions options) {
  if (!row) throw ValueError("csv_dataset: expected a function of a row, got an empty one");
  return Dataset::from_generator(
      [path, row = std::move(row), options = std::move(options)]() -> Dataset::Generator {
        const auto reader = std::make_shared<CsvReader>(path, options);
        return [reader, row]() -> std::optional<Batch> {
          if (!reader->next()) return {};
          return row(*reader);
        };
      });
}

Dataset text_line_dataset(const std::string& path, Callable<Batch(const std::string&)> line) {
  if (!line) throw ValueError("text_line_dataset: expected a function of a line, got an empty one");
  return Dataset::from_generator([path, line = std::move(line)]() -> Dataset::Generator {
    const auto stream = std::make_shared<std::ifstream>(path, std::ios::binary);
    if (!*stream) throw FileError(in_quotes(path) + ": expected a file that can be read");
    return [stream, line, path, text = std::string()]() mutable -> std::optional<Batch> {
      if (!std::getline(*stream, text)) {
        if (stream->bad())
          throw FileError(in_quotes(path) + ": expected more lines, got an error of the system");
        return {};
      }
      if (text.ends_with('\r')) text.pop_back();
      return line(text);
    };
  });
}

}  // namespace unspool
