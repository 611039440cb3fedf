#pragma once

#include <string_view>

// The build reads the version from these three lines.
///@{
/// The version of these headers.
#define UNSPOOL_VERSION_MAJOR 0
#define UNSPOOL_VERSION_MINOR 1
#define UNSPOOL_VERSION_PATCH 0
///@}

namespace unspool {

/// The version of the library that the program runs with, "0.1.0". It can differ from that of the headers
/// that the program was compiled with, which the macros above give.
std::string_view version();

}  // namespace unspool
