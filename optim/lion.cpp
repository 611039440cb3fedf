#include <unspool/optim/internal/make_optimizer.h>
#include <unspool/optim/lion.h>
#include <unspool/optim/update.h>

namespace unspool {

const Fields& LionOptions::fields() {
  using O = LionOptions;
  static const Fields all = optimizer_fields<O>(
      field("learning_rate", &O::learning_rate, "the learning rate"),
      field("beta_1", &O::beta_1, "the weight of the running mean in the sign, beside the gradient"),
      field("beta_2", &O::beta_2, "the decay of the running mean of the gradients"));
  return all;
}

template Optimizer internal::make_optimizer<optimizers::Lion>(const LionOptions&);

}  // namespace unspool

namespace unspool::optimizers {

Lion::Lion(LionOptions options) : OptimizerOf(std::move(options)) {
  const double beta_1 = this->options().beta_1;
  require(beta_1 > 0 && beta_1 <= 1, "beta_1", beta_1, "lie in (0, 1]");
  require_mean("beta_2", this->options().beta_2);
}

std::vector<std::vector<Lion::Slot>> Lion::slots(const Variable&) const { return {{{.name = "momentum"}}}; }

void Lion::update(const Variable& variable, const Tensor& gradient, std::span<const Variable> slots,
                  const Step& step) {
  visit_floating(variable.dtype(), [&]<class T>(T) {
    const T rate = static_cast<T>(step.learning_rate);
    const T beta_1 = static_cast<T>(options().beta_1);
    const T beta_2 = static_cast<T>(options().beta_2);
    const auto rule = [=](T g, T& w, T& m) {
      const T along = m * beta_1 + g * (T{1} - beta_1);
      // A NaN is to be seen, not to pass for 0.
      const T sign = along > 0 ? T{1} : along < 0 ? T{-1} : along;
      w -= rate * sign;
      m = m * beta_2 + g * (T{1} - beta_2);
    };
    update_elements<T>(rule, gradient, variable, slots[0]);
  });
}

}  // namespace unspool::optimizers
