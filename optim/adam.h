#pragma once

#include <unspool/optim/optimizer.h>

namespace unspool {

/// Arguments of Adam; the fields from weight_decay on are those of every optimizer (OptimizerSettings).
struct AdamOptions {
  LearningRate learning_rate = 0.001;
  double beta_1 = 0.9;
  double beta_2 = 0.999;
  double epsilon = 1e-7;
  Flag amsgrad = false;
  std::optional<double> weight_decay = std::nullopt;
  std::optional<double> clipnorm = std::nullopt;
  std::optional<double> clipvalue = std::nullopt;
  std::optional<double> global_clipnorm = std::nullopt;
  Flag use_ema = false;
  double ema_momentum = 0.99;
  std::optional<Index> ema_overwrite_frequency = std::nullopt;
  std::optional<double> loss_scale_factor = std::nullopt;
  std::optional<Index> gradient_accumulation_steps = std::nullopt;
  std::string name = "adam";

  static const Fields& fields();
};

namespace optimizers {

/// The class of Adam().
class Adam : public OptimizerOf<AdamOptions> {
 public:
  explicit Adam(AdamOptions options);

 protected:
  std::vector<std::vector<Slot>> slots(const Variable& variable) const override;
  void update(const Variable& variable, const Tensor& gradient, std::span<const Variable> slots,
              const Step& step) override;
};

}  // namespace optimizers

/// A step along a moving average of the gradients, divided by the square root of a moving average of their
/// squares (Kingma and Ba 2015). With amsgrad, divided by the largest such mean so far (Reddi, Kale, Kumar
/// 2018). Throws ValueError unless the betas lie in [0, 1) and epsilon is not negative.
using Adam = OptionsHandle<internal::make_optimizer<optimizers::Adam>>;

}  // namespace unspool
