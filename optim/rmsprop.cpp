#include <cmath>

#include <unspool/optim/internal/make_optimizer.h>
#include <unspool/optim/rmsprop.h>
#include <unspool/optim/update.h>

namespace unspool {

const Fields& RMSpropOptions::fields() {
  using O = RMSpropOptions;
  static const Fields all = optimizer_fields<O>(
      field("learning_rate", &O::learning_rate, "the learning rate"),
      field("rho", &O::rho, "the decay of the running mean of the squared gradients"),
      field("momentum", &O::momentum, "the part of the last step that is added to the next"),
      field("epsilon", &O::epsilon, "added to the divisor, which may be 0"),
      field("centered", &O::centered, "divides by an estimate of the variance, not by the mean square"));
  return all;
}

template Optimizer internal::make_optimizer<optimizers::RMSprop>(const RMSpropOptions&);

}  // namespace unspool

namespace unspool::optimizers {

RMSprop::RMSprop(RMSpropOptions options) : OptimizerOf(std::move(options)) {
  const RMSpropOptions& o = this->options();
  require_mean("rho", o.rho);
  require(o.momentum >= 0 && o.momentum <= 1, "momentum", o.momentum, "lie in [0, 1]");
  require_not_negative("epsilon", o.epsilon);
}

std::vector<std::vector<RMSprop::Slot>> RMSprop::slots(const Variable&) const {
  std::vector<std::vector<Slot>> groups{{{.name = "velocity"}}};
  if (options().momentum > 0) groups.push_back({{.name = "momentum"}});
  if (options().centered) groups.push_back({{.name = "average_gradient"}});
  return groups;
}

void RMSprop::update(const Variable& variable, const Tensor& gradient, std::span<const Variable> slots,
                     const Step& step) {
  visit_floating(variable.dtype(), [&]<class T>(T) {
    const T rate = static_cast<T>(step.learning_rate);
    const T old = static_cast<T>(options().rho);
    const T fresh = static_cast<T>(1 - options().rho);
    const T momentum = static_cast<T>(options().momentum);
    const T epsilon = static_cast<T>(options().epsilon);
    const auto square = [=](T g, T& v) {
      v = old * v + fresh * (g * g);
      return rate * g / std::sqrt(v + epsilon);
    };
    const auto variance = [=](T g, T& v, T& average) {
      v = old * v + fresh * (g * g);
      average = old * average + fresh * g;
      return rate * g / std::sqrt(v - average * average + epsilon);
    };
    const auto run = [=](T change, T& w, T& m) {
      m = momentum * m + change;
      w -= m;
    };
    if (options().momentum > 0 && options().centered) {
      update_elements<T>([=](T g, T& w, T& v, T& m, T& average) { run(variance(g, v, average), w, m); },
                         gradient, variable, slots[0], slots[1], slots[2]);
    } else if (options().momentum > 0) {
      update_elements<T>([=](T g, T& w, T& v, T& m) { run(square(g, v), w, m); }, gradient, variable,
                         slots[0], slots[1]);
    } else if (options().centered) {
      update_elements<T>([=](T g, T& w, T& v, T& average) { w -= variance(g, v, average); }, gradient,
                         variable, slots[0], slots[1]);
    } else {
      update_elements<T>([=](T g, T& w, T& v) { w -= square(g, v); }, gradient, variable, slots[0]);
    }
  });
}

}  // namespace unspool::optimizers
