#pragma once

#include <concepts>
#include <optional>
#include <vector>

#include <unspool/autograd/axes.h>
#include <unspool/core/tensor.h>

/// \file
/// Rearranging the elements of a tensor. Functions with a parameter `leading` keep that many axes at the
/// front as they are, and `shape` describes the remaining ones.

namespace unspool {

///@{
/// x with another shape. One size may be -1: it is computed from the others, so that `reshape(x, -1)` is x as
/// a vector. Throws ValueError if the number of elements differs.
Tensor reshape(const Tensor& x, const Shape& shape, int leading = 0);
template <std::integral I>
Tensor reshape(const Tensor& x, I size) {
  return reshape(x, Shape{size});
}
///@}
/// x with its axes in this order, or reversed if none is given.
Tensor transpose(const Tensor& x, const std::vector<Index>& axes = {});
/// x with two of its axes exchanged: `swapaxes(x, 0, 1)` for (time, batch, ...).
Tensor swapaxes(const Tensor& x, int a, int b);
/// x with one of its axes at another place, the others in their order.
Tensor moveaxis(const Tensor& x, int source, int destination);
/// x repeated to a shape that it broadcasts to. An axis whose size is -1 keeps its size.
Tensor broadcast_to(const Tensor& x, const Shape& shape, int leading = 0);
/// Inserts axes of size 1 at these positions of the result. Negative ones count from its end.
Tensor expand_dims(const Tensor& x, const Axes& axes);
/// Removes these axes of size 1, or all such axes if none is given.
Tensor squeeze(const Tensor& x, const Axes& axes = {});
/// Reverses the order of elements along these axes, or along all axes if none is given.
Tensor flip(const Tensor& x, const Axes& axes = {});

///@{
/// x, so many times along each axis, as NumPy's tile: a list shorter than the rank speaks of the last axes, a
/// longer one of new axes at the front.
Tensor tile(const Tensor& x, const Shape& repeats);
template <std::integral I>
Tensor tile(const Tensor& x, I repeats) {
  return tile(x, Shape{repeats});
}
///@}
///@{
/// Each element along an axis so many times in a row, all alike or each its own number; of the elements as a
/// vector if no axis is given, as NumPy's repeat.
Tensor repeat(const Tensor& x, Index repeats, std::optional<Index> axis = std::nullopt);
Tensor repeat(const Tensor& x, const std::vector<Index>& repeats, std::optional<Index> axis = std::nullopt);
///@}
/// The elements moved by `shift` places along an axis; those that leave at one end come in at the other.
Tensor roll(const Tensor& x, Index shift, int axis);

}  // namespace unspool
