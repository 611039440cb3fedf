#include <cmath>

#include <unspool/optim/adadelta.h>
#include <unspool/optim/internal/make_optimizer.h>
#include <unspool/optim/update.h>

namespace unspool {

const Fields& AdadeltaOptions::fields() {
  using O = AdadeltaOptions;
  static const Fields all = optimizer_fields<O>(
      field("learning_rate", &O::learning_rate, "the learning rate"),
      field("rho", &O::rho, "the decay of the running means of squares"),
      field("epsilon", &O::epsilon,
            "added under both roots: avoids division by 0, and makes the first step possible"));
  return all;
}

template Optimizer internal::make_optimizer<optimizers::Adadelta>(const AdadeltaOptions&);

}  // namespace unspool

namespace unspool::optimizers {

Adadelta::Adadelta(AdadeltaOptions options) : OptimizerOf(std::move(options)) {
  const AdadeltaOptions& o = this->options();
  require_mean("rho", o.rho);
  require_not_negative("epsilon", o.epsilon);
}

std::vector<std::vector<Adadelta::Slot>> Adadelta::slots(const Variable&) const {
  return {{{.name = "accumulated_grad"}, {.name = "accumulated_delta_var"}}};
}

void Adadelta::update(const Variable& variable, const Tensor& gradient, std::span<const Variable> slots,
                      const Step& step) {
  visit_floating(variable.dtype(), [&]<class T>(T) {
    const T rate = static_cast<T>(step.learning_rate);
    const T old = static_cast<T>(options().rho);
    const T fresh = static_cast<T>(1 - options().rho);
    const T epsilon = static_cast<T>(options().epsilon);
    const auto rule = [=](T g, T& w, T& gradients, T& steps) {
      gradients = old * gradients + fresh * (g * g);
      const T change = -(std::sqrt(steps + epsilon) * g / std::sqrt(gradients + epsilon));
      steps = old * steps + fresh * (change * change);
      w += rate * change;
    };
    update_elements<T>(rule, gradient, variable, slots[0], slots[1]);
  });
}

}  // namespace unspool::optimizers
