#pragma once

#include <string>

#include <unspool/layers/options_layer.h>

namespace unspool {

/// Arguments of GlobalAveragePooling1D and GlobalMaxPooling1D, in the order of Keras.
struct GlobalPooling1DOptions {
  /// (batch, time, features); "channels_first": (batch, features, time).
  std::string data_format = "channels_last";
  /// (batch, 1, features) instead of (batch, features).
  bool keepdims = false;
  std::string name = {};
  bool trainable = true;
  DType dtype = float32;
  Regularizer activity_regularizer = {};

  static const Fields& fields();
};

namespace layers {

/// The mean over the steps of a sequence, those that a mask leaves out apart (zeros where it leaves out all).
/// The output has no mask.
class GlobalAveragePooling1D : public OptionsLayer<GlobalPooling1DOptions> {
 public:
  /// Throws ValueError for another data_format.
  explicit GlobalAveragePooling1D(GlobalPooling1DOptions options = {});

 protected:
  Tensor call(const Tensor& x, const CallArgs& args) override;
};

/// The greatest value of each feature over the steps of a sequence. Like Keras' it sees no masks.
class GlobalMaxPooling1D : public OptionsLayer<GlobalPooling1DOptions> {
 public:
  /// Throws ValueError for another data_format.
  explicit GlobalMaxPooling1D(GlobalPooling1DOptions options = {});

 protected:
  Tensor call(const Tensor& x, const CallArgs& args) override;
};

}  // namespace layers

Ref<layers::GlobalAveragePooling1D> GlobalAveragePooling1D(GlobalPooling1DOptions options = {});
Ref<layers::GlobalMaxPooling1D> GlobalMaxPooling1D(GlobalPooling1DOptions options = {});

}  // namespace unspool
