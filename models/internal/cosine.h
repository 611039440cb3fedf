#pragma once

#include <unspool/core/tensor.h>

namespace unspool::internal {

/// The cosine of the angle between two vectors along an axis; 0 for a vector of zeros.
Tensor cosine(const Tensor& y_true, const Tensor& y_pred, int axis);

}  // namespace unspool::internal
