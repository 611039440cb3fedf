#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <unspool/core/random.h>
#include <unspool/layers/input.h>
#include <unspool/layers/layer_maker.h>

namespace unspool {

/// Arguments of Dropout, in the order of Keras.
struct DropoutOptions {
  /// The fraction of elements to drop, 0 to 1.
  required<double> rate;
  /// The shape of the mask, which is broadcast to the input; -1: the size of the input.
  GivenShape noise_shape = std::nullopt;
  std::optional<std::int64_t> seed = std::nullopt;
  std::string name = {};
  Flag trainable = true;
  DType dtype = float32;
  Regularizer activity_regularizer = {};

  static const Fields& fields();
};

/// Arguments of SpatialDropout1D, in the order of Keras.
struct SpatialDropout1DOptions {
  required<double> rate;
  std::optional<std::int64_t> seed = std::nullopt;
  std::string name = {};
  Flag trainable = true;
  DType dtype = float32;
  Regularizer activity_regularizer = {};

  static const Fields& fields();
};

/// Arguments of GaussianNoise, in the order of Keras.
struct GaussianNoiseOptions {
  /// The standard deviation, 0 to 1.
  required<double> stddev;
  std::optional<std::int64_t> seed = std::nullopt;
  std::string name = {};
  Flag trainable = true;
  DType dtype = float32;
  Regularizer activity_regularizer = {};

  static const Fields& fields();
};

namespace layers {

/// Dropout (Srivastava et al. 2014): in training each element is 0 with probability `rate`, else x / (1 -
/// rate). Outside of training it is x. Inputs may have any shape; masks are passed on.
class Dropout : public OptionsLayer<DropoutOptions> {
 public:
  /// Throws ValueError for a rate outside of [0, 1] or a size of 0 in noise_shape.
  explicit Dropout(DropoutOptions options);
  bool supports_masking() const override { return true; }

 protected:
  Tensor call(const Tensor& x, const CallArgs& args) override;
  SeedGenerator* seed_generator() override { return options_.rate > 0 ? &seeds_ : nullptr; }

 private:
  SeedGenerator seeds_;
};

/// Dropout of whole features of a sequence of shape (batch, time, features) (Tompson et al. 2015).
class SpatialDropout1D : public OptionsLayer<SpatialDropout1DOptions> {
 public:
  explicit SpatialDropout1D(SpatialDropout1DOptions options);
  bool supports_masking() const override { return true; }

 protected:
  Tensor call(const Tensor& x, const CallArgs& args) override;
  SeedGenerator* seed_generator() override { return options_.rate > 0 ? &seeds_ : nullptr; }

 private:
  SeedGenerator seeds_;
};

/// Adds normal noise of mean 0 in training. Inputs may have any shape; masks are passed on.
class GaussianNoise : public OptionsLayer<GaussianNoiseOptions> {
 public:
  /// Throws ValueError for a stddev outside of [0, 1].
  explicit GaussianNoise(GaussianNoiseOptions options);
  bool supports_masking() const override { return true; }

 protected:
  Tensor call(const Tensor& x, const CallArgs& args) override;
  SeedGenerator* seed_generator() override { return options_.stddev > 0 ? &seeds_ : nullptr; }

 private:
  SeedGenerator seeds_;
};

}  // namespace layers

///@{
/// Makes the layer: Dropout({.rate = 0.5}).
using Dropout = LayerRef<layers::Dropout>;
using SpatialDropout1D = LayerRef<layers::SpatialDropout1D>;
using GaussianNoise = LayerRef<layers::GaussianNoise>;
///@}

}  // namespace unspool
