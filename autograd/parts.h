#pragma once

#include <array>
#include <optional>
#include <vector>

#include <unspool/core/scalar.h>
#include <unspool/core/tensor.h>

/// Cutting tensors into parts and joining parts. x[i] is a part along the first axis.
namespace unspool {

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
std::vector<Tensor> split(const Tensor& x, Index count, int axis = -1);
/// auto [a, b] = split<2>(x).
template <std::size_t count>
std::array<Tensor, count> split(const Tensor& x, int axis = -1) {
  std::vector<Tensor> parts = split(x, static_cast<Index>(count), axis);
  std::array<Tensor, count> array;
  for (std::size_t i = 0; i < count; ++i) array[i] = std::move(parts[i]);
  return array;
}
/// One tensor for each index of an axis, without it: the reverse of stack.
std::vector<Tensor> unstack(const Tensor& x, int axis = 0);

}  // namespace unspool
