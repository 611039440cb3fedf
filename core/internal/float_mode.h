#pragma once

#ifdef __SSE__
#include <xmmintrin.h>
#endif

namespace unspool::internal {

/// How this thread's processor computes with floats: how it rounds, and whether results too small for a
/// normal number become 0. A word of its own making; 0 where this is not known.
inline unsigned float_mode() noexcept {
#ifdef __SSE__
  return _mm_getcsr();
#else
  return 0;
#endif
}

inline void set_float_mode([[maybe_unused]] unsigned mode) noexcept {
#ifdef __SSE__
  _mm_setcsr(mode);
#endif
}

/// While it lives, what this thread computes, and the pieces of its parallel_for, become 0 where the result
/// is too small for a normal number. Processors take over a hundred cycles for each such number that they
/// meet, and what fades in a loop over time soon is nothing else.
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
