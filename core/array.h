#pragma once

#include <unspool/core/dtype.h>
#include <unspool/core/shape.h>

namespace unspool {

/// Row-major elements in memory: what kernels read and write.
struct Array {
  void* data;
  const Shape* shape;
  DType dtype;
  template <class T>
  T* as() const {
    return static_cast<T*>(data);
  }
};

/// A run of elements of an elementwise operation: operand i advances by steps[i] (0 or 1) elements.
struct KernelBlock {
  const void* const* inputs;
  const Index* steps;
  void* output;
  Index count;
  /// Of the last operand.
  DType input_dtype;
  DType output_dtype;
};
using BlockFunction = void (*)(const KernelBlock&);

}  // namespace unspool
