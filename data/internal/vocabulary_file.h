#pragma once

#include <string>
#include <vector>

namespace unspool::internal {

/// Writes one token a line. Throws ValueError for tokens with line ends, FileError if it fails.
void write_vocabulary(const std::string& path, const std::vector<std::string>& tokens);
/// Reads what write_vocabulary() or Keras wrote. Throws FileError.
std::vector<std::string> read_vocabulary(const std::string& path);

}  // namespace unspool::internal
