#pragma once

#include <vector>

#include <unspool/core/tensor.h>

/// Reductions over axes, sums in a fixed order. No axes: over all. Negative axes count from the end. keepdims
/// keeps the reduced axes with size 1.
namespace unspool {

using Axes = std::vector<Index>;

Tensor sum(const Tensor& x, const Axes& axes = {}, bool keepdims = false);
/// Of no elements: NaN.
Tensor mean(const Tensor& x, const Axes& axes = {}, bool keepdims = false);
/// Of no elements: ValueError. Of several largest elements each takes an equal share of the gradient.
Tensor max(const Tensor& x, const Axes& axes = {}, bool keepdims = false);
Tensor min(const Tensor& x, const Axes& axes = {}, bool keepdims = false);
/// Its gradient is right where elements are 0, too.
Tensor prod(const Tensor& x, const Axes& axes = {}, bool keepdims = false);
/// The mean squared distance from the mean (biased, as NumPy's var).
Tensor variance(const Tensor& x, const Axes& axes = {}, bool keepdims = false);
/// log(sum(exp(x))), without overflow.
Tensor logsumexp(const Tensor& x, const Axes& axes = {}, bool keepdims = false);
/// The index of the first largest element along one axis: int32, like Keras'.
Tensor argmax(const Tensor& x, int axis = -1);
Tensor argmin(const Tensor& x, int axis = -1);
/// Running sums along one axis.
Tensor cumsum(const Tensor& x, int axis = 0, bool reverse = false);
/// Booleans: whether all, or any, of the elements hold.
Tensor all(const Tensor& x, const Axes& axes = {}, bool keepdims = false);
Tensor any(const Tensor& x, const Axes& axes = {}, bool keepdims = false);

/// Sums x down to a shape that broadcasts to x's: the reverse of broadcast_to. A size of -1 stays as it is,
/// and so do the first `leading` axes.
Tensor sum_to(const Tensor& x, const Shape& shape, int leading = 0);

}  // namespace unspool
