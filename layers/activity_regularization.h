#pragma once

#include <string>

#include <unspool/layers/layer_maker.h>

namespace unspool {

/// Arguments of ActivityRegularization, in the order of Keras.
struct ActivityRegularizationOptions {
  double l1 = 0;
  double l2 = 0;
  std::string name = {};
  Flag trainable = true;
  DType dtype = float32;

  static const Fields& fields();
};

namespace layers {

/// Returns its input and adds the loss (l1 sum(|x|) + l2 sum(x^2)) / batch size. Masks are passed on.
class ActivityRegularization : public OptionsLayer<ActivityRegularizationOptions> {
 public:
  /// Throws ValueError for a factor that is negative or not finite.
  explicit ActivityRegularization(const ActivityRegularizationOptions& options = {});
  bool supports_masking() const override { return true; }

 protected:
  Tensor call(const Tensor& x, const CallArgs&) override { return x; }
};

}  // namespace layers

/// Makes the layer: ActivityRegularization({.l2 = 1e-4}).
using ActivityRegularization = LayerRef<layers::ActivityRegularization>;

}  // namespace unspool
