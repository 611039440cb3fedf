#include <cmath>

#include <unspool/optim/adam.h>
#include <unspool/optim/internal/make_optimizer.h>
#include <unspool/optim/update.h>

namespace unspool {

const Fields& AdamOptions::fields() {
  using O = AdamOptions;
  static const Fields all =
      optimizer_fields<O>(field("learning_rate", &O::learning_rate, "the learning rate"),
                          field("beta_1", &O::beta_1, "the decay of the running mean of the gradients"),
                          field("beta_2", &O::beta_2, "the decay of the running mean of their squares"),
                          field("epsilon", &O::epsilon, "added to the divisor, which may be 0"),
                          field("amsgrad", &O::amsgrad,
                                "divides by the largest mean of squares so far (Reddi, Kale, Kumar 2018)"));
  return all;
}

template Optimizer internal::make_optimizer<optimizers::Adam>(const AdamOptions&);

}  // namespace unspool

namespace unspool::optimizers {

Adam::Adam(AdamOptions options) : OptimizerOf(std::move(options)) {
  const AdamOptions& o = this->options();
  require_mean("beta_1", o.beta_1);
  require_mean("beta_2", o.beta_2);
  require_not_negative("epsilon", o.epsilon);
}

std::vector<std::vector<Adam::Slot>> Adam::slots(const Variable&) const {
  std::vector<std::vector<Slot>> groups{{{.name = "momentum"}, {.name = "velocity"}}};
  if (options().amsgrad) groups.push_back({{.name = "velocity_hat"}});
  return groups;
}

void Adam::update(const Variable& variable, const Tensor& gradient, std::span<const Variable> slots,
                  const Step& step) {
  visit_floating(variable.dtype(), [&]<class T>(T) {
    // As Keras rounds them: the powers are of the rounded betas, 1 - beta is rounded after the subtraction.
    const T number = static_cast<T>(step.number);
    const T power_1 = std::pow(static_cast<T>(options().beta_1), number);
    const T power_2 = std::pow(static_cast<T>(options().beta_2), number);
    const T rate = static_cast<T>(step.learning_rate) * std::sqrt(T{1} - power_2) / (T{1} - power_1);
    const T new_1 = static_cast<T>(1 - options().beta_1);
    const T new_2 = static_cast<T>(1 - options().beta_2);
    const T epsilon = static_cast<T>(options().epsilon);
    const auto plain = [=](T g, T& w, T& m, T& v) {
      m += (g - m) * new_1;
      v += (g * g - v) * new_2;
      w -= m * rate / (std::sqrt(v) + epsilon);
    };
    const auto amsgrad = [=](T g, T& w, T& m, T& v, T& largest) {
      m += (g - m) * new_1;
      v += (g * g - v) * new_2;
      largest = largest < v ? v : largest;
      w -= m * rate / (std::sqrt(largest) + epsilon);
    };
    if (options().amsgrad) {
      update_elements<T>(amsgrad, gradient, variable, slots[0], slots[1], slots[2]);
    } else {
      update_elements<T>(plain, gradient, variable, slots[0], slots[1]);
    }
  });
}

}  // namespace unspool::optimizers
