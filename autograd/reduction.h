#pragma once

#include <optional>
#include <vector>

#include <unspool/autograd/axes.h>
#include <unspool/autograd/comparison.h>
#include <unspool/core/tensor.h>

/// \file
/// Reductions over axes, in a fixed order: over all axes if none are given. Negative axes count from the end.
/// `keepdims` keeps the reduced axes with size 1.

namespace unspool {

/// The sum of the elements; 0 if there are none. Of a tensor of dtype bool: how many are true, int32.
Tensor sum(const Tensor& x, const Axes& axes = {}, bool keepdims = false);
/// The sum of tensors that broadcast to one shape, such as model.losses(); a scalar 0 if there are none.
Tensor sum(const std::vector<Tensor>& terms);
/// The mean of the elements; NaN if there are none. Of integers and bool it is float32.
Tensor mean(const Tensor& x, const Axes& axes = {}, bool keepdims = false);
///@{
/// The largest or smallest element. If several are equal, each gets an equal share of the gradient. Throws
/// ValueError if there are no elements.
Tensor max(const Tensor& x, const Axes& axes = {}, bool keepdims = false);
Tensor min(const Tensor& x, const Axes& axes = {}, bool keepdims = false);
///@}
/// The product of the elements; 1 if there are none. The gradient is correct for elements of 0, too.
Tensor prod(const Tensor& x, const Axes& axes = {}, bool keepdims = false);
///@{
/// The mean of the squared distances from the mean, without Bessel's correction, like NumPy's var. Of
/// integers and bool it is float32.
Tensor variance(const Tensor& x, const Axes& axes = {}, bool keepdims = false);
Tensor var(const Tensor& x, const Axes& axes = {}, bool keepdims = false);
///@}
/// The square root of the variance: Keras' and NumPy's std, a name that C++ has taken. Its gradient where all
/// elements are equal is 0.
Tensor stddev(const Tensor& x, const Axes& axes = {}, bool keepdims = false);

/// The arguments of norm().
struct NormOptions {
  /// The order p of a vector's norm; default: 2, over any number of axes.
  std::optional<double> ord = std::nullopt;
  Axes axis = {};         ///< Default: over all axes.
  bool keepdims = false;  ///< Whether the reduced axes are kept with size 1.
};
/// The length of x: sqrt(sum(x * x)) over all axes, as in NumPy and Keras, or another norm of the vectors
/// along one axis: the largest |x| for an infinite order, the smallest for minus infinity, how many are not 0
/// for order 0, else sum(|x|^ord)^(1/ord). The gradient of the 2-norm at 0 is 0. Throws ValueError if `ord`
/// is given and there are several axes, which NumPy takes for a matrix's norm.
///
///     norm(x, {.axis = -1, .keepdims = true})
Tensor norm(const Tensor& x, const NormOptions& options = {});
/// log(sum(exp(x))), without overflow.
Tensor logsumexp(const Tensor& x, const Axes& axes = {}, bool keepdims = false);
///@{
/// The index of the first largest or smallest element along one axis, of dtype int32 as in Keras. Throws
/// ValueError for an axis of size 0.
Tensor argmax(const Tensor& x, int axis = -1);
Tensor argmin(const Tensor& x, int axis = -1);
///@}
/// Cumulative sums along one axis, from its end if `reverse`.
Tensor cumsum(const Tensor& x, int axis = 0, bool reverse = false);
///@{
/// Whether all, or any, of the elements are true. For tensors of dtype bool.
Condition all(const Tensor& x, const Axes& axes = {}, bool keepdims = false);
Condition any(const Tensor& x, const Axes& axes = {}, bool keepdims = false);
///@}

/// Sums x to a shape that broadcasts to that of x; the gradient of broadcast_to(). An axis whose size is -1
/// keeps its size, as do the first `leading` axes, which `shape` does not list.
Tensor sum_to(const Tensor& x, const Shape& shape, int leading = 0);

}  // namespace unspool
