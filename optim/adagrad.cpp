#include <cmath>

#include <unspool/optim/adagrad.h>
#include <unspool/optim/internal/make_optimizer.h>
#include <unspool/optim/update.h>

namespace unspool {

const Fields& AdagradOptions::fields() {
  using O = AdagradOptions;
  static const Fields all =
      optimizer_fields<O>(field("learning_rate", &O::learning_rate, "the learning rate"),
                          field("initial_accumulator_value", &O::initial_accumulator_value,
                                "the initial value of the sum of squares"),
                          field("epsilon", &O::epsilon, "added to the divisor, which may be 0"));
  return all;
}

template Optimizer internal::make_optimizer<optimizers::Adagrad>(const AdagradOptions&);

}  // namespace unspool

namespace unspool::optimizers {

Adagrad::Adagrad(AdagradOptions options) : OptimizerOf(std::move(options)) {
  require_not_negative("initial_accumulator_value", this->options().initial_accumulator_value);
  require_not_negative("epsilon", this->options().epsilon);
}

std::vector<std::vector<Adagrad::Slot>> Adagrad::slots(const Variable&) const {
  return {{{.name = "accumulator", .initial = options().initial_accumulator_value}}};
}

void Adagrad::update(const Variable& variable, const Tensor& gradient, std::span<const Variable> slots,
                     const Step& step) {
  visit_floating(variable.dtype(), [&]<class T>(T) {
    const T rate = static_cast<T>(step.learning_rate);
    const T epsilon = static_cast<T>(options().epsilon);
    const auto rule = [=](T g, T& w, T& squares) {
      squares += g * g;
      w -= rate * g / std::sqrt(squares + epsilon);
    };
    update_elements<T>(rule, gradient, variable, slots[0]);
  });
}

}  // namespace unspool::optimizers
