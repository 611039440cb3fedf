#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include <unspool/core/tensor.h>

/// The values that initializers draw or compute. Each function throws TypeError, with the name of the
/// initializer, unless the dtype is floating. With a seed the values are the same at every call.
namespace unspool::internal {

using Seed = std::optional<std::int64_t>;

/// Drawn uniformly from [low, high).
Tensor uniform_values(std::string_view name, const Shape& shape, DType dtype, double low, double high,
                      const Seed& seed);
/// Drawn from a normal distribution.
Tensor normal_values(std::string_view name, const Shape& shape, DType dtype, double mean, double stddev,
                     const Seed& seed);
/// Drawn from a normal distribution that is cut at two standard deviations on either side.
Tensor truncated_normal_values(std::string_view name, const Shape& shape, DType dtype, double mean,
                               double stddev, const Seed& seed);
/// A matrix whose rows or columns, the fewer ones, are orthogonal and of length `gain`. A shape of more than
/// 2 dimensions is a matrix of its last axis by the others; it has 2 at least.
Tensor orthogonal_values(std::string_view name, const Shape& shape, DType dtype, double gain,
                         const Seed& seed);
/// A matrix that is `gain` on its diagonal, else 0.
Tensor identity_values(std::string_view name, const Shape& shape, DType dtype, double gain);

}  // namespace unspool::internal
