#pragma once

#include <string>

#include <unspool/layers/layer_maker.h>

namespace unspool {

/// Arguments of GlobalAveragePooling1D and GlobalMaxPooling1D, in the order of Keras.
struct GlobalPooling1DOptions {
  /// "channels_last": (batch, time, features); "channels_first": (batch, features, time).
  std::string data_format = "channels_last";
  /// Whether the output is (batch, 1, features) instead of (batch, features).
  Flag keepdims = false;
  std::string name = {};
  Flag trainable = true;
  DType dtype = float32;
  Regularizer activity_regularizer = {};

  static const Fields& fields();
};

namespace layers {

/// The mean over the unmasked steps of a sequence; zeros if all are masked. The output has no mask.
class GlobalAveragePooling1D : public OptionsLayer<GlobalPooling1DOptions> {
 public:
  /// Throws ValueError for another data_format.
  explicit GlobalAveragePooling1D(GlobalPooling1DOptions options = {});

 protected:
  Tensor call(const Tensor& x, const CallArgs& args) override;
};

/// The maximum of each feature over the steps of a sequence. It ignores masks, as in Keras.
class GlobalMaxPooling1D : public OptionsLayer<GlobalPooling1DOptions> {
 public:
  /// Throws ValueError for another data_format.
  explicit GlobalMaxPooling1D(GlobalPooling1DOptions options = {});

 protected:
  Tensor call(const Tensor& x, const CallArgs& args) override;
};

}  // namespace layers

///@{
/// Makes the layer of this name.
using GlobalAveragePooling1D = LayerRef<layers::GlobalAveragePooling1D>;
using GlobalMaxPooling1D = LayerRef<layers::GlobalMaxPooling1D>;
///@}

}  // namespace unspool
