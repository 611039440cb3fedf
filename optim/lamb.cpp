#include <cmath>

#include <unspool/optim/internal/make_optimizer.h>
#include <unspool/optim/lamb.h>
#include <unspool/optim/update.h>

namespace unspool {

const Fields& LambOptions::fields() {
  using O = LambOptions;
  static const Fields all =
      optimizer_fields<O>(field("learning_rate", &O::learning_rate, "the learning rate"),
                          field("beta_1", &O::beta_1, "the decay of the running mean of the gradients"),
                          field("beta_2", &O::beta_2, "the decay of the running mean of their squares"),
                          field("epsilon", &O::epsilon, "added to the divisor, which may be 0"));
  return all;
}

template Optimizer internal::make_optimizer<optimizers::Lamb>(const LambOptions&);

}  // namespace unspool

namespace unspool::optimizers {

Lamb::Lamb(LambOptions options) : OptimizerOf(std::move(options)) {
  const LambOptions& o = this->options();
  require_mean("beta_1", o.beta_1);
  require_mean("beta_2", o.beta_2);
  require_not_negative("epsilon", o.epsilon);
}

std::vector<std::vector<Lamb::Slot>> Lamb::slots(const Variable&) const {
  return {{{.name = "momentum"}, {.name = "velocity"}}};
}

void Lamb::update(const Variable& variable, const Tensor& gradient, std::span<const Variable> slots,
                  const Step& step) {
  visit_floating(variable.dtype(), [&]<class T>(T) {
    const T number = static_cast<T>(step.number);
    const T left_1 = T{1} - std::pow(static_cast<T>(options().beta_1), number);
    const T left_2 = T{1} - std::pow(static_cast<T>(options().beta_2), number);
    const T fresh_1 = static_cast<T>(1 - options().beta_1);
    const T fresh_2 = static_cast<T>(1 - options().beta_2);
    const T epsilon = static_cast<T>(options().epsilon);
    // How far a step goes hangs on its whole direction, which is therefore made first.
    const Variable direction(Tensor::zeros(variable.shape(), variable.dtype()), {.trainable = false});
    const auto rule = [=](T g, T& m, T& v, T& d) {
      m += (g - m) * fresh_1;
      v += (g * g - v) * fresh_2;
      d = m / left_1 / (std::sqrt(v / left_2) + epsilon);
    };
    update_elements<T>(rule, gradient, slots[0], slots[1], direction);
    const T weights = static_cast<T>(std::sqrt(sum_of_squares(variable.value())));
    const T length = static_cast<T>(std::sqrt(sum_of_squares(direction.value())));
    const T ratio = weights > 0 && length > 0 ? weights / length : T{1};
    const T rate = ratio * static_cast<T>(step.learning_rate);
    update_elements<T>([=](T d, T& w) { w -= rate * d; }, direction.value(), variable);
  });
}

}  // namespace unspool::optimizers
