#pragma once

#include <vector>

#include <unspool/autograd/parts.h>
#include <unspool/core/tensor.h>

/// The same elements in another arrangement. Where there is `leading`, so many axes in front stay as they
/// are, and the shape speaks of those behind.
namespace unspool {

/// One size may be -1: it follows from the others.
Tensor reshape(const Tensor& x, const Shape& shape, int leading = 0);
/// The axes in the order given; all reversed if none is.
Tensor transpose(const Tensor& x, const std::vector<Index>& axes = {});
/// A size of -1 stays as it is.
Tensor broadcast_to(const Tensor& x, const Shape& shape, int leading = 0);
/// Puts in an axis of size 1 (negative: counted from the end of the result).
Tensor expand_dims(const Tensor& x, int axis);
/// Several at once: each one's place in the result.
Tensor expand_dims(const Tensor& x, const std::vector<Index>& axes);
/// Takes axes of size 1 out; none given: all of them.
Tensor squeeze(const Tensor& x, const std::vector<Index>& axes = {});
/// The order along these axes reversed; along all of them if none is given.
Tensor flip(const Tensor& x, const std::vector<Index>& axes = {});

}  // namespace unspool
