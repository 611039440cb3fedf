#pragma once

#include <unspool/core/tensor.h>

/// \file
/// Order along one axis. NaN counts as larger than every number, and equal elements keep their order. What is
/// returned is a new tensor: `x = sort(x);`.

namespace unspool {

/// The elements in ascending or descending order along an axis.
[[nodiscard]] Tensor sort(const Tensor& x, int axis = -1, bool descending = false);
/// The indices that sort x along an axis, int32 as in Keras.
[[nodiscard]] Tensor argsort(const Tensor& x, int axis = -1, bool descending = false);

/// What top_k() returns: `auto [values, indices] = top_k(x, 5);`.
struct TopK {
  Tensor values;   ///< The largest first.
  Tensor indices;  ///< Their places along the last axis, int32.
};
/// The k largest elements along the last axis. Throws ValueError if there are fewer.
[[nodiscard]] TopK top_k(const Tensor& x, Index k);

}  // namespace unspool
