#pragma once

#include <cstddef>

#include <unspool/core/array.h>

namespace unspool {

/// Where an element of an array lies, by its number in row-major order.
inline std::byte* element_at(const Array& array, Index element) {
  return array.as<std::byte>() + element * static_cast<Index>(size_of(array.dtype));
}

}  // namespace unspool
