#pragma once

#include <unspool/core/scalar.h>
#include <unspool/core/tensor.h>

/// Functions of one floating number, elementwise.
namespace unspool {

Tensor sqrt(const Tensor& x);
/// 1 / sqrt(x).
Tensor rsqrt(const Tensor& x);
/// a to the power b, 1 for b = 0. The gradient by a at b = 0 is 0; that by b is 0 where a <= 0.
Tensor pow(const Tensor& a, const Tensor& b);
Tensor pow(const Tensor& a, Scalar b);
Tensor pow(Scalar a, const Tensor& b);
Tensor exp(const Tensor& x);
/// exp(x) - 1, exact near 0.
Tensor expm1(const Tensor& x);
Tensor log(const Tensor& x);
/// log(1 + x), exact near 0.
Tensor log1p(const Tensor& x);
Tensor sin(const Tensor& x);
Tensor cos(const Tensor& x);
Tensor erf(const Tensor& x);
/// 1 - erf(x), exact where that is near 0.
Tensor erfc(const Tensor& x);
Tensor tanh(const Tensor& x);
/// 1 / (1 + exp(-x)), without overflow.
Tensor sigmoid(const Tensor& x);
/// log(1 + exp(x)), without overflow.
Tensor softplus(const Tensor& x);
/// x / (1 + |x|).
Tensor softsign(const Tensor& x);
/// max(x, 0); the derivative at 0 is 0.
Tensor relu(const Tensor& x);

}  // namespace unspool
