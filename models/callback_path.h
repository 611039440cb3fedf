#pragma once

#include <string>

namespace unspool::internal {

/// The path of a callback that writes a file, which stands in front of its options or is one of them. Throws
/// ValueError if there are two.
std::string callback_path(std::string in_front, const std::string& option, const char* callback);

}  // namespace unspool::internal
