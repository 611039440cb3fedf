#pragma once

#include <cstddef>
#include <string_view>
#include <utility>

namespace unspool::kernels {

/// Pages for machine code: to be written first, and then to be run, never both.
class CodeMemory {
 public:
  CodeMemory() = default;
  /// std::bad_alloc if the system gives none.
  explicit CodeMemory(std::size_t bytes);
  ~CodeMemory();
  CodeMemory(CodeMemory&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
  CodeMemory& operator=(CodeMemory&&) = delete;

  void* data() const { return data_; }
  /// Gives back what lies behind the first `used` bytes, and lets the others run. std::bad_alloc if the
  /// system forbids it. Where the environment's UNSPOOL_PERF_MAP is "on", Linux' perf is told the name, by
  /// the file that it reads for that: a profile shows it.
  void make_runnable(std::size_t used, std::string_view name);

 private:
  void* data_ = nullptr;
  std::size_t bytes_ = 0;
};

}  // namespace unspool::kernels
