#pragma once

#include <optional>
#include <string>
#include <vector>

#include <unspool/layers/activation.h>
#include <unspool/layers/layer_axes.h>
#include <unspool/layers/layer_maker.h>

namespace unspool {

/// Arguments of Activation (ActivationLayer), in the order of Keras.
struct ActivationLayerOptions {
  required<Activation> activation;
  std::string name = {};
  Flag trainable = true;
  DType dtype = float32;
  Regularizer activity_regularizer = {};

  static const Fields& fields();
};

/// Arguments of ReLU, in the order of Keras.
struct ReLUOptions {
  /// The upper bound; empty: none.
  std::optional<double> max_value = std::nullopt;
  double negative_slope = 0;
  double threshold = 0;
  std::string name = {};
  Flag trainable = true;
  DType dtype = float32;
  Regularizer activity_regularizer = {};

  static const Fields& fields();
};

/// Arguments of LeakyReLU, in the order of Keras.
struct LeakyReLUOptions {
  double negative_slope = 0.3;
  std::string name = {};
  Flag trainable = true;
  DType dtype = float32;
  Regularizer activity_regularizer = {};

  static const Fields& fields();
};

/// Arguments of PReLU, in the order of Keras.
struct PReLUOptions {
  Initializer alpha_initializer = "zeros";
  Regularizer alpha_regularizer = {};
  Constraint alpha_constraint = {};
  /// Axes along which alpha is shared, counted from 1: {1} for sequences of any length.
  LayerAxes shared_axes = {};
  std::string name = {};
  Flag trainable = true;
  DType dtype = float32;
  Regularizer activity_regularizer = {};

  static const Fields& fields();
};

/// Arguments of ELU, in the order of Keras.
struct ELUOptions {
  double alpha = 1;
  std::string name = {};
  Flag trainable = true;
  DType dtype = float32;
  Regularizer activity_regularizer = {};

  static const Fields& fields();
};

/// Arguments of Softmax, in the order of Keras.
struct SoftmaxOptions {
  LayerAxes axis = -1;
  std::string name = {};
  Flag trainable = true;
  DType dtype = float32;
  Regularizer activity_regularizer = {};

  static const Fields& fields();
};

/// The base class of layers that apply an activation. Inputs may have any shape; masks are passed on.
namespace layers {

/// An activation as a layer.
class Activation : public OptionsLayer<ActivationLayerOptions> {
 public:
  explicit Activation(ActivationLayerOptions options);
  bool supports_masking() const override { return true; }

 protected:
  Tensor call(const Tensor& x, const CallArgs& args) override;
};

/// min(x, max_value) for x >= threshold, else negative_slope * (x - threshold).
class ReLU : public OptionsLayer<ReLUOptions> {
 public:
  /// Throws ValueError for a negative argument.
  explicit ReLU(ReLUOptions options = {});
  bool supports_masking() const override { return true; }

 protected:
  Tensor call(const Tensor& x, const CallArgs& args) override;
};

/// x for x > 0, else negative_slope * x (Maas, Hannun and Ng 2013).
class LeakyReLU : public OptionsLayer<LeakyReLUOptions> {
 public:
  /// Throws ValueError for a negative slope.
  explicit LeakyReLU(LeakyReLUOptions options = {});
  bool supports_masking() const override { return true; }

 protected:
  Tensor call(const Tensor& x, const CallArgs& args) override;
};

/// x for x > 0, else alpha * x with a learned alpha (He et al. 2015). Weights: alpha, with the shape of the
/// input without the batch, and size 1 along shared_axes.
class PReLU : public OptionsLayer<PReLUOptions> {
 public:
  explicit PReLU(PReLUOptions options = {});
  std::vector<Shape> compute_output_shapes(const std::vector<Shape>& inputs) override;
  bool supports_masking() const override { return true; }

 protected:
  void build(const Shape& input_shape) override;
  Tensor call(const Tensor& x, const CallArgs& args) override;

 private:
  Variable alpha_;
};

/// x for x > 0, else alpha * (exp(x) - 1) (Clevert, Unterthiner and Hochreiter 2016).
class ELU : public OptionsLayer<ELUOptions> {
 public:
  explicit ELU(ELUOptions options = {});
  bool supports_masking() const override { return true; }

 protected:
  Tensor call(const Tensor& x, const CallArgs& args) override;
};

/// exp(x) / sum(exp(x)) over one axis or several. Masked elements are 0 and not part of the sum; a mask has
/// the first axes of the input (batch, time) or its last ones.
class Softmax : public OptionsLayer<SoftmaxOptions> {
 public:
  explicit Softmax(SoftmaxOptions options = {});
  bool supports_masking() const override { return true; }

 protected:
  Tensor call(const Tensor& x, const CallArgs& args) override;
};

}  // namespace layers

///@{
/// Makes the layer of this name in Keras; ActivationLayer is Keras' Activation. A Sequential also takes
/// activation functions: Activation("relu").
using ActivationLayer = LayerRef<layers::Activation>;
using ReLU = LayerRef<layers::ReLU>;
using LeakyReLU = LayerRef<layers::LeakyReLU>;
using PReLU = LayerRef<layers::PReLU>;
using ELU = LayerRef<layers::ELU>;
using Softmax = LayerRef<layers::Softmax>;
///@}

}  // namespace unspool
