#pragma once

#include <unspool/optim/optimizer.h>

namespace unspool {

struct AdafactorOptions {
  LearningRate learning_rate = 0.001;
  double beta_2_decay = -0.8;
  double epsilon_1 = 1e-30;
  double epsilon_2 = 1e-3;
  double clip_threshold = 1;
  bool relative_step = true;
  std::optional<double> weight_decay = std::nullopt;
  std::optional<double> clipnorm = std::nullopt;
  std::optional<double> clipvalue = std::nullopt;
  std::optional<double> global_clipnorm = std::nullopt;
  bool use_ema = false;
  double ema_momentum = 0.99;
  std::optional<Index> ema_overwrite_frequency = std::nullopt;
  std::optional<double> loss_scale_factor = std::nullopt;
  std::optional<Index> gradient_accumulation_steps = std::nullopt;
  std::string name = "adafactor";

  static const Fields& fields();
};

namespace optimizers {

class Adafactor : public OptimizerOf<AdafactorOptions> {
 public:
  explicit Adafactor(AdafactorOptions options);

 protected:
  std::vector<std::vector<Slot>> slots(const Variable& variable) const override;
  void update(const Variable& variable, const Tensor& gradient, std::span<const Variable> slots,
              const Step& step) override;
};

}  // namespace optimizers

/// Divides each gradient by the root of a mean of its squares, of which a matrix keeps the means of its rows
/// and columns alone, and makes steps in proportion to the weights (Shazeer and Stern 2018).
Optimizer Adafactor(AdafactorOptions options = {});

}  // namespace unspool
