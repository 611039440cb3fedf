#pragma once

#include <string>
#include <tuple>

#include <unspool/layers/activation.h>
#include <unspool/layers/layer.h>

namespace unspool {

struct DenseOptions {
  required<Index> units;
  Activation activation = {};
  bool use_bias = true;
  Initializer kernel_initializer = "glorot_uniform";
  Initializer bias_initializer = "zeros";
  Regularizer kernel_regularizer = {};
  Regularizer bias_regularizer = {};
  Regularizer activity_regularizer = {};
  Constraint kernel_constraint = {};
  Constraint bias_constraint = {};
  std::string name = {};
  bool trainable = true;
  DType dtype = float32;

  static constexpr auto fields() {
    using O = DenseOptions;
    return std::tuple(field("units", &O::units, "the size of the output's last axis"),
                      field("activation", &O::activation, "applied to the result"),
                      field("use_bias", &O::use_bias, "whether a bias is added"),
                      field("kernel_initializer", &O::kernel_initializer, "of the kernel"),
                      field("bias_initializer", &O::bias_initializer, "of the bias"),
                      field("kernel_regularizer", &O::kernel_regularizer, "a penalty on the kernel"),
                      field("bias_regularizer", &O::bias_regularizer, "a penalty on the bias"),
                      field("activity_regularizer", &O::activity_regularizer, "a penalty on the output"),
                      field("kernel_constraint", &O::kernel_constraint, "on the kernel after each update"),
                      field("bias_constraint", &O::bias_constraint, "on the bias after each update"),
                      field("name", &O::name, "of the layer"),
                      field("trainable", &O::trainable, "whether training changes its weights"),
                      field("dtype", &O::dtype, "of weights and computation"));
  }
};

namespace layers {

/// activation(x kernel + bias) on the last axis of x (batch, ..., features), of any rank >= 2: (batch, ...,
/// units). Weights: kernel (features, units), bias (units). Masks pass through.
class Dense : public Layer {
 public:
  using Options = DenseOptions;

  /// ValueError unless units > 0.
  explicit Dense(DenseOptions options);

  const DenseOptions& options() const { return options_; }
  std::vector<Shape> compute_output_shapes(const std::vector<Shape>& inputs) override;
  bool supports_masking() const override { return true; }
  Config get_config() const override;

 protected:
  void build(const Shape& input_shape) override;
  Tensor call(const Tensor& x, const CallArgs& args) override;

 private:
  DenseOptions options_;
  Variable kernel_;
  Variable bias_;
};

}  // namespace layers

/// Dense({.units = 10, .activation = "softmax"}).
inline constexpr Maker<layers::Dense> Dense;

}  // namespace unspool
