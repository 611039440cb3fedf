#pragma once

#include <unspool/core/dtype.h>
#include <unspool/core/kernel_block.h>
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

}  // namespace unspool
