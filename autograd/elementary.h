#pragma once

#include <unspool/core/scalar.h>
#include <unspool/core/tensor.h>

/// \file
/// Elementwise functions of floating tensors.

namespace unspool {

/// The square root of x.
Tensor sqrt(const Tensor& x);
/// 1 / sqrt(x).
Tensor rsqrt(const Tensor& x);
///@{
/// a to the power of b; 1 for b = 0. The gradient with respect to a is 0 at b = 0; that with respect to b is
/// 0 for a <= 0.
Tensor pow(const Tensor& a, const Tensor& b);
Tensor pow(const Tensor& a, Scalar b);
Tensor pow(Scalar a, const Tensor& b);
///@}
/// e to the power of x.
Tensor exp(const Tensor& x);
/// exp(x) - 1, accurate near 0.
Tensor expm1(const Tensor& x);
/// The natural logarithm of x.
Tensor log(const Tensor& x);
/// log(1 + x), accurate near 0.
Tensor log1p(const Tensor& x);
/// The logarithm of x to base 2.
Tensor log2(const Tensor& x);
/// The logarithm of x to base 10.
Tensor log10(const Tensor& x);
///@{
/// x rounded down, up, or to the nearest integer, the even one of two. The gradient is 0.
Tensor floor(const Tensor& x);
Tensor ceil(const Tensor& x);
Tensor round(const Tensor& x);
///@}
/// The sine of x in radians.
Tensor sin(const Tensor& x);
/// The cosine of x in radians.
Tensor cos(const Tensor& x);
/// The error function of x.
Tensor erf(const Tensor& x);
/// 1 - erf(x), accurate for large x.
Tensor erfc(const Tensor& x);
///@{
/// The hyperbolic tangent, sine and cosine of x.
Tensor tanh(const Tensor& x);
Tensor sinh(const Tensor& x);
Tensor cosh(const Tensor& x);
///@}
/// 1 / (1 + exp(-x)), without overflow.
Tensor sigmoid(const Tensor& x);
/// log(1 + exp(x)), without overflow.
Tensor softplus(const Tensor& x);
/// x / (1 + |x|).
Tensor softsign(const Tensor& x);
/// max(x, 0). The gradient at 0 is 0.
Tensor relu(const Tensor& x);

}  // namespace unspool
