#pragma once

#include <unspool/core/scalar.h>
#include <unspool/core/tensor.h>

/// \file
/// Elementwise arithmetic with NumPy's broadcasting. Throws TypeError if the operands differ in dtype,
/// ValueError if their shapes do not broadcast. A C++ number takes the dtype of the tensor, except for
/// a floating number with an integer tensor, which makes both float32.

namespace unspool {

/// a + b.
Tensor add(const Tensor& a, const Tensor& b);
/// a - b.
Tensor subtract(const Tensor& a, const Tensor& b);
/// a * b.
Tensor multiply(const Tensor& a, const Tensor& b);
/// a / b. Integers are divided as float32, as in Keras; floor_divide() gives integers.
Tensor divide(const Tensor& a, const Tensor& b);
///@{
/// The largest integer <= a / b, of the dtype of a and b. It has no gradient. Throws ValueError for an
/// integer division by zero.
Tensor floor_divide(const Tensor& a, const Tensor& b);
Tensor floor_divide(const Tensor& a, Scalar b);
///@}
///@{
/// a - floor_divide(a, b) * b: the remainder, with the sign of b.
Tensor mod(const Tensor& a, const Tensor& b);
Tensor mod(const Tensor& a, Scalar b);
///@}
///@{
/// The smaller or the larger element. Where they are equal each operand gets half of the gradient.
Tensor minimum(const Tensor& a, const Tensor& b);
Tensor minimum(const Tensor& a, Scalar b);
Tensor minimum(Scalar a, const Tensor& b);
Tensor maximum(const Tensor& a, const Tensor& b);
Tensor maximum(const Tensor& a, Scalar b);
Tensor maximum(Scalar a, const Tensor& b);
///@}
/// -x.
Tensor negative(const Tensor& x);
/// |x|. The gradient at 0 is 0.
Tensor abs(const Tensor& x);
/// -1, 0 or 1. Its gradient is 0.
Tensor sign(const Tensor& x);
/// x * x.
Tensor square(const Tensor& x);
/// min(max(x, low), high).
Tensor clip(const Tensor& x, Scalar low, Scalar high);

///@{
/// As the functions above.
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
///@}

///@{
/// a = a + b, and so on: `a` becomes another tensor. Copies of what it was keep their value.
Tensor& operator+=(Tensor& a, const Tensor& b);
Tensor& operator-=(Tensor& a, const Tensor& b);
Tensor& operator*=(Tensor& a, const Tensor& b);
Tensor& operator/=(Tensor& a, const Tensor& b);
Tensor& operator+=(Tensor& a, Scalar b);
Tensor& operator-=(Tensor& a, Scalar b);
Tensor& operator*=(Tensor& a, Scalar b);
Tensor& operator/=(Tensor& a, Scalar b);
///@}

/// A C++ number as the other operand of `beside`: a scalar tensor of the dtype of `beside`, or of float32 for
/// a floating number with an integer tensor.
Tensor scalar_beside(const Tensor& beside, Scalar value);
/// `tensor` as the other operand of that number: cast to float32 for a floating number with an integer
/// tensor.
Tensor beside_scalar(const Tensor& tensor, Scalar value);

}  // namespace unspool
