#pragma once

#include <string>

#include <unspool/core/tensor.h>

namespace unspool::internal {

/// ValueError, naming the layer, unless `mask` is empty or has the shape `steps`.
void check_mask(const Tensor& mask, const Shape& steps, const std::string& layer);

}  // namespace unspool::internal
