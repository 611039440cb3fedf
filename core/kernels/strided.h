#pragma once

#include <array>
#include <cstddef>

#include <unspool/core/shape.h>

namespace unspool::kernels {

/// Distances between neighbours along each axis, in elements: 0 repeats an element, negative ones go back.
using Strides = std::array<Index, Shape::max_rank>;

Strides row_major(const Shape& shape);

/// to[i...] = from[i...] for every index of a box of these sizes. `from` and `to` point at index 0 of it and
/// do not overlap; elements have 1, 4 or 8 bytes. Large boxes are dealt to threads.
void copy(const Shape& sizes, std::size_t element_size, const void* from, const Strides& from_strides,
          void* to, const Strides& to_strides);

}  // namespace unspool::kernels
