#pragma once

#include <string>
#include <vector>

#include <unspool/layers/layer_maker.h>

namespace unspool {

/// Arguments of Masking, in the order of Keras.
struct MaskingOptions {
  double mask_value = 0;
  std::string name = {};
  Flag trainable = true;
  DType dtype = float32;
  Regularizer activity_regularizer = {};

  static const Fields& fields();
};

namespace layers {

/// Makes a mask for a sequence of shape (batch, time, features): a step is masked if all its features equal
/// mask_value. Masked steps become zeros.
class Masking : public OptionsLayer<MaskingOptions> {
 public:
  explicit Masking(MaskingOptions options = {});
  Tensor compute_mask(const std::vector<Tensor>& inputs, const Tensor& mask) override;
  /// Empty: call() attaches the mask.
  std::vector<Tensor> compute_masks(const std::vector<Tensor>&, const Tensor&) override { return {}; }
  bool supports_masking() const override { return true; }

 protected:
  Tensor call(const Tensor& x, const CallArgs& args) override;

 private:
  /// The steps to keep, (batch, time, 1).
  Tensor kept(const Tensor& x) const;
};

}  // namespace layers

/// Makes the layer: Masking({.mask_value = -1}).
using Masking = LayerRef<layers::Masking>;

}  // namespace unspool
