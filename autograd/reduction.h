#pragma once

#include <vector>

#include <unspool/core/tensor.h>

/// \file
/// Reductions over axes, in a fixed order: over all axes if none are given. Negative axes count from the end.
/// `keepdims` keeps the reduced axes with size 1.

namespace unspool {

/// A list of axes.
using Axes = std::vector<Index>;

/// The sum of the elements; 0 if there are none.
Tensor sum(const Tensor& x, const Axes& axes = {}, bool keepdims = false);
/// The mean of the elements; NaN if there are none.
Tensor mean(const Tensor& x, const Axes& axes = {}, bool keepdims = false);
///@{
/// The largest or smallest element. If several are equal, each gets an equal share of the gradient. Throws
/// Throws ValueError if there are no elements.
Tensor max(const Tensor& x, const Axes& axes = {}, bool keepdims = false);
Tensor min(const Tensor& x, const Axes& axes = {}, bool keepdims = false);
///@}
/// The product of the elements; 1 if there are none. The gradient is correct for elements of 0, too.
Tensor prod(const Tensor& x, const Axes& axes = {}, bool keepdims = false);
/// The mean of the squared distances from the mean, without Bessel's correction, like NumPy's var.
Tensor variance(const Tensor& x, const Axes& axes = {}, bool keepdims = false);
/// log(sum(exp(x))), without overflow.
Tensor logsumexp(const Tensor& x, const Axes& axes = {}, bool keepdims = false);
///@{
/// The index of the first largest or smallest element along one axis, of dtype int32 as in Keras. Throws
/// Throws ValueError for an axis of size 0.
Tensor argmax(const Tensor& x, int axis = -1);
Tensor argmin(const Tensor& x, int axis = -1);
///@}
/// Cumulative sums along one axis, from its end if `reverse`.
Tensor cumsum(const Tensor& x, int axis = 0, bool reverse = false);
///@{
/// Whether all, or any, of the elements are true. For tensors of dtype bool.
Tensor all(const Tensor& x, const Axes& axes = {}, bool keepdims = false);
Tensor any(const Tensor& x, const Axes& axes = {}, bool keepdims = false);
///@}

/// Sums x to a shape that broadcasts to that of x; the gradient of broadcast_to(). An axis whose size is -1
/// keeps its size, as do the first `leading` axes, which `shape` does not list.
Tensor sum_to(const Tensor& x, const Shape& shape, int leading = 0);

}  // namespace unspool
