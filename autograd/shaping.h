#pragma once

#include <vector>

#include <unspool/autograd/views.h>
#include <unspool/core/tensor.h>

/// \file
/// Rearranging the elements of a tensor. Functions with a parameter `leading` keep that many axes at the
/// front as they are, and `shape` describes the remaining ones.

namespace unspool {

/// x with another shape. One size may be -1: it is computed from the others. Throws ValueError if the number
/// of elements differs.
Tensor reshape(const Tensor& x, const Shape& shape, int leading = 0);
/// x with its axes in this order, or reversed if none is given.
Tensor transpose(const Tensor& x, const std::vector<Index>& axes = {});
/// x repeated to a shape that it broadcasts to. An axis whose size is -1 keeps its size.
Tensor broadcast_to(const Tensor& x, const Shape& shape, int leading = 0);
///@{
/// Inserts axes of size 1 at these positions of the result. Negative ones count from its end.
Tensor expand_dims(const Tensor& x, int axis);
Tensor expand_dims(const Tensor& x, const std::vector<Index>& axes);
///@}
/// Removes these axes of size 1, or all such axes if none is given.
Tensor squeeze(const Tensor& x, const std::vector<Index>& axes = {});
/// Reverses the order of elements along these axes, or along all axes if none is given.
Tensor flip(const Tensor& x, const std::vector<Index>& axes = {});

}  // namespace unspool
