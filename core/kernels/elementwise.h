#pragma once

#include <span>

#include <unspool/core/array.h>

namespace unspool::kernels {

/// Runs `block` over the broadcast of at most 8 inputs into `output`, which has the shape of that broadcast.
/// Large outputs are dealt to threads.
void broadcast(BlockFunction block, std::span<const Array> inputs, const Array& output);

}  // namespace unspool::kernels
