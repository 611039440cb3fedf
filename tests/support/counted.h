#pragma once

#include <cstdint>

#include <unspool/core/tensor.h>

namespace unspool::testing {

/// A tensor of 0, 1, 2, ... of dtype int32.
inline Tensor counted(const Shape& shape) {
  return Tensor::generate<std::int32_t>(shape, [](std::span<std::int32_t> out) {
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<std::int32_t>(i);
  });
}

}  // namespace unspool::testing
