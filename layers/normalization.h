#pragma once

#include <optional>
#include <string>

#include <unspool/layers/layer_axes.h>
#include <unspool/layers/layer_maker.h>

namespace unspool {

/// Arguments of LayerNormalization, in the order of Keras.
struct LayerNormalizationOptions {
  LayerAxes axis = -1;
  double epsilon = 1e-3;
  Flag center = true;
  Flag scale = true;
  Initializer beta_initializer = "zeros";
  Initializer gamma_initializer = "ones";
  Regularizer beta_regularizer = {};
  Regularizer gamma_regularizer = {};
  Constraint beta_constraint = {};
  Constraint gamma_constraint = {};
  /// Whether to compute x * rsqrt(variance + epsilon) * gamma, without mean and beta, as older versions of
  /// Keras do.
  Flag rms_scaling = false;
  std::string name = {};
  Flag trainable = true;
  DType dtype = float32;
  Regularizer activity_regularizer = {};

  static const Fields& fields();
};

/// Bounds for the corrections of batch renormalization; empty: none.
struct RenormClippingOptions {
  std::optional<double> rmin = std::nullopt;
  std::optional<double> rmax = std::nullopt;
  std::optional<double> dmax = std::nullopt;

  static const Fields& fields();
};

/// Arguments of BatchNormalization, in the order of Keras.
struct BatchNormalizationOptions {
  Index axis = -1;
  double momentum = 0.99;
  double epsilon = 1e-3;
  Flag center = true;
  Flag scale = true;
  Initializer beta_initializer = "zeros";
  Initializer gamma_initializer = "ones";
  Initializer moving_mean_initializer = "zeros";
  Initializer moving_variance_initializer = "ones";
  Regularizer beta_regularizer = {};
  Regularizer gamma_regularizer = {};
  Constraint beta_constraint = {};
  Constraint gamma_constraint = {};
  /// Whether to use batch renormalization (Ioffe 2017), in which training uses the moving statistics, too.
  Flag renorm = false;
  std::optional<RenormClippingOptions> renorm_clipping = std::nullopt;
  double renorm_momentum = 0.99;
  /// Statistics over all replicas. Without effect, since a process is one replica.
  Flag synchronized = false;
  std::string name = {};
  Flag trainable = true;
  DType dtype = float32;
  Regularizer activity_regularizer = {};

  static const Fields& fields();
};

/// Arguments of RMSNormalization, in the order of Keras.
struct RMSNormalizationOptions {
  LayerAxes axis = -1;
  double epsilon = 1e-6;
  std::string name = {};
  Flag trainable = true;
  DType dtype = float32;
  Regularizer activity_regularizer = {};

  static const Fields& fields();
};

/// Arguments of UnitNormalization, in the order of Keras.
struct UnitNormalizationOptions {
  LayerAxes axis = -1;
  std::string name = {};
  Flag trainable = true;
  DType dtype = float32;
  Regularizer activity_regularizer = {};

  static const Fields& fields();
};

namespace layers {

/// (x - mean) / sqrt(variance + epsilon) * gamma + beta over some axes of each sample (Ba, Kiros and Hinton
/// 2016). Weights: gamma and beta, with the sizes of these axes. Masks are passed on.
class LayerNormalization : public OptionsLayer<LayerNormalizationOptions> {
 public:
  explicit LayerNormalization(LayerNormalizationOptions options = {});
  std::vector<Shape> compute_output_shapes(const std::vector<Shape>& inputs) override;
  bool supports_masking() const override { return true; }

 protected:
  void build(const Shape& input_shape) override;
  Tensor call(const Tensor& x, const CallArgs& args) override;

 private:
  Variable gamma_;
  Variable beta_;
};

/// (x - mean) / sqrt(variance + epsilon) * gamma + beta for each index of one axis (Ioffe and Szegedy 2015).
/// A call in training uses mean and variance of the batch, without masked elements (the mask has all axes but
/// the last), and moves moving_mean and moving_variance towards them. Other calls, and all calls of a layer
/// that is not trainable, use the moving statistics. Weights: gamma, beta, moving_mean, moving_variance and,
/// with renorm, moving_stddev, renorm_mean, renorm_stddev. Masks are passed on.
class BatchNormalization : public OptionsLayer<BatchNormalizationOptions> {
 public:
  /// Throws ValueError if renorm_clipping has rmax < rmin or dmax < 0.
  explicit BatchNormalization(BatchNormalizationOptions options = {});
  std::vector<Shape> compute_output_shapes(const std::vector<Shape>& inputs) override;
  bool supports_masking() const override { return true; }

 protected:
  void check_call(const std::vector<Tensor>& inputs, const CallArgs& args) const override;
  void build(const Shape& input_shape) override;
  Tensor call(const Tensor& x, const CallArgs& args) override;
  /// Records the updates of the moving statistics, which a graph of layers makes whenever it is trained.
  std::vector<Tensor> compute_output_spec(const std::vector<Tensor>& inputs, const CallArgs& args) override;

 private:
  struct Moments {
    Tensor mean;
    Tensor variance;
  };
  struct Correction {
    Tensor ratio;
    Tensor distance;
  };
  Moments moments(const Tensor& x, const Tensor& mask) const;
  Correction renorm(const Tensor& x, const Moments& batch) const;
  void move(const Variable& statistic, const Tensor& batch, double momentum) const;
  Tensor finish(const Tensor& x) const;

  Variable gamma_;
  Variable beta_;
  Variable moving_mean_;
  Variable moving_variance_;
  Variable moving_stddev_;
  Variable renorm_mean_;
  Variable renorm_stddev_;
};

/// x / sqrt(mean(x^2) + epsilon) * scale over some axes (Zhang and Sennrich 2019). Weights: scale, with the
/// sizes of these axes.
class RMSNormalization : public OptionsLayer<RMSNormalizationOptions> {
 public:
  explicit RMSNormalization(RMSNormalizationOptions options = {});
  std::vector<Shape> compute_output_shapes(const std::vector<Shape>& inputs) override;

 protected:
  void build(const Shape& input_shape) override;
  Tensor call(const Tensor& x, const CallArgs& args) override;

 private:
  Variable scale_;
};

/// x divided by its Euclidean norm along some axes; zeros stay zeros. Masks are passed on.
class UnitNormalization : public OptionsLayer<UnitNormalizationOptions> {
 public:
  explicit UnitNormalization(UnitNormalizationOptions options = {});
  bool supports_masking() const override { return true; }

 protected:
  Tensor call(const Tensor& x, const CallArgs& args) override;
};

}  // namespace layers

///@{
/// Makes the layer: LayerNormalization({.axis = {1, 2}}).
using LayerNormalization = LayerRef<layers::LayerNormalization>;
using BatchNormalization = LayerRef<layers::BatchNormalization>;
using RMSNormalization = LayerRef<layers::RMSNormalization>;
using UnitNormalization = LayerRef<layers::UnitNormalization>;
///@}

}  // namespace unspool
