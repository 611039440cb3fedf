#pragma once

#include <unspool/optim/optimizer.h>

namespace unspool {

/// Arguments of Ftrl; the fields from weight_decay on are those of every optimizer (OptimizerSettings).
struct FtrlOptions {
  LearningRate learning_rate = 0.001;
  double learning_rate_power = -0.5;
  double initial_accumulator_value = 0.1;
  double l1_regularization_strength = 0;
  double l2_regularization_strength = 0;
  double l2_shrinkage_regularization_strength = 0;
  double beta = 0;
  std::optional<double> weight_decay = std::nullopt;
  std::optional<double> clipnorm = std::nullopt;
  std::optional<double> clipvalue = std::nullopt;
  std::optional<double> global_clipnorm = std::nullopt;
  Flag use_ema = false;
  double ema_momentum = 0.99;
  std::optional<Index> ema_overwrite_frequency = std::nullopt;
  std::optional<double> loss_scale_factor = std::nullopt;
  std::optional<Index> gradient_accumulation_steps = std::nullopt;
  std::string name = "ftrl";

  static const Fields& fields();
};

namespace optimizers {

/// The class of Ftrl().
class Ftrl : public OptimizerOf<FtrlOptions> {
 public:
  explicit Ftrl(FtrlOptions options);

 protected:
  std::vector<std::vector<Slot>> slots(const Variable& variable) const override;
  void update(const Variable& variable, const Tensor& gradient, std::span<const Variable> slots,
              const Step& step) override;
};

}  // namespace optimizers

/// Follow the regularized leader (McMahan et al. 2013): each step computes the weights from sums over all
/// gradients, so that unimportant weights become exactly 0. The values before the first step have no effect.
/// Throws ValueError if learning_rate_power is positive or another argument negative.
using Ftrl = OptionsHandle<internal::make_optimizer<optimizers::Ftrl>>;

}  // namespace unspool
