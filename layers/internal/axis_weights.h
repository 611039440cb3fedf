#pragma once

#include <string>
#include <vector>

#include <unspool/core/tensor.h>

namespace unspool::internal {

/// The sizes of some axes of an input. Throws ValueError, with the name of the layer that normalizes along
/// these axes, if one is unknown.
Shape sizes_of_axes(const Shape& input, const std::vector<Index>& axes, const std::string& layer);

/// A weight with the sizes of `axes`, which are sorted, reshaped to broadcast to tensors of this rank.
Tensor along_axes(const Tensor& weight, const std::vector<Index>& axes, int rank);

}  // namespace unspool::internal
