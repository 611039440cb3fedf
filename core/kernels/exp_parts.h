#pragma once

#include <bit>
#include <cstdint>

namespace unspool::kernels {

/// e^x = power (1 + p), where power is a power of 2 and |p| < 0.42.
struct ExpParts {
  double power;
  double p;
};

/// For x from 0 to 170, good to 2^-35 of p: what functions of floats are made of. Without a branch; a NaN
/// stays one.
inline ExpParts exp_parts(double x) {
  constexpr double ln2 = 0x1.62e42fefa39efp-1;
  // Added to a number of this size, it leaves the nearest integer in the low bits.
  constexpr double to_integer = 0x1.8p52;
  const double shifted = x * (1 / ln2) + to_integer;
  const double r = x - (shifted - to_integer) * ln2;
  const auto n = std::bit_cast<std::uint64_t>(shifted) & 0xff;
  const double power = std::bit_cast<double>((n + 1023) << 52);
  // Taylor's series for |r| <= ln 2 / 2. In pairs (Estrin's scheme), since one sum that waits for the other
  // would take most of the time.
  const double r2 = r * r;
  const double low = (1.0 / 2 + r * (1.0 / 6)) + (1.0 / 24 + r * (1.0 / 120)) * r2;
  const double high = (1.0 / 720 + r * (1.0 / 5040)) + (1.0 / 40320 + r * (1.0 / 362880)) * r2;
  return {power, r + (low + high * (r2 * r2)) * r2};
}

}  // namespace unspool::kernels
