#pragma once

#include <concepts>
#include <memory>
#include <string>
#include <utility>

#include <unspool/models/callback.h>
#include <unspool/models/callback_path.h>

namespace unspool {

/// Keras' arguments of CSVLogger(). The first one may stand in front of the others.
struct CSVLoggerOptions {
  /// The file.
  std::string filename = {};
  std::string separator = ",";  ///< Between the columns.
  /// Whether to add rows to a file that exists, which must have the columns that are logged.
  bool append = false;
};

///@{
/// A callback that writes the logs of each epoch to a row of a CSV file, with a header. The columns are
/// "epoch" and the names in the logs of the first epoch, sorted; without values of a validation among them, a
/// "val_" column of each follows, as in Keras. "NA" stands for values that an epoch does not have. Numbers
/// have as many digits as it takes to read them back. Throws ValueError for an empty separator; fit() throws
/// FileError if the file cannot be written, ValueError for a file to append to with other columns.
std::shared_ptr<Callback> CSVLogger(CSVLoggerOptions options);
template <std::convertible_to<std::string> Path>
std::shared_ptr<Callback> CSVLogger(Path&& path, CSVLoggerOptions options = {}) {
  options.filename = internal::callback_path(std::forward<Path>(path), options.filename, "CSVLogger");
  return CSVLogger(std::move(options));
}
///@}

}  // namespace unspool
