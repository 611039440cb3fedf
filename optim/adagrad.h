#pragma once

#include <unspool/optim/optimizer.h>

namespace unspool {

/// Arguments of Adagrad; the fields from weight_decay on are those of every optimizer (OptimizerSettings).
struct AdagradOptions {
  LearningRate learning_rate = 0.001;
  double initial_accumulator_value = 0.1;
  double epsilon = 1e-7;
  std::optional<double> weight_decay = std::nullopt;
  std::optional<double> clipnorm = std::nullopt;
  std::optional<double> clipvalue = std::nullopt;
  std::optional<double> global_clipnorm = std::nullopt;
  Flag use_ema = false;
  double ema_momentum = 0.99;
  std::optional<Index> ema_overwrite_frequency = std::nullopt;
  std::optional<double> loss_scale_factor = std::nullopt;
  std::optional<Index> gradient_accumulation_steps = std::nullopt;
  std::string name = "adagrad";

  static const Fields& fields();
};

namespace optimizers {

/// The class of Adagrad().
class Adagrad : public OptimizerOf<AdagradOptions> {
 public:
  explicit Adagrad(AdagradOptions options);

 protected:
  std::vector<std::vector<Slot>> slots(const Variable& variable) const override;
  void update(const Variable& variable, const Tensor& gradient, std::span<const Variable> slots,
              const Step& step) override;
};

}  // namespace optimizers

/// Divides each gradient by the square root of the sum of all its squares so far (Duchi, Hazan, Singer 2011).
/// Throws ValueError if initial_accumulator_value or epsilon is negative.
using Adagrad = OptionsHandle<internal::make_optimizer<optimizers::Adagrad>>;

}  // namespace unspool
