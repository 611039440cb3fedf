#pragma once

#include <concepts>
#include <optional>

#include <unspool/core/scalar.h>
#include <unspool/core/tensor.h>

/// \file
/// Tensors of given elements, as in NumPy and keras.ops. Where a shape is expected, a number is a shape of
/// rank 1.

namespace unspool {

///@{
/// All elements equal to 0, 1 or `value`.
Tensor zeros(const Shape& shape, DType dtype = float32);
Tensor ones(const Shape& shape, DType dtype = float32);
Tensor full(const Shape& shape, Scalar value, DType dtype = float32);
template <std::integral I>
Tensor zeros(I size, DType dtype = float32) {
  return zeros(Shape{size}, dtype);
}
template <std::integral I>
Tensor ones(I size, DType dtype = float32) {
  return ones(Shape{size}, dtype);
}
template <std::integral I>
Tensor full(I size, Scalar value, DType dtype = float32) {
  return full(Shape{size}, value, dtype);
}
///@}

///@{
/// All elements equal, in the shape of x, which may have unknown dimensions; of its dtype if none is given.
Tensor zeros_like(const Tensor& x, std::optional<DType> dtype = std::nullopt);
Tensor ones_like(const Tensor& x, std::optional<DType> dtype = std::nullopt);
Tensor full_like(const Tensor& x, Scalar value, std::optional<DType> dtype = std::nullopt);
///@}
/// `value`, broadcast to the shape of x, which may have unknown dimensions. No gradient flows to x.
Tensor full_like(const Tensor& x, const Tensor& value);

///@{
/// A matrix with ones on its diagonal and zeros elsewhere, square if the columns are not given.
Tensor eye(Index rows, DType dtype = float32);
Tensor eye(Index rows, Index columns, DType dtype = float32);
///@}

///@{
/// start, start + step, ... up to, not including, stop; from 0 if no start is given. Without a dtype it is
/// int32 if all arguments are integers, else float32, as in Keras. Throws ValueError for a step of 0, and if
/// a number does not fit the dtype.
Tensor arange(Scalar stop, std::optional<DType> dtype = std::nullopt);
Tensor arange(Scalar start, Scalar stop, Scalar step = 1, std::optional<DType> dtype = std::nullopt);
///@}
/// `count` numbers at equal distances from `start` to `stop`, or up to, not including, `stop` if `endpoint`
/// is false. Throws ValueError for a negative count.
Tensor linspace(double start, double stop, Index count = 50, bool endpoint = true, DType dtype = float32);

}  // namespace unspool
