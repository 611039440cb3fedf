#pragma once

#include <cmath>
#include <doctest/doctest.h>
#include <functional>
#include <vector>

#include <unspool/autograd/recorder.h>
#include <unspool/core/tensor.h>

namespace unspool::testing {

/// Checks shape and elements, within 1e-6 of the larger of 1 and the expected number.
inline void check_tensor(const Tensor& got, const Shape& shape, const std::vector<double>& expected) {
  CHECK(got.shape() == shape);
  const std::vector<double> values = got.to_vector<double>();
  REQUIRE(values.size() == expected.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    CAPTURE(i);
    if (std::isnan(expected[i])) {
      CHECK(std::isnan(values[i]));
    } else if (std::isinf(expected[i])) {
      CHECK(values[i] == expected[i]);
    } else {
      CHECK(std::fabs(values[i] - expected[i]) <= 1e-6 * std::fmax(1, std::fabs(expected[i])));
    }
  }
}

/// What the function makes of float32 tensors of these shapes, whose sizes may be unknown.
inline Spec spec_of(const std::function<Tensor(const std::vector<Tensor>&)>& function,
                    const std::vector<Shape>& shapes) {
  std::vector<Spec> inputs;
  for (const Shape& shape : shapes) inputs.push_back({shape, float32});
  return infer([&](const std::vector<Tensor>& x) { return std::vector{function(x)}; }, inputs)[0];
}

/// 0, 1, 2, ... as float32.
inline Tensor counting_up(const Shape& shape) {
  return Tensor::generate<float>(shape, [](std::span<float> out) {
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<float>(i);
  });
}

}  // namespace unspool::testing
