#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include <unspool/autograd/conversion.h>
#include <unspool/core/tensor.h>

namespace unspool::testing {

/// The largest difference relative to max(1, |expected|); infinite for other shapes and for NaN.
inline double difference(const Tensor& got, const Tensor& expected) {
  if (!(got.shape() == expected.shape())) return std::numeric_limits<double>::infinity();
  const std::vector<double> a = cast(got, float64).to_vector<double>();
  const std::vector<double> b = cast(expected, float64).to_vector<double>();
  double worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double error = std::abs(a[i] - b[i]) / std::max(1.0, std::abs(b[i]));
    if (std::isnan(error)) return std::numeric_limits<double>::infinity();
    worst = std::max(worst, error);
  }
  return worst;
}

}  // namespace unspool::testing
