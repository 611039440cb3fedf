#pragma once

#include <cstdint>

#include <unspool/core/array.h>

namespace unspool::kernels {

enum class Reduce : std::uint8_t { sum, mean, max, min, prod, all, any };

/// y = x reduced over the axes whose bits are set in `axes`; y has x's other elements in row-major order and
/// x's dtype. all and any take booleans, the others numbers, mean floating ones. Floating sums and products
/// are accumulated in double. The order of the operations on an output element follows from the sizes of the
/// reduced axes alone: not from the number of threads, nor from how many other elements there are.
void reduce(Reduce kind, const Array& x, std::uint32_t axes, const Array& y);

}  // namespace unspool::kernels
