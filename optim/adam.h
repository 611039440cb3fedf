#pragma once

#include <unspool/optim/optimizer.h>

namespace unspool {

struct AdamOptions {
  LearningRate learning_rate = 0.001;
  double beta_1 = 0.9;
  double beta_2 = 0.999;
  double epsilon = 1e-7;
  bool amsgrad = false;
  std::optional<double> weight_decay = std::nullopt;
  std::optional<double> clipnorm = std::nullopt;
  std::optional<double> clipvalue = std::nullopt;
  std::optional<double> global_clipnorm = std::nullopt;
  bool use_ema = false;
  double ema_momentum = 0.99;
  std::optional<Index> ema_overwrite_frequency = std::nullopt;
  std::optional<double> loss_scale_factor = std::nullopt;
  std::optional<Index> gradient_accumulation_steps = std::nullopt;
  std::string name = "adam";

  static const Fields& fields();
};

namespace optimizers {

class Adam : public OptimizerOf<AdamOptions> {
 public:
  explicit Adam(AdamOptions options);

 protected:
  std::vector<std::vector<Slot>> slots(const Variable& variable) const override;
  void update(const Variable& variable, const Tensor& gradient, std::span<const Variable> slots,
              const Step& step) override;
};

}  // namespace optimizers

/// Steps along a running mean of the gradients, divided by the root of that of their squares (Kingma and Ba
/// 2015).
Optimizer Adam(AdamOptions options = {});

}  // namespace unspool
