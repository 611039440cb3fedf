#pragma once

#include <concepts>
#include <cstddef>
#include <type_traits>
#include <utility>

#include <unspool/layers/activation_layers.h>
#include <unspool/layers/activity_regularization.h>
#include <unspool/layers/attention.h>
#include <unspool/layers/bidirectional.h>
#include <unspool/layers/dense.h>
#include <unspool/layers/embedding.h>
#include <unspool/layers/gru.h>
#include <unspool/layers/input.h>
#include <unspool/layers/lambda.h>
#include <unspool/layers/lstm.h>
#include <unspool/layers/masking.h>
#include <unspool/layers/merge.h>
#include <unspool/layers/noise.h>
#include <unspool/layers/normalization.h>
#include <unspool/layers/pooling.h>
#include <unspool/layers/reshaping.h>
#include <unspool/layers/rnn.h>
#include <unspool/layers/simple_rnn.h>
#include <unspool/layers/time_distributed.h>
#include <unspool/models/sequential.h>

// Composing models and graphs in the style of R:
//   model | layer_lstm({.units = 64}) | layer_dense({.units = 10})

namespace unspool {

namespace detail {

/// Adds the layer to the end of the model and returns the model.
Sequential compose(Sequential model, const Ref<Layer>& layer);
/// Calls the layer on the tensors.
Outputs compose(const Inputs& tensors, const Ref<Layer>& layer);

}  // namespace detail

/// A function that makes a layer and takes R's `object` before its other arguments. Without an object, or
/// with nullptr, it returns the layer. A Sequential as object gets the layer as its last one, and is
/// returned. For a tensor or a list of tensors it returns the outputs of the layer. Any other object does not
/// compile.
template <class Maker>
class Composer;

/// For a layer that is made from options: layer_lstm(object, options).
template <class L, class Options>
class Composer<LayerRef<L, Options>> {
 public:
  ///@{
  /// The layer, the model or the outputs, as the object requires.
  Ref<L> operator()(Options options = {}) const { return LayerRef<L, Options>(std::move(options)); }
  Ref<L> operator()(std::nullptr_t, Options options = {}) const { return (*this)(std::move(options)); }
  template <std::same_as<Sequential> Object>
  Sequential operator()(Object object, Options options = {}) const {
    return detail::compose(std::move(object), (*this)(std::move(options)));
  }
  Outputs operator()(const Inputs& object, Options options = {}) const {
    return detail::compose(object, (*this)(std::move(options)));
  }
  ///@}
};

/// For a layer that `Maker` makes around another layer or a cell: layer_rnn(object, cell, options).
template <class Maker, class L, class Inner, class Options>
class WrapperComposer {
 public:
  /// The layer.
  Ref<L> operator()(const Inner& inner, Options options) const { return maker(inner, std::move(options)); }
  /// The layer.
  Ref<L> operator()(std::nullptr_t, const Inner& inner, Options options) const {
    return maker(inner, std::move(options));
  }
  /// The model, with the layer as its last one.
  template <std::same_as<Sequential> Object>
  Sequential operator()(Object object, const Inner& inner, Options options) const {
    return detail::compose(std::move(object), maker(inner, std::move(options)));
  }
  /// The outputs of the layer.
  Outputs operator()(const Inputs& object, const Inner& inner, Options options) const {
    return detail::compose(object, maker(inner, std::move(options)));
  }

 private:
  static constexpr Maker maker = {};
};
template <class L, class Inner, class Options>
class Composer<WrapperMaker<L, Inner, Options>>
    : public WrapperComposer<WrapperMaker<L, Inner, Options>, L, Inner, Options> {};
template <>
class Composer<RNNMaker> : public WrapperComposer<RNNMaker, layers::RNN, Ref<Cell>, RNNOptions> {};

/// `model | layer` adds the layer to the end of the model and returns the model.
Sequential operator|(const Sequential& model, const SequentialItem& item);
/// `x | layer` is layer(x).
template <class L>
requires std::derived_from<L, Layer> Outputs operator|(const Tensor& x, const Ref<L>& layer) {
  return (*layer)(x);
}

///@{
/// The function that makes a layer, by its name in R's keras package; see Composer.
inline constexpr Tensor (*layer_input)(InputOptions) = &Input;
inline constexpr Composer<std::remove_const_t<decltype(RNN)>> layer_rnn;
inline constexpr Composer<SimpleRNN> layer_simple_rnn;
inline constexpr Composer<LSTM> layer_lstm;
inline constexpr Composer<GRU> layer_gru;
inline constexpr Composer<std::remove_const_t<decltype(Bidirectional)>> layer_bidirectional;
inline constexpr Composer<std::remove_const_t<decltype(TimeDistributed)>> layer_time_distributed;
inline constexpr Composer<Dense> layer_dense;
inline constexpr Composer<Embedding> layer_embedding;
inline constexpr Composer<Masking> layer_masking;
inline constexpr Composer<Lambda> layer_lambda;
inline constexpr Composer<ActivationLayer> layer_activation;
inline constexpr Composer<ReLU> layer_activation_relu;
inline constexpr Composer<LeakyReLU> layer_activation_leaky_relu;
inline constexpr Composer<PReLU> layer_activation_parametric_relu;
inline constexpr Composer<ELU> layer_activation_elu;
inline constexpr Composer<Softmax> layer_activation_softmax;
inline constexpr Composer<Dropout> layer_dropout;
inline constexpr Composer<SpatialDropout1D> layer_spatial_dropout_1d;
inline constexpr Composer<GaussianNoise> layer_gaussian_noise;
inline constexpr Composer<ActivityRegularization> layer_activity_regularization;
inline constexpr Composer<LayerNormalization> layer_layer_normalization;
inline constexpr Composer<BatchNormalization> layer_batch_normalization;
inline constexpr Composer<RMSNormalization> layer_rms_normalization;
inline constexpr Composer<UnitNormalization> layer_unit_normalization;
inline constexpr Composer<Flatten> layer_flatten;
inline constexpr Composer<Reshape> layer_reshape;
inline constexpr Composer<Permute> layer_permute;
inline constexpr Composer<RepeatVector> layer_repeat_vector;
inline constexpr Composer<GlobalAveragePooling1D> layer_global_average_pooling_1d;
inline constexpr Composer<GlobalMaxPooling1D> layer_global_max_pooling_1d;
inline constexpr Composer<Add> layer_add;
inline constexpr Composer<Subtract> layer_subtract;
inline constexpr Composer<Multiply> layer_multiply;
inline constexpr Composer<Average> layer_average;
inline constexpr Composer<Maximum> layer_maximum;
inline constexpr Composer<Minimum> layer_minimum;
inline constexpr Composer<Concatenate> layer_concatenate;
inline constexpr Composer<Dot> layer_dot;
inline constexpr Composer<Attention> layer_attention;
inline constexpr Composer<AdditiveAttention> layer_additive_attention;
///@}

}  // namespace unspool
