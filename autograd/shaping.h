#pragma once

#include <array>
#include <limits>
#include <optional>
#include <vector>

#include <unspool/core/scalar.h>
#include <unspool/core/tensor.h>

/// The same elements in another arrangement.
namespace unspool {

/// One size may be -1: it follows from the others.
Tensor reshape(const Tensor& x, const Shape& shape);
/// The axes in the order given; all reversed if none is.
Tensor transpose(const Tensor& x, const std::vector<Index>& axes = {});
Tensor broadcast_to(const Tensor& x, const Shape& shape);
/// Puts in an axis of size 1 (negative: counted from the end of the result).
Tensor expand_dims(const Tensor& x, int axis);
/// Takes axes of size 1 out; none given: all of them.
Tensor squeeze(const Tensor& x, const std::vector<Index>& axes = {});

/// A range of one axis: begin, begin + step, ... before end. Negative bounds count from the end, and bounds
/// beyond it are cut, as in Python.
struct Slice {
  std::optional<Index> begin = std::nullopt;
  std::optional<Index> end = std::nullopt;
  Index step = 1;
};
/// A range of each leading axis; the axes that are not named stay whole. ValueError for a step of 0.
Tensor slice(const Tensor& x, const std::vector<Slice>& ranges);
/// The range [begin, end) of one axis.
Tensor slice(const Tensor& x, int axis, Index begin, Index end);

/// Adds `value` before and after along each axis: one pair {before, after} an axis.
Tensor pad(const Tensor& x, const std::vector<std::array<Index, 2>>& widths, Scalar value = 0);
/// Joins along an axis; the other sizes must be equal.
Tensor concat(const std::vector<Tensor>& tensors, int axis = -1);
/// Joins along a new axis.
Tensor stack(const std::vector<Tensor>& tensors, int axis = 0);
/// Parts of these sizes along an axis.
std::vector<Tensor> split(const Tensor& x, const std::vector<Index>& sizes, int axis = -1);
/// `count` equal parts. ValueError if the size is no multiple.
template <std::size_t count>
std::array<Tensor, count> split(const Tensor& x, int axis = -1);
std::vector<Tensor> split(const Tensor& x, Index count, int axis = -1);
/// One tensor for each index of an axis, without it: the reverse of stack.
std::vector<Tensor> unstack(const Tensor& x, int axis = 0);
/// The order along these axes reversed.
Tensor flip(const Tensor& x, const std::vector<Index>& axes);

template <std::size_t count>
std::array<Tensor, count> split(const Tensor& x, int axis) {
  std::vector<Tensor> parts = split(x, static_cast<Index>(count), axis);
  std::array<Tensor, count> array;
  for (std::size_t i = 0; i < count; ++i) array[i] = std::move(parts[i]);
  return array;
}

}  // namespace unspool
