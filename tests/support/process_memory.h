#pragma once

#include <cstddef>
#include <fstream>
#include <sys/resource.h>
#include <unistd.h>

namespace unspool::testing {

/// The memory that this process has now, in bytes, with pages of files that it has mapped.
inline std::size_t resident_memory() {
  std::ifstream statm("/proc/self/statm");
  std::size_t all = 0;
  std::size_t resident = 0;
  statm >> all >> resident;
  return resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

/// The most memory that this process has had, in bytes.
inline std::size_t peak_memory() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::size_t>(usage.ru_maxrss) * 1024;
}

/// What the address sanitizer keeps of freed memory, in bytes; 0 without it.
#ifdef __SANITIZE_ADDRESS__
inline constexpr std::size_t quarantined_memory = 256U << 20U;
#elif defined(__has_feature)
inline constexpr std::size_t quarantined_memory = __has_feature(address_sanitizer) ? 256U << 20U : 0;
#else
inline constexpr std::size_t quarantined_memory = 0;
#endif

}  // namespace unspool::testing
