#pragma once

#include <unspool/autograd/conversion.h>

namespace unspool::internal {

/// Integers and bools cast to `dtype`, as Keras' products with weights do; other tensors as they are. Layers
/// cast floating inputs by themselves.
inline Tensor floating(const Tensor& x, DType dtype) { return is_floating(x.dtype()) ? x : cast(x, dtype); }

}  // namespace unspool::internal
