#pragma once

#include <unspool/core/tensor.h>

namespace unspool {

/// The matrix product of a and b, whose last two axes are transposed first if asked to. Leading axes are
/// batches, which broadcast; an operand of rank 1 is a row (a) or a column (b), as in NumPy. Each element is
/// a sum in a fixed order, which depends neither on the other sizes nor on the number of threads. Throws
/// Throws ValueError if the inner sizes differ.
Tensor matmul(const Tensor& a, const Tensor& b, bool transpose_a = false, bool transpose_b = false);

}  // namespace unspool
