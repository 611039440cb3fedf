#pragma once

#include <unspool/core/dtype.h>
#include <unspool/core/kernel_block.h>
#include <unspool/core/shape.h>

namespace unspool {

/// Row-major elements in memory: an operand or the result of a kernel.
struct Array {
  void* data;          ///< The first element.
  const Shape* shape;  ///< Its sizes; owned by someone else.
  DType dtype;         ///< The type of the elements.
  /// The elements as T, which must be the C++ type of `dtype`.
  template <class T>
  T* as() const {
    return static_cast<T*>(data);
  }
};

}  // namespace unspool
