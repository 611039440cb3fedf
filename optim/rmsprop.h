#pragma once

#include <unspool/optim/optimizer.h>

namespace unspool {

/// Arguments of RMSprop; the fields from weight_decay on are those of every optimizer (OptimizerSettings).
struct RMSpropOptions {
  LearningRate learning_rate = 0.001;
  double rho = 0.9;
  double momentum = 0;
  double epsilon = 1e-7;
  Flag centered = false;
  std::optional<double> weight_decay = std::nullopt;
  std::optional<double> clipnorm = std::nullopt;
  std::optional<double> clipvalue = std::nullopt;
  std::optional<double> global_clipnorm = std::nullopt;
  Flag use_ema = false;
  double ema_momentum = 0.99;
  std::optional<Index> ema_overwrite_frequency = std::nullopt;
  std::optional<double> loss_scale_factor = std::nullopt;
  std::optional<Index> gradient_accumulation_steps = std::nullopt;
  std::string name = "rm_sprop";

  static const Fields& fields();
};

namespace optimizers {

/// The class of RMSprop().
class RMSprop : public OptimizerOf<RMSpropOptions> {
 public:
  explicit RMSprop(RMSpropOptions options);

 protected:
  std::vector<std::vector<Slot>> slots(const Variable& variable) const override;
  void update(const Variable& variable, const Tensor& gradient, std::span<const Variable> slots,
              const Step& step) override;
};

}  // namespace optimizers

/// Divides each gradient by the square root of a moving average of its squares (Tieleman and Hinton 2012).
/// With centered, by the square root of a moving estimate of its variance. Throws ValueError unless rho lies
/// in [0, 1), momentum in [0, 1], and epsilon is not negative.
using RMSprop = OptionsHandle<internal::make_optimizer<optimizers::RMSprop>>;

}  // namespace unspool
