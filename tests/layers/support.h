#pragma once

#include <cmath>
#include <doctest/doctest.h>
#include <string>
#include <typeinfo>
#include <vector>

#include <unspool/unspool.h>

#include "../support/errors.h"

namespace unspool::testing {

inline const CallArgs in_training = {.training = true};

/// The largest difference from `expected`; infinite if the number of elements differs.
inline double distance(const Tensor& tensor, const std::vector<double>& expected) {
  const std::vector<double> values = tensor.to_vector<double>();
  if (values.size() != expected.size()) return HUGE_VAL;
  double worst = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    // Written so that a NaN is far from everything.
    if (!(std::fabs(values[i] - expected[i]) <= worst)) worst = std::fabs(values[i] - expected[i]);
  }
  return worst;
}

inline bool near(const Tensor& tensor, const std::vector<double>& expected, double tolerance = 1e-6) {
  return distance(tensor, expected) <= tolerance;
}

/// 0, 1, 2, ... in a shape.
inline Tensor counting(const Shape& shape, DType dtype = float32) {
  return reshape(Tensor::arange(0, static_cast<double>(shape.elements()), 1, dtype), shape);
}

/// Values that follow no pattern, the same each time.
inline Tensor some(const Shape& shape, DType dtype = float64, double first = 1) {
  std::vector<double> values;
  for (Index i = 0; i < shape.elements(); ++i)
    values.push_back(0.7 * std::sin(first + 1.3 * static_cast<double>(i)));
  return cast(Tensor::from(values, shape), dtype);
}

inline Tensor mask_of_bits(const std::vector<std::vector<int>>& rows) {
  const Shape shape = {static_cast<Index>(rows.size()), static_cast<Index>(rows.front().size())};
  return Tensor::generate<bool>(shape, [&](std::span<bool> out) {
    std::size_t i = 0;
    for (const std::vector<int>& row : rows) {
      for (const int bit : row) out[i++] = bit != 0;
    }
  });
}

inline std::vector<std::string> paths_of(const std::vector<Variable>& variables) {
  std::vector<std::string> paths;
  for (const Variable& variable : variables) paths.push_back(variable.path());
  return paths;
}

}  // namespace unspool::testing
