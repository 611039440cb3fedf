#pragma once

#include <unspool/optim/optimizer.h>

namespace unspool {

/// Arguments of Nadam; the fields from weight_decay on are those of every optimizer (OptimizerSettings).
struct NadamOptions {
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
  std::string name = "nadam";

  static const Fields& fields();
};

namespace optimizers {

/// The class of Nadam().
class Nadam : public OptimizerOf<NadamOptions> {
 public:
  explicit Nadam(NadamOptions options);

 protected:
  std::vector<std::vector<Slot>> slots(const Variable& variable) const override;
  std::vector<Slot> shared_slots() const override;
  void begin(const Step& step) override;
  void update(const Variable& variable, const Tensor& gradient, std::span<const Variable> slots,
              const Step& step) override;
};

}  // namespace optimizers

/// Adam with Nesterov momentum (Dozat 2015). Throws ValueError unless the betas lie in [0, 1) and epsilon is
/// not negative.
using Nadam = OptionsHandle<internal::make_optimizer<optimizers::Nadam>>;

}  // namespace unspool
