#pragma once

#include <unspool/autograd/operation.h>

namespace unspool {

/// The result of a shape rule of an operation with one output.
inline Specs one(const Shape& shape, DType dtype) {
  Specs specs(1);
  specs[0] = {shape, dtype};
  return specs;
}

}  // namespace unspool
