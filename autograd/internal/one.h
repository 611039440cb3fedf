#pragma once

#include <unspool/autograd/operation.h>

namespace unspool {

/// What the shape rule of an operation with one output returns.
inline Specs one(const Shape& shape, DType dtype) {
  Specs specs(1);
  specs[0] = {shape, dtype};
  return specs;
}

}  // namespace unspool
