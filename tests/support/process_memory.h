#pragma once

#include <cstddef>
#include <fstream>
#include <sys/resource.h>
#include <sys/wait.h>
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

/// Runs f in a child process, and returns by how many bytes its peak of memory grew. Returns -1 if f throws.
template <class F>
long long growth_of_peak(F f) {
  int ends[2];
  if (pipe(ends) != 0) return -1;
  const pid_t child = fork();
  if (child == 0) {
    long long growth = -1;
    try {
      const std::size_t before = resident_memory();
      f();
      growth = static_cast<long long>(peak_memory()) - static_cast<long long>(before);
    } catch (...) {
    }
    _exit(write(ends[1], &growth, sizeof growth) == sizeof growth ? 0 : 1);
  }
  close(ends[1]);
  long long growth = -1;
  if (child < 0 || read(ends[0], &growth, sizeof growth) != sizeof growth) growth = -1;
  close(ends[0]);
  if (child > 0) waitpid(child, nullptr, 0);
  return growth;
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
