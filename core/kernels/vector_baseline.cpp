#include <unspool/core/kernels/vector_table.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace unspool::kernels {
namespace {

// Every x86-64 and AArch64 processor has vectors of 16 bytes; elsewhere the compiler splits them up.
using Size = std::int64_t;
typedef float Vec __attribute__((vector_size(16)));
constexpr Size width = 4;
typedef std::int32_t Bits __attribute__((vector_size(16)));
using Bytes = std::int32_t;

inline Vec all(float x) { return Vec{x, x, x, x}; }
inline Vec load(const float* from) {
  Vec x;
  __builtin_memcpy(&x, from, sizeof(x));
  return x;
}
inline void store(float* to, Vec x) { __builtin_memcpy(to, &x, sizeof(x)); }
inline Vec load_first(const float* from, Size n) {
  return Vec{from[0], n > 1 ? from[1] : 0, n > 2 ? from[2] : 0, 0};
}
inline void store_first(float* to, Vec x, Size n) {
  to[0] = x[0];
  if (n > 1) to[1] = x[1];
  if (n > 2) to[2] = x[2];
}
// Each element keeps a byte of its own.
inline Bytes narrow(Bits x) {
  x &= Bits{0x1, 0x100, 0x10000, 0x1000000};
  x |= __builtin_shufflevector(x, x, 2, 3, 0, 1);
  return x[0] | x[1];
}
inline Bits widen(Bytes x) { return (Bits{x, x, x, x} & Bits{0xff, 0xff00, 0xff0000, -0x1000000}) != 0; }
inline Vec madd(Vec a, Vec b, Vec c) { return a * b + c; }
inline Vec sqrt(Vec x) {
#ifdef __SSE2__
  return _mm_sqrt_ps(x);
#else
  return Vec{__builtin_sqrtf(x[0]), __builtin_sqrtf(x[1]), __builtin_sqrtf(x[2]), __builtin_sqrtf(x[3])};
#endif
}

}  // namespace
}  // namespace unspool::kernels

#include "vector_basic.inc"
#include "vector_block.inc"

// Without a fused multiply-add, functions that are made of e^x and their gradients are computed in doubles.

namespace unspool::kernels {
namespace {

typedef double Half __attribute__((vector_size(16)));
typedef std::int64_t HalfBits __attribute__((vector_size(16)));

inline HalfBits bits(Half x) { return reinterpret_cast<HalfBits>(x); }
inline Half of_bits(HalfBits x) { return reinterpret_cast<Half>(x); }
inline Half all(double x) { return Half{x, x}; }
constexpr std::int64_t wide_sign_bit = INT64_MIN;

template <auto function, class... Operand>
inline Vec by_halves(Operand... x) {
  const Half low = function(Half{static_cast<double>(x[0]), static_cast<double>(x[1])}...);
  const Half high = function(Half{static_cast<double>(x[2]), static_cast<double>(x[3])}...);
  return Vec{static_cast<float>(low[0]), static_cast<float>(low[1]), static_cast<float>(high[0]),
             static_cast<float>(high[1])};
}

// e^x = power (1 + p), where power is a power of 2 and |p| < 0.42; for |x| up to 170, good to 2^-35 of p. A
// NaN stays one.
struct Parts {
  Half power;
  Half p;
};
inline Parts parts_of_exp(Half x) {
  constexpr double ln2 = 0x1.62e42fefa39efp-1;
  // Added to a number below 2^51 in size, it leaves the nearest integer in the low bits of the sum.
  constexpr double to_integer = 0x1.8p52;
  const Half shifted = x * (1 / ln2) + to_integer;
  const Half r = x - (shifted - to_integer) * ln2;
  const Half power = of_bits((bits(shifted) + 1023) << 52);
  // Taylor's series for |r| <= ln 2 / 2, by Estrin's scheme: in one chain each step would wait for the one
  // before.
  const Half r2 = r * r;
  const Half low = (1.0 / 2 + r * (1.0 / 6)) + (1.0 / 24 + r * (1.0 / 120)) * r2;
  const Half high = (1.0 / 720 + r * (1.0 / 5040)) + (1.0 / 40320 + r * (1.0 / 362880)) * r2;
  return {power, r + (low + high * (r2 * r2)) * r2};
}

inline Half half_exp(Half x) {
  // Beyond these it is infinity or 0.
  x = x > 110 ? all(110.0) : x;
  x = x < -110 ? all(-110.0) : x;
  const Parts e = parts_of_exp(x);
  return e.power + e.power * e.p;
}
inline Vec exp(Vec x) { return by_halves<&half_exp>(x); }

inline Half half_expm1(Half x) {
  Half bounded = x > 110 ? all(110.0) : x;
  bounded = bounded < -110 ? all(-110.0) : bounded;
  const Parts e = parts_of_exp(bounded);
  const Half y = e.power * e.p + (e.power - 1);
  // 0 keeps its sign.
  return x == 0 ? x : y;
}
inline Vec expm1(Vec x) { return by_halves<&half_expm1>(x); }

inline Half half_tanh(Half x) {
  const Half twice = 2 * of_bits(bits(x) & ~wide_sign_bit);
  // Above 40 it is 1.
  const Parts e = parts_of_exp(twice > 40 ? all(40.0) : twice);
  // e^2|x| - 1 = power p + (power - 1): nothing cancels near 0.
  const Half grown = e.power * e.p;
  const Half y = (grown + (e.power - 1)) / (grown + (e.power + 1));
  return of_bits(bits(y) | (bits(x) & wide_sign_bit));
}
inline Vec tanh(Vec x) { return by_halves<&half_tanh>(x); }

inline Half half_sigmoid(Half x) {
  const Half size = of_bits(bits(x) & ~wide_sign_bit);
  // Beyond 110 it is 1 or 0.
  const Parts e = parts_of_exp(size > 110 ? all(110.0) : size);
  const Half grown = e.power + e.power * e.p;
  return (x < 0 ? all(1.0) : grown) / (1 + grown);
}
inline Vec sigmoid(Vec x) { return by_halves<&half_sigmoid>(x); }

inline Two exp_two(Two x) { return {exp(x.a), exp(x.b)}; }
inline Two tanh_two(Two x) { return {tanh(x.a), tanh(x.b)}; }
inline Two sigmoid_two(Two x) { return {sigmoid(x.a), sigmoid(x.b)}; }
// Rounded once: in floats without a fused multiply-add, 1 - y y would lose most of its digits where y is
// near 1.
inline Half half_tanh_gradient(Half y, Half dy) { return dy * (1 - y * y); }
inline Vec tanh_gradient(Vec y, Vec dy) { return by_halves<&half_tanh_gradient>(y, dy); }
inline Half half_sigmoid_gradient(Half y, Half dy) { return dy * y * (1 - y); }
inline Vec sigmoid_gradient(Vec y, Vec dy) { return by_halves<&half_sigmoid_gradient>(y, dy); }

}  // namespace
}  // namespace unspool::kernels

namespace unspool::kernels {
constinit const VectorTable vector_baseline = vector_table();
}  // namespace unspool::kernels
