#pragma once

#include <string>

#include <unspool/layers/options_layer.h>

namespace unspool {

struct MaskingOptions {
  double mask_value = 0;
  std::string name = {};
  bool trainable = true;
  DType dtype = float32;
  Regularizer activity_regularizer = {};

  static const Fields& fields();
};

namespace layers {

/// A mask for a sequence (batch, time, features): a step all of whose features equal mask_value does not
/// count. It becomes zeros; the others stay as they are.
class Masking : public OptionsLayer<MaskingOptions> {
 public:
  explicit Masking(MaskingOptions options = {});
  bool supports_masking() const override { return true; }

 protected:
  Tensor call(const Tensor& x, const CallArgs& args) override;
};

}  // namespace layers

/// Masking({.mask_value = -1}).
Ref<layers::Masking> Masking(MaskingOptions options = {});

}  // namespace unspool
