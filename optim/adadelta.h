#pragma once

#include <unspool/optim/optimizer.h>

namespace unspool {

/// Arguments of Adadelta; the fields from weight_decay on are those of every optimizer (OptimizerSettings).
struct AdadeltaOptions {
  LearningRate learning_rate = 0.001;
  double rho = 0.95;
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
  std::string name = "adadelta";

  static const Fields& fields();
};

namespace optimizers {

/// The class of Adadelta().
class Adadelta : public OptimizerOf<AdadeltaOptions> {
 public:
  explicit Adadelta(AdadeltaOptions options);

 protected:
  std::vector<std::vector<Slot>> slots(const Variable& variable) const override;
  void update(const Variable& variable, const Tensor& gradient, std::span<const Variable> slots,
              const Step& step) override;
};

}  // namespace optimizers

/// Divides each gradient by the square root of a moving average of its squares, and multiplies it by that of
/// a moving average of squared steps (Zeiler 2012). Throws ValueError unless rho is in [0, 1) and epsilon >=
/// 0.
using Adadelta = OptionsHandle<internal::make_optimizer<optimizers::Adadelta>>;

}  // namespace unspool
