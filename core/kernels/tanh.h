#pragma once

#include <cmath>

#include <unspool/core/kernels/exp_parts.h>

namespace unspool::kernels {

inline double tanh(double x) { return std::tanh(x); }

/// Within 0.501 ulp. std::tanh of a float is off by up to 2 in glibc, and a recurrent loop feeds such errors
/// back into itself. Without a branch.
inline float tanh(float x) {
  const double twice = 2 * std::abs(static_cast<double>(x));
  // Above 40 it is 1; a NaN stays one.
  const auto [power, p] = exp_parts(twice > 40 ? 40 : twice);
  // e^2|x| - 1 = power p + (power - 1): nothing cancels near 0.
  const double grown = power * p;
  return std::copysign(static_cast<float>((grown + (power - 1)) / (grown + (power + 1))), x);
}

}  // namespace unspool::kernels
