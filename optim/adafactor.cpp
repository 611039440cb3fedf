#include <algorithm>
#include <cmath>

#include <unspool/autograd/arithmetic.h>
#include <unspool/autograd/elementary.h>
#include <unspool/autograd/reduction.h>
#include <unspool/autograd/shaping.h>
#include <unspool/optim/adafactor.h>
#include <unspool/optim/internal/make_optimizer.h>
#include <unspool/optim/update.h>

namespace unspool {

const Fields& AdafactorOptions::fields() {
  using O = AdafactorOptions;
  static const Fields all = optimizer_fields<O>(
      field("learning_rate", &O::learning_rate, "the learning rate, at most 1 / sqrt(t) in step t"),
      field("beta_2_decay", &O::beta_2_decay,
            "the decay of the running means in step t is 1 - t^beta_2_decay"),
      field("epsilon_1", &O::epsilon_1, "added to the divisor, which may be 0"),
      field("epsilon_2", &O::epsilon_2,
            "the least root mean square of the weights that a step is in proportion to"),
      field("clip_threshold", &O::clip_threshold,
            "the largest root mean square of a step before it is multiplied by the learning rate"),
      field("relative_step", &O::relative_step,
            "has no effect, as in Keras: the learning rate is at most 1 / sqrt(t) in step t"));
  return all;
}

template Optimizer internal::make_optimizer<optimizers::Adafactor>(const AdafactorOptions&);

}  // namespace unspool

namespace unspool::optimizers {

Adafactor::Adafactor(AdafactorOptions options) : OptimizerOf(std::move(options)) {
  const AdafactorOptions& o = this->options();
  require(o.beta_2_decay <= 0, "beta_2_decay", o.beta_2_decay, "be at most 0");
  require_not_negative("epsilon_1", o.epsilon_1);
  require_not_negative("epsilon_2", o.epsilon_2);
  require(o.clip_threshold > 0, "clip_threshold", o.clip_threshold, "be positive");
}

std::vector<std::vector<Adafactor::Slot>> Adafactor::slots(const Variable& variable) const {
  const int rank = variable.rank();
  // Keras names both as the variable, and keeps two numbers where there are no rows and columns.
  Slot rows{.name = "", .shape = Shape{}, .dtype = int32};
  Slot columns = rows;
  if (rank >= 2) {
    std::vector<Index> sizes(variable.shape().begin(), variable.shape().end());
    const Index last = sizes.back();
    sizes.pop_back();
    rows = {.name = "", .shape = Shape(sizes)};
    sizes.back() = last;
    columns = {.name = "", .shape = Shape(sizes)};
  }
  return {{rows, columns, {.name = "velocity"}}};
}

void Adafactor::update(const Variable& variable, const Tensor& gradient, std::span<const Variable> slots,
                       const Step& step) {
  visit_floating(variable.dtype(), [&]<class T>(T) {
    const AdafactorOptions& o = options();
    const T number = static_cast<T>(step.number);
    const T old = T{1} - std::pow(number, static_cast<T>(o.beta_2_decay));
    const T fresh = T{1} - old;
    const auto keep = [&](const Variable& slot, const Tensor& now) {
      update_elements<T>([=](T x, T& mean) { mean = old * mean + fresh * x; }, now, slot);
    };
    const Tensor squares = square(gradient) + o.epsilon_1;
    const Variable& velocity = slots[2];
    if (variable.rank() >= 2) {
      keep(slots[0], mean(squares, {-1}));
      keep(slots[1], mean(squares, {-2}));
      const Tensor rows = slots[0].value() / mean(slots[0].value(), {-1}, true);
      velocity.assign(expand_dims(rows, -1) * expand_dims(slots[1].value(), -2));
    } else {
      keep(velocity, squares);
    }
    const auto size = [](const Tensor& x) {
      return static_cast<T>(std::sqrt(sum_of_squares(x) / static_cast<double>(x.size())));
    };
    const Tensor direction = gradient / sqrt(velocity.value());
    const T shorter = std::max(T{1}, size(direction) / static_cast<T>(o.clip_threshold));
    const T rate = std::max(static_cast<T>(o.epsilon_2), size(variable.value())) *
                   std::min(static_cast<T>(step.learning_rate), T{1} / std::sqrt(number));
    update_elements<T>([=](T d, T& w) { w -= rate * (d / shorter); }, direction, variable);
  });
}

}  // namespace unspool::optimizers
