#pragma once

#include <span>

#include <unspool/core/array.h>

namespace unspool::kernels {

/// Runs `block` over the broadcast of the inputs into `output` (whose shape is that broadcast), large ones
/// dealt to threads. At most 8 inputs.
void broadcast(BlockFunction block, std::span<const Array> inputs, const Array& output);

}  // namespace unspool::kernels
