#pragma once

#include <unspool/optim/optimizer.h>

namespace unspool {

struct AdamOptions {
  double learning_rate = 0.001;
  double beta_1 = 0.9;
  double beta_2 = 0.999;
  double epsilon = 1e-7;
  bool amsgrad = false;
  std::optional<double> weight_decay = std::nullopt;
  std::optional<double> clipnorm = std::nullopt;
  std::optional<double> clipvalue = std::nullopt;
  std::optional<double> global_clipnorm = std::nullopt;
  std::string name = "adam";

  static constexpr auto fields() {
    using O = AdamOptions;
    return std::tuple_cat(
        std::tuple(field("learning_rate", &O::learning_rate, "the size of a step"),
                   field("beta_1", &O::beta_1, "how slowly the mean of the gradients moves"),
                   field("beta_2", &O::beta_2, "how slowly the mean of their squares moves"),
                   field("epsilon", &O::epsilon, "keeps the divisor from 0"),
                   field("amsgrad", &O::amsgrad,
                         "divides by the largest mean of squares so far (Reddi, Kale, Kumar 2018)")),
        optimizer_fields<O>());
  }
};

namespace optimizers {

class Adam : public OptimizerOf<AdamOptions> {
 public:
  explicit Adam(AdamOptions options) : OptimizerOf(std::move(options)) {}

 protected:
  std::vector<std::vector<Slot>> slots() const override;
  void update(const Variable& variable, const Tensor& gradient, std::span<const Variable> slots,
              const Step& step) override;
};

}  // namespace optimizers

/// Steps along a running mean of the gradients, divided by the root of that of their squares (Kingma and Ba
/// 2015).
inline constexpr OptimizerMaker<optimizers::Adam> Adam;

}  // namespace unspool
