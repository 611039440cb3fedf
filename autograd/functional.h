#pragma once

#include <utility>

#include <unspool/core/callable.h>
#include <unspool/core/tensor.h>

/// \file
/// Derivatives of functions, without a tape.

namespace unspool {

/// A function of one tensor.
using UnaryFunction = Callable<Tensor(const Tensor&)>;

///@{
/// f(x) and d sum(f(x)) / dx, or that gradient alone. The gradient is zeros if f does not depend on x. Outer
/// tapes record it, so calls can be nested.
std::pair<Tensor, Tensor> value_and_gradient(const UnaryFunction& f, const Tensor& x);
Tensor gradient(const UnaryFunction& f, const Tensor& x);
///@}
/// The derivative of every element of f(x) with respect to every element of x, of shape f(x).shape + x.shape.
Tensor jacobian(const UnaryFunction& f, const Tensor& x);
/// The second derivatives of f(x), of shape x.shape + x.shape. Throws ValueError if f(x) is not a scalar.
Tensor hessian(const UnaryFunction& f, const Tensor& x);
/// The Hessian of f(x) times v, computed in two sweeps without the Hessian itself (Pearlmutter 1994). Throws
/// Throws ValueError if f(x) is not a scalar.
Tensor hessian_vector_product(const UnaryFunction& f, const Tensor& x, const Tensor& v);

}  // namespace unspool
