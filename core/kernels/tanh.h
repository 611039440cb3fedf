#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

namespace unspool::kernels {

inline double tanh(double x) { return std::tanh(x); }

/// Within 0.501 ulp. std::tanh of a float is off by up to 2 in glibc, and a recurrent loop feeds such errors
/// back into itself. Without a branch.
inline float tanh(float x) {
  // With e^2|x| - 1 = 2^n p + (2^n - 1), where p = e^r - 1 and |r| <= ln 2 / 2, nothing cancels near 0.
  constexpr double ln2 = 0x1.62e42fefa39efp-1;
  // Added to a number of this size, it leaves the nearest integer in the low bits.
  constexpr double to_integer = 0x1.8p52;
  const double twice = 2 * std::abs(static_cast<double>(x));
  const double bounded = twice > 40 ? 40 : twice;  // Its tanh is 1; a NaN stays one.
  const double shifted = bounded * (1 / ln2) + to_integer;
  const double r = bounded - (shifted - to_integer) * ln2;
  const auto n = std::bit_cast<std::uint64_t>(shifted) & 0xff;
  const double power = std::bit_cast<double>((n + 1023) << 52);
  // Taylor's series: what is left out is below 2^-35 of p. In pairs (Estrin's scheme), since one sum that
  // waits for the other would take most of the time.
  const double r2 = r * r;
  const double low = (1.0 / 2 + r * (1.0 / 6)) + (1.0 / 24 + r * (1.0 / 120)) * r2;
  const double high = (1.0 / 720 + r * (1.0 / 5040)) + (1.0 / 40320 + r * (1.0 / 362880)) * r2;
  const double p = r + (low + high * (r2 * r2)) * r2;
  const double grown = power * p;
  return std::copysign(static_cast<float>((grown + (power - 1)) / (grown + (power + 1))), x);
}

}  // namespace unspool::kernels
