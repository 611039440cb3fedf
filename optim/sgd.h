#pragma once

#include <unspool/optim/optimizer.h>

namespace unspool {

struct SGDOptions {
  double learning_rate = 0.01;
  double momentum = 0;
  bool nesterov = false;
  std::optional<double> weight_decay = std::nullopt;
  std::optional<double> clipnorm = std::nullopt;
  std::optional<double> clipvalue = std::nullopt;
  std::optional<double> global_clipnorm = std::nullopt;
  std::string name = "SGD";

  static constexpr auto fields() {
    using O = SGDOptions;
    return std::tuple_cat(
        std::tuple(field("learning_rate", &O::learning_rate, "the size of a step"),
                   field("momentum", &O::momentum, "how much of the last step is made again, in [0, 1]"),
                   field("nesterov", &O::nesterov, "looks ahead along the momentum (Nesterov 1983)")),
        optimizer_fields<O>());
  }
};

namespace optimizers {

class SGD : public OptimizerOf<SGDOptions> {
 public:
  /// ValueError unless the momentum lies in [0, 1].
  explicit SGD(SGDOptions options);

 protected:
  std::vector<std::vector<Slot>> slots() const override;
  void update(const Variable& variable, const Tensor& gradient, std::span<const Variable> slots,
              const Step& step) override;
};

}  // namespace optimizers

/// Gradient descent, with momentum if asked for: m = momentum m - rate g, w += m.
inline constexpr OptimizerMaker<optimizers::SGD> SGD;

}  // namespace unspool
