#pragma once

#include <unspool/core/scalar.h>
#include <unspool/core/tensor.h>

namespace unspool {

/// Parts of x along an axis, at integer indices of any shape: x.shape[:axis] + indices.shape +
/// x.shape[axis+1:]. Negative indices count from the end; IndexError out of range.
Tensor gather(const Tensor& x, const Tensor& indices, int axis = 0);
/// Zeros of `rows` parts along axis 0, with updates[i...] added at indices[i...]; repeated indices add up, in
/// order. updates.shape == indices.shape + part.shape.
Tensor scatter_add(const Tensor& indices, const Tensor& updates, Index rows);
/// 1 at each index along a new last axis of size `depth`, 0 elsewhere. Indices out of range give zeros, as in
/// Keras.
Tensor one_hot(const Tensor& indices, Index depth, DType dtype = float32);

}  // namespace unspool
