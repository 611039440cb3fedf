#pragma once

#include <unspool/core/tensor.h>

namespace unspool {

/// op(a) op(b), where op transposes the last two axes if asked to. Leading axes are batches and broadcast;
/// operands of rank 1 are taken as a row (a) or a column (b), as in NumPy. Each element is one sum over k in
/// order, whatever the other sizes and the number of threads. ValueError if the inner sizes differ.
Tensor matmul(const Tensor& a, const Tensor& b, bool transpose_a = false, bool transpose_b = false);

}  // namespace unspool
