#pragma once

#include <unspool/optim/optimizer.h>

namespace unspool {

/// Arguments of Lamb; the fields from weight_decay on are those of every optimizer (OptimizerSettings).
struct LambOptions {
  LearningRate learning_rate = 0.001;
  double beta_1 = 0.9;
  double beta_2 = 0.999;
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
  std::string name = "lamb";

  static const Fields& fields();
};

namespace optimizers {

/// The class of Lamb().
class Lamb : public OptimizerOf<LambOptions> {
 public:
  explicit Lamb(LambOptions options);

 protected:
  std::vector<std::vector<Slot>> slots(const Variable& variable) const override;
  void update(const Variable& variable, const Tensor& gradient, std::span<const Variable> slots,
              const Step& step) override;
};

}  // namespace optimizers

/// Adam with a step whose norm is the learning rate times the norm of the variable, for large batches (You et
/// al. 2020). Throws ValueError unless the betas are in [0, 1) and epsilon >= 0.
using Lamb = OptionsHandle<internal::make_optimizer<optimizers::Lamb>>;

}  // namespace unspool
