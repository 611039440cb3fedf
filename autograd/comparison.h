#pragma once

#include <unspool/core/scalar.h>
#include <unspool/core/tensor.h>

/// \file
/// Elementwise comparisons and logic with NumPy's broadcasting. The results are of dtype bool and have no
/// gradient.

namespace unspool {

///@{
/// Whether a == b, a != b, a < b, a <= b, a > b, a >= b.
Tensor equal(const Tensor& a, const Tensor& b);
Tensor not_equal(const Tensor& a, const Tensor& b);
Tensor less(const Tensor& a, const Tensor& b);
Tensor less_equal(const Tensor& a, const Tensor& b);
Tensor greater(const Tensor& a, const Tensor& b);
Tensor greater_equal(const Tensor& a, const Tensor& b);
Tensor equal(const Tensor& a, Scalar b);
Tensor not_equal(const Tensor& a, Scalar b);
Tensor operator<(const Tensor& a, const Tensor& b);
Tensor operator<=(const Tensor& a, const Tensor& b);
Tensor operator>(const Tensor& a, const Tensor& b);
Tensor operator>=(const Tensor& a, const Tensor& b);
Tensor operator<(const Tensor& a, Scalar b);
Tensor operator<=(const Tensor& a, Scalar b);
Tensor operator>(const Tensor& a, Scalar b);
Tensor operator>=(const Tensor& a, Scalar b);
///@}

///@{
/// Logic on tensors of dtype bool.
Tensor logical_and(const Tensor& a, const Tensor& b);
Tensor logical_or(const Tensor& a, const Tensor& b);
Tensor logical_xor(const Tensor& a, const Tensor& b);
Tensor logical_not(const Tensor& x);
///@}
/// Whether x is NaN.
Tensor is_nan(const Tensor& x);

/// a where `condition` (of dtype bool) is true, else b, with all three broadcast. An element that is not
/// selected gets a gradient of exactly 0, even if it is NaN.
Tensor where(const Tensor& condition, const Tensor& a, const Tensor& b);

}  // namespace unspool
