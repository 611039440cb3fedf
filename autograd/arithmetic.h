#pragma once

#include <unspool/core/scalar.h>
#include <unspool/core/tensor.h>

/// Elementwise arithmetic with NumPy's broadcasting. Both operands have one dtype (TypeError otherwise); a
/// C++ number takes the tensor's, but a floating number beside an integer tensor makes both float32.
namespace unspool {

Tensor add(const Tensor& a, const Tensor& b);
Tensor subtract(const Tensor& a, const Tensor& b);
Tensor multiply(const Tensor& a, const Tensor& b);
/// Integers: rounded towards zero; by zero is a ValueError.
Tensor divide(const Tensor& a, const Tensor& b);
/// Of equal elements the gradient goes half to each.
Tensor minimum(const Tensor& a, const Tensor& b);
Tensor maximum(const Tensor& a, const Tensor& b);
Tensor negative(const Tensor& x);
/// The gradient at 0 is 0.
Tensor abs(const Tensor& x);
/// -1, 0 or 1.
Tensor sign(const Tensor& x);
Tensor square(const Tensor& x);
/// min(max(x, low), high).
Tensor clip(const Tensor& x, Scalar low, Scalar high);

Tensor operator+(const Tensor& a, const Tensor& b);
Tensor operator-(const Tensor& a, const Tensor& b);
Tensor operator*(const Tensor& a, const Tensor& b);
Tensor operator/(const Tensor& a, const Tensor& b);
Tensor operator-(const Tensor& x);
Tensor operator+(const Tensor& a, Scalar b);
Tensor operator-(const Tensor& a, Scalar b);
Tensor operator*(const Tensor& a, Scalar b);
Tensor operator/(const Tensor& a, Scalar b);
Tensor operator+(Scalar a, const Tensor& b);
Tensor operator-(Scalar a, const Tensor& b);
Tensor operator*(Scalar a, const Tensor& b);
Tensor operator/(Scalar a, const Tensor& b);
Tensor maximum(const Tensor& a, Scalar b);
Tensor minimum(const Tensor& a, Scalar b);

/// A C++ number as the other operand of `beside`: a scalar tensor of its dtype, or of float32 for a floating
/// number beside integers.
Tensor scalar_beside(const Tensor& beside, Scalar value);
/// `tensor` as it stands beside that number: cast to float32 where that is the rule above.
Tensor beside_scalar(const Tensor& tensor, Scalar value);

}  // namespace unspool
