#pragma once

#include <unspool/optim/optimizer.h>

namespace unspool {

struct SGDOptions {
  LearningRate learning_rate = 0.01;
  double momentum = 0;
  bool nesterov = false;
  std::optional<double> weight_decay = std::nullopt;
  std::optional<double> clipnorm = std::nullopt;
  std::optional<double> clipvalue = std::nullopt;
  std::optional<double> global_clipnorm = std::nullopt;
  bool use_ema = false;
  double ema_momentum = 0.99;
  std::optional<Index> ema_overwrite_frequency = std::nullopt;
  std::optional<double> loss_scale_factor = std::nullopt;
  std::optional<Index> gradient_accumulation_steps = std::nullopt;
  std::string name = "sgd";

  static const Fields& fields();
};

namespace optimizers {

class SGD : public OptimizerOf<SGDOptions> {
 public:
  /// ValueError unless the momentum lies in [0, 1].
  explicit SGD(SGDOptions options);

 protected:
  std::vector<std::vector<Slot>> slots(const Variable& variable) const override;
  void update(const Variable& variable, const Tensor& gradient, std::span<const Variable> slots,
              const Step& step) override;
};

}  // namespace optimizers

/// Gradient descent, with momentum if asked for: m = momentum m - rate g, w += m.
Optimizer SGD(SGDOptions options = {});

}  // namespace unspool
