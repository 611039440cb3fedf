#pragma once

#include <vector>

#include <unspool/core/tensor.h>

namespace unspool::internal {

/// x over its Euclidean norm along `axes`, but times no more than 1 / epsilon.
Tensor normalize(const Tensor& x, const std::vector<Index>& axes, double epsilon);

}  // namespace unspool::internal
