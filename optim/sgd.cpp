#include <unspool/optim/internal/make_optimizer.h>
#include <unspool/optim/sgd.h>
#include <unspool/optim/update.h>

namespace unspool {

const Fields& SGDOptions::fields() {
  using O = SGDOptions;
  static const Fields all = optimizer_fields<O>(
      field("learning_rate", &O::learning_rate, "the learning rate"),
      field("momentum", &O::momentum, "the part of the last step that is added to the next, in [0, 1]"),
      field("nesterov", &O::nesterov, "uses Nesterov momentum (Nesterov 1983)"));
  return all;
}

template Optimizer internal::make_optimizer<optimizers::SGD>(const SGDOptions&);

}  // namespace unspool

namespace unspool::optimizers {

SGD::SGD(SGDOptions options) : OptimizerOf(std::move(options)) {
  const double momentum = this->options().momentum;
  require(momentum >= 0 && momentum <= 1, "momentum", momentum, "lie in [0, 1]");
}

std::vector<std::vector<SGD::Slot>> SGD::slots(const Variable&) const {
  if (options().momentum == 0) return {};
  return {{{.name = "momentum"}}};
}

void SGD::update(const Variable& variable, const Tensor& gradient, std::span<const Variable> slots,
                 const Step& step) {
  visit_floating(variable.dtype(), [&]<class T>(T) {
    const T rate = static_cast<T>(step.learning_rate);
    const T momentum = static_cast<T>(options().momentum);
    if (slots.empty()) {
      update_elements<T>([=](T g, T& w) { w -= rate * g; }, gradient, variable);
      return;
    }
    const auto plain = [=](T g, T& w, T& m) {
      m = momentum * m - rate * g;
      w += m;
    };
    const auto nesterov = [=](T g, T& w, T& m) {
      m = momentum * m - rate * g;
      w += momentum * m - rate * g;
    };
    if (options().nesterov) {
      update_elements<T>(nesterov, gradient, variable, slots[0]);
    } else {
      update_elements<T>(plain, gradient, variable, slots[0]);
    }
  });
}

}  // namespace unspool::optimizers
