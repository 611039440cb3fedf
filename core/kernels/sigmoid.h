#pragma once

#include <cmath>

#include <unspool/core/kernels/exp_parts.h>

namespace unspool::kernels {

inline double sigmoid(double x) {
  const double small = std::exp(-std::abs(x));
  return (x >= 0 ? 1 : small) / (1 + small);
}

/// Within 0.501 ulp, where the formula in floats is off by 2: a recurrent loop feeds such errors back into
/// itself. Without a branch.
inline float sigmoid(float x) {
  const double size = std::abs(static_cast<double>(x));
  // Beyond 110 it is 1 or 0; a NaN stays one.
  const auto [power, p] = exp_parts(size > 110 ? 110 : size);
  const double grown = power + power * p;
  return static_cast<float>((x < 0 ? 1 : grown) / (1 + grown));
}

}  // namespace unspool::kernels
