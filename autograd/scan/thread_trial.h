#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>

#include <unspool/core/shape.h>

namespace unspool::scan_compiler {

/// Finds out whether short runs of a program are faster on several threads or on one. To hand out work takes
/// from a microsecond to a millisecond, which depends on the machine and on what else it does, and changes
/// from minute to minute. So of each 256 runs ten are measured, some on all threads and some on one, and the
/// others are as those that were faster. Results do not depend on it. Thread-safe.
class ThreadTrial {
 public:
  struct Turn {
    /// On one thread.
    bool alone;
    /// The time of this run is to be given to took().
    bool measured;
  };

  /// How the next run is to run.
  Turn next();
  void took(const Turn& turn, std::chrono::nanoseconds time, Index steps);

 private:
  std::atomic<std::uint32_t> runs_{0};
  /// Of one round, shared and alone.
  std::array<std::atomic<std::uint64_t>, 2> picoseconds_a_step_{};
  std::atomic<bool> alone_{false};
};

}  // namespace unspool::scan_compiler
