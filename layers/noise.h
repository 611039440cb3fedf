#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <unspool/core/random.h>
#include <unspool/layers/input.h>
#include <unspool/layers/options_layer.h>

namespace unspool {

/// Arguments of Dropout, in the order of Keras.
struct DropoutOptions {
  /// The part of the elements that is left out, 0 to 1.
  required<double> rate;
  /// The shape of the mask, which is broadcast; -1: as the input.
  GivenShape noise_shape = std::nullopt;
  std::optional<std::int64_t> seed = std::nullopt;
  std::string name = {};
  bool trainable = true;
  DType dtype = float32;
  Regularizer activity_regularizer = {};

  static const Fields& fields();
};

/// Arguments of SpatialDropout1D, in the order of Keras.
struct SpatialDropout1DOptions {
  required<double> rate;
  std::optional<std::int64_t> seed = std::nullopt;
  std::string name = {};
  bool trainable = true;
  DType dtype = float32;
  Regularizer activity_regularizer = {};

  static const Fields& fields();
};

/// Arguments of GaussianNoise, in the order of Keras.
struct GaussianNoiseOptions {
  /// 0 to 1.
  required<double> stddev;
  std::optional<std::int64_t> seed = std::nullopt;
  std::string name = {};
  bool trainable = true;
  DType dtype = float32;
  Regularizer activity_regularizer = {};

  static const Fields& fields();
};

namespace layers {

/// In training, each element is 0 with probability `rate`, else x / (1 - rate); the same as x otherwise
/// (Srivastava et al. 2014). Any shape; masks pass through.
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

/// Dropout of whole features of a sequence (batch, time, features) (Tompson et al. 2015).
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

/// In training, x plus normal noise of mean 0; x otherwise. Any shape; masks pass through.
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
/// Dropout({.rate = 0.5}).
Ref<layers::Dropout> Dropout(DropoutOptions options);
Ref<layers::SpatialDropout1D> SpatialDropout1D(SpatialDropout1DOptions options);
Ref<layers::GaussianNoise> GaussianNoise(GaussianNoiseOptions options);
///@}

}  // namespace unspool
