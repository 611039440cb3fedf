#pragma once

#include <unspool/optim/optimizer.h>

namespace unspool {

/// Arguments of SGD; the fields from weight_decay on are those of every optimizer (OptimizerSettings).
struct SGDOptions {
  LearningRate learning_rate = 0.01;
  double momentum = 0;
  Flag nesterov = false;
  std::optional<double> weight_decay = std::nullopt;
  std::optional<double> clipnorm = std::nullopt;
  std::optional<double> clipvalue = std::nullopt;
  std::optional<double> global_clipnorm = std::nullopt;
  Flag use_ema = false;
  double ema_momentum = 0.99;
  std::optional<Index> ema_overwrite_frequency = std::nullopt;
  std::optional<double> loss_scale_factor = std::nullopt;
  std::optional<Index> gradient_accumulation_steps = std::nullopt;
  std::string name = "sgd";

  static const Fields& fields();
};

namespace optimizers {

/// The class of SGD().
class SGD : public OptimizerOf<SGDOptions> {
 public:
  explicit SGD(SGDOptions options);

 protected:
  std::vector<std::vector<Slot>> slots(const Variable& variable) const override;
  void update(const Variable& variable, const Tensor& gradient, std::span<const Variable> slots,
              const Step& step) override;
};

}  // namespace optimizers

/// Gradient descent: w <- w - learning_rate * gradient. With momentum, m <- momentum * m - learning_rate *
/// gradient and w <- w + m; with nesterov, w <- w + momentum * m - learning_rate * gradient. ValueError
/// unless momentum lies in [0, 1].
using SGD = OptionsHandle<internal::make_optimizer<optimizers::SGD>>;

}  // namespace unspool
