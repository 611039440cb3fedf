#pragma once

#include <cstdint>

#include <unspool/core/array.h>

namespace unspool::kernels {

/// What a reduction computes.
enum class Reduce : std::uint8_t { sum, mean, max, min, prod, all, any };

/// Reduces x over the axes whose bits are set in `axes` into y, which has the other axes in row-major order
/// and x's dtype. all and any take bools, the others numbers, mean floating-point ones. Floating-point sums
/// and products are accumulated in double. The order of the operations on an element of y depends on the
/// sizes of the reduced axes alone: not on the number of threads, nor on how many other elements there are.
void reduce(Reduce kind, const Array& x, std::uint32_t axes, const Array& y);

}  // namespace unspool::kernels
