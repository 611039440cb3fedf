#pragma once

#include <unspool/optim/optimizer.h>

namespace unspool {

/// Arguments of Lion; the fields from weight_decay on are those of every optimizer (OptimizerSettings).
struct LionOptions {
  LearningRate learning_rate = 0.001;
  double beta_1 = 0.9;
  double beta_2 = 0.99;
  std::optional<double> weight_decay = std::nullopt;
  std::optional<double> clipnorm = std::nullopt;
  std::optional<double> clipvalue = std::nullopt;
  std::optional<double> global_clipnorm = std::nullopt;
  Flag use_ema = false;
  double ema_momentum = 0.99;
  std::optional<Index> ema_overwrite_frequency = std::nullopt;
  std::optional<double> loss_scale_factor = std::nullopt;
  std::optional<Index> gradient_accumulation_steps = std::nullopt;
  std::string name = "lion";

  static const Fields& fields();
};

namespace optimizers {

/// The class of Lion().
class Lion : public OptimizerOf<LionOptions> {
 public:
  explicit Lion(LionOptions options);

 protected:
  std::vector<std::vector<Slot>> slots(const Variable& variable) const override;
  void update(const Variable& variable, const Tensor& gradient, std::span<const Variable> slots,
              const Step& step) override;
};

}  // namespace optimizers

/// A step of equal size for all weights, along the sign of a moving average of the gradients (Chen et al.
/// 2023). Throws ValueError unless beta_1 is in (0, 1] and beta_2 in [0, 1).
using Lion = OptionsHandle<internal::make_optimizer<optimizers::Lion>>;

}  // namespace unspool
