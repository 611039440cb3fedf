#pragma once

#include <limits>

namespace unspool::testing {

inline constexpr double infinity = std::numeric_limits<double>::infinity();

}  // namespace unspool::testing
