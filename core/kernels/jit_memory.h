#pragma once

#include <cstddef>
#include <string_view>
#include <utility>

namespace unspool::kernels {

/// Pages for JIT-compiled code: writable first, then executable, never both.
class JitMemory {
 public:
  /// No pages.
  JitMemory() = default;
  /// Throws std::bad_alloc if the system gives no memory.
  explicit JitMemory(std::size_t bytes);
  ~JitMemory();
  JitMemory(JitMemory&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
  JitMemory& operator=(JitMemory&&) = delete;

  /// The first byte; null without pages.
  void* data() const { return data_; }
  /// Gives back the pages behind the first `used` bytes and makes the others executable. Throws
  /// std::bad_alloc if the system forbids it. If the environment's UNSPOOL_PERF_MAP is "on", profiles by
  /// Linux' perf show the name.
  void make_executable(std::size_t used, std::string_view name);

 private:
  void* data_ = nullptr;
  std::size_t bytes_ = 0;
};

}  // namespace unspool::kernels
