#include <unspool/autograd/arithmetic.h>
#include <unspool/autograd/functional.h>
#include <unspool/autograd/reduction.h>
#include <unspool/autograd/tape.h>
#include <unspool/core/error.h>

namespace unspool {
namespace {

Tensor scalar_value(const UnaryFunction& f, const Tensor& x) {
  Tensor value = f(x);
  if (value.rank() != 0)
    throw ValueError("expected a function with a scalar result for a Hessian, got " + describe(value));
  return value;
}

/// The gradient, or zeros if the target does not depend on x.
Tensor gradient_or_zeros(GradientTape& tape, const Tensor& target, const Tensor& x) {
  if (!tape.recorded(target)) return Tensor::zeros(x.shape(), x.dtype());
  return tape.gradient(target, x, {.unconnected = Unconnected::zero});
}

}  // namespace

std::pair<Tensor, Tensor> value_and_gradient(const UnaryFunction& f, const Tensor& x) {
  GradientTape tape;
  tape.watch(x);
  Tensor value = f(x);
  Tensor slope = gradient_or_zeros(tape, value, x);
  return {std::move(value), std::move(slope)};
}

Tensor gradient(const UnaryFunction& f, const Tensor& x) { return value_and_gradient(f, x).second; }

Tensor jacobian(const UnaryFunction& f, const Tensor& x) {
  GradientTape tape;
  tape.watch(x);
  const Tensor value = f(x);
  if (!tape.recorded(value)) return Tensor::zeros(value.shape() + x.shape(), x.dtype());
  return tape.jacobian(value, x);
}

Tensor hessian(const UnaryFunction& f, const Tensor& x) {
  return jacobian(
      [&](const Tensor& at) { return gradient([&](const Tensor& y) { return scalar_value(f, y); }, at); }, x);
}

Tensor hessian_vector_product(const UnaryFunction& f, const Tensor& x, const Tensor& v) {
  if (!(v.shape() == x.shape())) {
    throw ValueError("hessian_vector_product: expected v of the shape of x, got " + describe(v) + " for " +
                     describe(x));
  }
  return gradient(
      [&](const Tensor& at) {
        return sum(gradient([&](const Tensor& y) { return scalar_value(f, y); }, at) * v);
      },
      x);
}

}  // namespace unspool
