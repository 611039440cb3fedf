#pragma once

#include <unspool/optim/optimizer.h>

namespace unspool {

/// Arguments of Adafactor; the fields from weight_decay on are those of every optimizer (OptimizerSettings).
struct AdafactorOptions {
  LearningRate learning_rate = 0.001;
  double beta_2_decay = -0.8;
  double epsilon_1 = 1e-30;
  double epsilon_2 = 1e-3;
  double clip_threshold = 1;
  Flag relative_step = true;
  std::optional<double> weight_decay = std::nullopt;
  std::optional<double> clipnorm = std::nullopt;
  std::optional<double> clipvalue = std::nullopt;
  std::optional<double> global_clipnorm = std::nullopt;
  Flag use_ema = false;
  double ema_momentum = 0.99;
  std::optional<Index> ema_overwrite_frequency = std::nullopt;
  std::optional<double> loss_scale_factor = std::nullopt;
  std::optional<Index> gradient_accumulation_steps = std::nullopt;
  std::string name = "adafactor";

  static const Fields& fields();
};

namespace optimizers {

/// The class of Adafactor().
class Adafactor : public OptimizerOf<AdafactorOptions> {
 public:
  explicit Adafactor(AdafactorOptions options);

 protected:
  std::vector<std::vector<Slot>> slots(const Variable& variable) const override;
  void update(const Variable& variable, const Tensor& gradient, std::span<const Variable> slots,
              const Step& step) override;
};

}  // namespace optimizers

/// Divides each gradient by the square root of a moving average of its squares; for a matrix only the means
/// over its rows and over its columns are kept. With relative_step, the step is proportional to the weights
/// (Shazeer and Stern 2018). Throws ValueError for an argument out of range.
using Adafactor = OptionsHandle<internal::make_optimizer<optimizers::Adafactor>>;

}  // namespace unspool
