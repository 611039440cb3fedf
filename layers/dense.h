#pragma once

#include <string>

#include <unspool/layers/activation.h>
#include <unspool/layers/layer_maker.h>

namespace unspool {

/// Arguments of Dense, in the order of Keras.
struct DenseOptions {
  required<Index> units;
  Activation activation = {};
  Flag use_bias = true;
  Initializer kernel_initializer = "glorot_uniform";
  Initializer bias_initializer = "zeros";
  Regularizer kernel_regularizer = {};
  Regularizer bias_regularizer = {};
  Regularizer activity_regularizer = {};
  Constraint kernel_constraint = {};
  Constraint bias_constraint = {};
  std::string name = {};
  Flag trainable = true;
  DType dtype = float32;

  static const Fields& fields();
};

namespace layers {

/// activation(x kernel + bias) along the last axis: from (batch, ..., features), of any rank >= 2, to (batch,
/// ..., units). Weights: kernel (features, units), bias (units). Masks are passed on.
class Dense : public OptionsLayer<DenseOptions> {
 public:
  /// Throws ValueError unless units > 0.
  explicit Dense(DenseOptions options);

  std::vector<Shape> compute_output_shapes(const std::vector<Shape>& inputs) override;
  bool supports_masking() const override { return true; }
  /// Throws ValueError if units is not an integer.
  static Ref<Dense> from_config(const Config& config);

 protected:
  void build(const Shape& input_shape) override;
  Tensor call(const Tensor& x, const CallArgs& args) override;

 private:
  Variable kernel_;
  Variable bias_;
};

}  // namespace layers

/// Makes the layer: Dense({.units = 10, .activation = "softmax"}).
using Dense = LayerRef<layers::Dense>;

}  // namespace unspool
