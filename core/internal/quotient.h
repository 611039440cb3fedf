#pragma once

#include <cstdint>

#include <unspool/core/shape.h>

namespace unspool::internal {

/// value / step, neither of them negative. Older processors divide words of 64 bits in 40 to 90 cycles, those
/// of 32 in 26: a small product has time for a few thousand.
inline Index quotient(Index value, Index step) {
  if (static_cast<std::uint64_t>(value | step) >> 32U == 0) {
    return static_cast<std::uint32_t>(value) / static_cast<std::uint32_t>(step);
  }
  return value / step;
}

}  // namespace unspool::internal
