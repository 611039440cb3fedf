#include <cmath>

#include <unspool/optim/internal/make_optimizer.h>
#include <unspool/optim/nadam.h>
#include <unspool/optim/update.h>

namespace unspool {

const Fields& NadamOptions::fields() {
  using O = NadamOptions;
  static const Fields all =
      optimizer_fields<O>(field("learning_rate", &O::learning_rate, "the learning rate"),
                          field("beta_1", &O::beta_1, "the decay of the running mean of the gradients"),
                          field("beta_2", &O::beta_2, "the decay of the running mean of their squares"),
                          field("epsilon", &O::epsilon, "added to the divisor, which may be 0"));
  return all;
}

template Optimizer internal::make_optimizer<optimizers::Nadam>(const NadamOptions&);

}  // namespace unspool

namespace unspool::optimizers {

Nadam::Nadam(NadamOptions options) : OptimizerOf(std::move(options)) {
  const NadamOptions& o = this->options();
  require_mean("beta_1", o.beta_1);
  require_mean("beta_2", o.beta_2);
  require_not_negative("epsilon", o.epsilon);
}

std::vector<std::vector<Nadam::Slot>> Nadam::slots(const Variable&) const {
  return {{{.name = "momentum"}, {.name = "velocity"}}};
}

std::vector<Nadam::Slot> Nadam::shared_slots() const {
  return {{.name = "variable", .initial = 1}};  // Keras gives it no other name.
}

namespace {

/// How much of the momentum a step takes: little at first.
template <class T>
T share(double beta_1, std::int64_t step) {
  return static_cast<T>(beta_1) * (T{1} - T{0.5} * std::pow(static_cast<T>(0.96), static_cast<T>(step)));
}

}  // namespace

void Nadam::begin(const Step& step) {
  const Variable& product = step.all[0];
  visit_floating(product.dtype(), [&]<class T>(T) {
    const T now = share<T>(options().beta_1, step.number);
    update_elements<T>([=](T, T& p) { p *= now; }, product.value(), product);
  });
}

void Nadam::update(const Variable& variable, const Tensor& gradient, std::span<const Variable> slots,
                   const Step& step) {
  visit_floating(variable.dtype(), [&]<class T>(T) {
    const T rate = static_cast<T>(step.learning_rate);
    const T now = share<T>(options().beta_1, step.number);
    const T next = share<T>(options().beta_1, step.number + 1);
    const T product = static_cast<T>(step.all[0].value().template item<double>());
    const T beta_1 = static_cast<T>(options().beta_1);
    const T beta_2 = static_cast<T>(options().beta_2);
    const T left = T{1} - std::pow(beta_2, static_cast<T>(step.number));
    const T epsilon = static_cast<T>(options().epsilon);
    const auto rule = [=](T g, T& w, T& m, T& v) {
      m += (g - m) * (T{1} - beta_1);
      v += (g * g - v) * (T{1} - beta_2);
      const T ahead = next * m / (T{1} - product * next) + (T{1} - now) * g / (T{1} - product);
      w -= ahead * rate / (std::sqrt(v / left) + epsilon);
    };
    update_elements<T>(rule, gradient, variable, slots[0], slots[1]);
  });
}

}  // namespace unspool::optimizers
