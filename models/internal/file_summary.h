#pragma once

#include <iosfwd>
#include <string>

namespace unspool::internal {

/// Prints what is in a file, whatever its format is: layers, tensors, sizes, versions and checksums. Reads
/// what it prints, and no elements of tensors, unless `check` is set: then everything, as the readers of the
/// format do. Throws FileError for a broken file, after printing what comes before.
void print_file_summary(std::ostream& out, const std::string& path, bool check);

}  // namespace unspool::internal
