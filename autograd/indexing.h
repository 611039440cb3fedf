#pragma once

#include <vector>

#include <unspool/core/scalar.h>
#include <unspool/core/tensor.h>

namespace unspool {

/// The parts of x along an axis at integer indices of any shape. The result has the shape x.shape[:axis] +
/// indices.shape + x.shape[axis+1:]. Negative indices count from the end. Throws IndexError if one is out of
/// range.
Tensor gather(const Tensor& x, const Tensor& indices, int axis = 0);
/// Zeros of shape (rows, ...), with updates[i...] added at indices[i...]. Repeated indices add up, in order.
/// The shape of `updates` is indices.shape + (...).
Tensor scatter_add(const Tensor& indices, const Tensor& updates, Index rows);
/// For each index the element of x at that place along the axis and at the place of the index along all other
/// axes, as in NumPy; other axes of size 1 are broadcast. Negative indices count from the end. Throws
/// IndexError if one is out of range.
Tensor take_along_axis(const Tensor& x, const Tensor& indices, int axis);
/// Where x is not 0: for each axis the indices along it, int32, in row-major order. Reads the elements, so x
/// must not be abstract.
std::vector<Tensor> nonzero(const Tensor& x);
/// 1 at each index along a new last axis of size `depth`, 0 elsewhere. An index out of range gives zeros, as
/// in Keras.
Tensor one_hot(const Tensor& indices, Index depth, DType dtype = float32);

}  // namespace unspool
