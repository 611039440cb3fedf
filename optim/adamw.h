#pragma once

#include <unspool/optim/adam.h>

namespace unspool {

/// Arguments of AdamW: those of Adam, with a weight_decay that is not optional.
struct AdamWOptions {
  LearningRate learning_rate = 0.001;
  std::optional<double> weight_decay = 0.004;
  double beta_1 = 0.9;
  double beta_2 = 0.999;
  double epsilon = 1e-7;
  Flag amsgrad = false;
  std::optional<double> clipnorm = std::nullopt;
  std::optional<double> clipvalue = std::nullopt;
  std::optional<double> global_clipnorm = std::nullopt;
  Flag use_ema = false;
  double ema_momentum = 0.99;
  std::optional<Index> ema_overwrite_frequency = std::nullopt;
  std::optional<double> loss_scale_factor = std::nullopt;
  std::optional<Index> gradient_accumulation_steps = std::nullopt;
  std::string name = "adam_w";

  static const Fields& fields();
};

namespace optimizers {

/// The class of AdamW().
class AdamW : public Adam {
 public:
  using Options = AdamWOptions;

  explicit AdamW(const AdamWOptions& options);
};

}  // namespace optimizers

/// Adam with weight decay that is separate from the gradients (Loshchilov and Hutter 2019). ValueError
/// without a weight_decay.
using AdamW = OptionsHandle<internal::make_optimizer<optimizers::AdamW>>;

}  // namespace unspool
