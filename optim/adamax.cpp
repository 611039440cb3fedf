#include <algorithm>
#include <cmath>

#include <unspool/optim/adamax.h>
#include <unspool/optim/internal/make_optimizer.h>
#include <unspool/optim/update.h>

namespace unspool {

const Fields& AdamaxOptions::fields() {
  using O = AdamaxOptions;
  static const Fields all =
      optimizer_fields<O>(field("learning_rate", &O::learning_rate, "the learning rate"),
                          field("beta_1", &O::beta_1, "the decay of the running mean of the gradients"),
                          field("beta_2", &O::beta_2, "the decay of the largest gradient so far"),
                          field("epsilon", &O::epsilon, "added to the divisor, which may be 0"));
  return all;
}

template Optimizer internal::make_optimizer<optimizers::Adamax>(const AdamaxOptions&);

}  // namespace unspool

namespace unspool::optimizers {

Adamax::Adamax(AdamaxOptions options) : OptimizerOf(std::move(options)) {
  const AdamaxOptions& o = this->options();
  require_mean("beta_1", o.beta_1);
  require_mean("beta_2", o.beta_2);
  require_not_negative("epsilon", o.epsilon);
}

std::vector<std::vector<Adamax::Slot>> Adamax::slots(const Variable&) const {
  return {{{.name = "momentum"}, {.name = "norm"}}};
}

void Adamax::update(const Variable& variable, const Tensor& gradient, std::span<const Variable> slots,
                    const Step& step) {
  visit_floating(variable.dtype(), [&]<class T>(T) {
    const T rate = static_cast<T>(step.learning_rate);
    const T left = T{1} - std::pow(static_cast<T>(options().beta_1), static_cast<T>(step.number));
    const T fresh = static_cast<T>(1 - options().beta_1);
    const T old = static_cast<T>(options().beta_2);
    const T epsilon = static_cast<T>(options().epsilon);
    const auto rule = [=](T g, T& w, T& m, T& norm) {
      m += (g - m) * fresh;
      norm = std::max(old * norm, std::abs(g));
      w -= rate * m / (left * (norm + epsilon));
    };
    update_elements<T>(rule, gradient, variable, slots[0], slots[1]);
  });
}

}  // namespace unspool::optimizers
