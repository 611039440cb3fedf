#pragma once

#include <array>
#include <cstddef>

#include <unspool/core/shape.h>

namespace unspool::kernels {

/// Strides along each axis, in elements: 0 repeats an element, a negative one goes backwards.
using Strides = std::array<Index, Shape::max_rank>;

/// The strides of a dense tensor of this shape.
Strides row_major(const Shape& shape);

/// Copies a box of these sizes, to[i...] = from[i...]. `from` and `to` point at its index 0 and do not
/// overlap. Elements have 1, 4 or 8 bytes. Large boxes are dealt to threads.
void copy(const Shape& sizes, std::size_t element_size, const void* from, const Strides& from_strides,
          void* to, const Strides& to_strides);

}  // namespace unspool::kernels
