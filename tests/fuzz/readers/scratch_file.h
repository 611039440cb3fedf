#pragma once

#include <string>
#include <string_view>

namespace unspool::fuzz {

/// Writes a file whose name ends so, in memory if the system allows it, and returns its path. One file of
/// each ending exists at a time; they are removed at the end of the process.
std::string scratch_file(std::string_view ending, std::string_view bytes);

}  // namespace unspool::fuzz
