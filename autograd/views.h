#pragma once

#include <array>
#include <optional>
#include <vector>

#include <unspool/core/scalar.h>
#include <unspool/core/tensor.h>

/// \file
/// Views of parts of tensors, and joining tensors. x[i] is a part along the first axis. A compiled loop reads
/// and writes ranges of columns where they lie; elsewhere a part is a copy.

namespace unspool {

/// A range of indices: begin, begin + step, ... up to, not including, end. As in Python, negative bounds
/// count from the end and bounds out of range are clipped.
struct Slice {
  std::optional<Index> begin = std::nullopt;  ///< Default: the first index, or the last if step < 0.
  /// Default: past the last index, or before the first if step < 0.
  std::optional<Index> end = std::nullopt;
  Index step = 1;  ///< Not 0.
};
/// One range for each leading axis; the other axes stay whole. Throws ValueError for a step of 0.
Tensor slice(const Tensor& x, const std::vector<Slice>& ranges);
/// The range [begin, end) along one axis; without an end, all from `begin` on.
Tensor slice(const Tensor& x, int axis, Index begin, std::optional<Index> end = std::nullopt);

///@{
/// x with `part` in place of slice(x, ranges), to which it is broadcast. For single indices see
/// Tensor::with().
[[nodiscard]] Tensor slice_update(const Tensor& x, const std::vector<Slice>& ranges, const Tensor& part);
[[nodiscard]] Tensor slice_update(const Tensor& x, const std::vector<Slice>& ranges, Scalar value);
///@}

/// Adds elements equal to `value` around x: one pair {before, after} for each axis.
Tensor pad(const Tensor& x, const std::vector<std::array<Index, 2>>& widths, Scalar value = 0);
///@{
/// Joins tensors along an axis. Throws ValueError if they differ in another size. Under the name that
/// keras.ops has, the axis is the first unless another is given.
Tensor concat(const std::vector<Tensor>& tensors, int axis = -1);
Tensor concatenate(const std::vector<Tensor>& tensors, int axis = 0);
///@}
/// Joins tensors of equal shapes along a new axis.
Tensor stack(const std::vector<Tensor>& tensors, int axis = 0);
/// Parts of these sizes along an axis. Throws ValueError unless they add up to its size.
std::vector<Tensor> split(const Tensor& x, const std::vector<Index>& sizes, int axis = -1);
/// `count` equal parts along an axis. Throws ValueError if the size is not a multiple of it.
std::vector<Tensor> split(const Tensor& x, Index count, int axis = -1);
/// Equal parts along an axis: `auto [a, b] = split<2>(x);`.
template <std::size_t count>
std::array<Tensor, count> split(const Tensor& x, int axis = -1) {
  std::vector<Tensor> parts = split(x, static_cast<Index>(count), axis);
  std::array<Tensor, count> array;
  for (std::size_t i = 0; i < count; ++i) array[i] = std::move(parts[i]);
  return array;
}
/// The parts along an axis, without that axis: the inverse of stack().
std::vector<Tensor> unstack(const Tensor& x, int axis = 0);

}  // namespace unspool
