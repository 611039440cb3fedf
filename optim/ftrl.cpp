#include <algorithm>
#include <cmath>

#include <unspool/optim/ftrl.h>
#include <unspool/optim/internal/make_optimizer.h>
#include <unspool/optim/update.h>

namespace unspool {

const Fields& FtrlOptions::fields() {
  using O = FtrlOptions;
  static const Fields all = optimizer_fields<O>(
      field("learning_rate", &O::learning_rate, "the learning rate"),
      field("learning_rate_power", &O::learning_rate_power,
            "the power of the sum of squares that the learning rate is multiplied by"),
      field("initial_accumulator_value", &O::initial_accumulator_value,
            "the initial value of the sum of squares"),
      field("l1_regularization_strength", &O::l1_regularization_strength,
            "the strength of the L1 penalty on the weights"),
      field("l2_regularization_strength", &O::l2_regularization_strength,
            "the strength of the L2 penalty on the weights"),
      field("l2_shrinkage_regularization_strength", &O::l2_shrinkage_regularization_strength,
            "the part of each weight that is added to its gradient, as an L2 penalty"),
      field("beta", &O::beta, "divided by twice the learning rate, it is added to the L2 strength"));
  return all;
}

template Optimizer internal::make_optimizer<optimizers::Ftrl>(const FtrlOptions&);

}  // namespace unspool

namespace unspool::optimizers {

Ftrl::Ftrl(FtrlOptions options) : OptimizerOf(std::move(options)) {
  const FtrlOptions& o = this->options();
  require(o.learning_rate_power <= 0, "learning_rate_power", o.learning_rate_power, "be at most 0");
  require_not_negative("initial_accumulator_value", o.initial_accumulator_value);
  require_not_negative("l1_regularization_strength", o.l1_regularization_strength);
  require_not_negative("l2_regularization_strength", o.l2_regularization_strength);
  require_not_negative("l2_shrinkage_regularization_strength", o.l2_shrinkage_regularization_strength);
}

std::vector<std::vector<Ftrl::Slot>> Ftrl::slots(const Variable&) const {
  return {{{.name = "accumulator", .initial = options().initial_accumulator_value}, {.name = "linear"}}};
}

void Ftrl::update(const Variable& variable, const Tensor& gradient, std::span<const Variable> slots,
                  const Step& step) {
  visit_floating(variable.dtype(), [&]<class T>(T) {
    const T rate = static_cast<T>(step.learning_rate);
    const T power = static_cast<T>(-options().learning_rate_power);
    const T l1 = static_cast<T>(options().l1_regularization_strength);
    const T l2 =
        static_cast<T>(options().l2_regularization_strength) + static_cast<T>(options().beta) / (T{2} * rate);
    const T shrinkage = static_cast<T>(2 * options().l2_shrinkage_regularization_strength);
    const auto rule = [=](T g, T& w, T& squares, T& linear) {
      const T more = squares + g * g;
      const T root = std::pow(more, power);
      linear += g + shrinkage * w - (root - std::pow(squares, power)) / rate * w;
      w = (std::clamp(linear, -l1, l1) - linear) / (root / rate + T{2} * l2);
      squares = more;
    };
    update_elements<T>(rule, gradient, variable, slots[0], slots[1]);
  });
}

}  // namespace unspool::optimizers
