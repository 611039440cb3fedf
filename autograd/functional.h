#pragma once

#include <functional>
#include <utility>

#include <unspool/core/tensor.h>

/// Derivatives of functions, without a tape in sight.
namespace unspool {

using UnaryFunction = std::function<Tensor(const Tensor&)>;

/// f(x) and d sum(f(x)) / dx. Zeros if f does not depend on x. Recorded by the tapes around, so it nests.
std::pair<Tensor, Tensor> value_and_gradient(const UnaryFunction& f, const Tensor& x);
Tensor gradient(const UnaryFunction& f, const Tensor& x);
/// The derivative of every element of f(x) by every element of x: shape f(x).shape + x.shape.
Tensor jacobian(const UnaryFunction& f, const Tensor& x);
/// The second derivatives of the scalar f(x): shape x.shape + x.shape. ValueError if f(x) is no scalar.
Tensor hessian(const UnaryFunction& f, const Tensor& x);
/// The hessian of the scalar f(x) times v, in two sweeps and without the matrix (Pearlmutter 1994).
Tensor hessian_vector_product(const UnaryFunction& f, const Tensor& x, const Tensor& v);

}  // namespace unspool
