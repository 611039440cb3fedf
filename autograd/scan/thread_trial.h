#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>

#include <unspool/core/shape.h>

namespace unspool::scan_compiler {

/// Finds out whether short runs of a program are faster on many threads or on few. To hand out work takes
/// from a microsecond to a millisecond, which depends on the machine and on what else it does, and changes
/// from minute to minute. So of each 256 runs ten are measured, some on many threads and some on few, and the
/// others are as those that were faster. Results do not depend on it. Thread-safe.
class ThreadTrial {
 public:
  struct Turn {
    /// On few threads.
    bool few;
    /// The time of this run is to be given to took().
    bool measured;
  };

  /// How the next run is to run.
  Turn next();
  void took(const Turn& turn, std::chrono::nanoseconds time, Index steps);

 private:
  std::atomic<std::uint32_t> runs_{0};
  /// Of one round, on many threads and on few.
  std::array<std::atomic<std::uint64_t>, 2> picoseconds_a_step_{};
  std::atomic<bool> few_{false};
};

}  // namespace unspool::scan_compiler
