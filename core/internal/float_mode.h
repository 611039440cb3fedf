#pragma once

#ifdef __SSE__
#include <xmmintrin.h>
#endif

namespace unspool::internal {

/// The control register for floating-point arithmetic of this thread (MXCSR on x86): rounding, and whether
/// subnormal results become 0. 0 on other machines.
inline unsigned float_mode() noexcept {
#ifdef __SSE__
  return _mm_getcsr();
#else
  return 0;
#endif
}

/// Sets the control register to a value of float_mode().
inline void set_float_mode([[maybe_unused]] unsigned mode) noexcept {
#ifdef __SSE__
  _mm_setcsr(mode);
#endif
}

/// While it lives, subnormal results become 0 on this thread and in the pieces of its parallel_for. An
/// operation on a subnormal number takes over a hundred cycles, and values that decay in a loop over time
/// soon are subnormal.
class FlushToZero {
 public:
  FlushToZero() noexcept : before_(float_mode()) { set_float_mode(before_ | flush_bit); }
  ~FlushToZero() { set_float_mode(before_); }
  FlushToZero(const FlushToZero&) = delete;
  FlushToZero& operator=(const FlushToZero&) = delete;

 private:
  static constexpr unsigned flush_bit = 0x8000;
  unsigned before_;
};

}  // namespace unspool::internal
