#pragma once

#include <array>
#include <utility>
#include <vector>

#include <unspool/core/tensor.h>

/// \file
/// Joining tensors along an axis, and taking them apart again. A compiled loop joins and splits columns where
/// they lie; elsewhere the elements are copied.

namespace unspool {

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
