#pragma once

#include <string_view>

// The build reads the version from these three lines; it stands nowhere else.
#define UNSPOOL_VERSION_MAJOR 0
#define UNSPOOL_VERSION_MINOR 1
#define UNSPOOL_VERSION_PATCH 0

namespace unspool {

/// The version of the library that runs, "0.1.0"; the macros above are that of the headers it was compiled
/// with.
std::string_view version();

}  // namespace unspool
