#pragma once

#include <string>
#include <vector>

#include <unspool/layers/options_layer.h>

namespace unspool {

/// Arguments of Flatten, in the order of Keras.
struct FlattenOptions {
  /// Or "channels_first": axis 1 is moved to the end before.
  std::string data_format = "channels_last";
  std::string name = {};
  bool trainable = true;
  DType dtype = float32;
  Regularizer activity_regularizer = {};

  static const Fields& fields();
};

/// Arguments of Reshape, in the order of Keras.
struct ReshapeOptions {
  /// Without the batch; one size may be -1 and follows from the others.
  required<std::vector<Index>> target_shape;
  std::string name = {};
  bool trainable = true;
  DType dtype = float32;
  Regularizer activity_regularizer = {};

  static const Fields& fields();
};

/// Arguments of Permute, in the order of Keras.
struct PermuteOptions {
  /// Which axis comes where, counted from 1, since the batch stays: {2, 1}.
  required<std::vector<Index>> dims;
  std::string name = {};
  bool trainable = true;
  DType dtype = float32;
  Regularizer activity_regularizer = {};

  static const Fields& fields();
};

/// Arguments of RepeatVector, in the order of Keras.
struct RepeatVectorOptions {
  required<Index> n;
  std::string name = {};
  bool trainable = true;
  DType dtype = float32;
  Regularizer activity_regularizer = {};

  static const Fields& fields();
};

namespace layers {

/// (batch, ...) to (batch, their product); (batch) to (batch, 1). The mask is dropped, as by all of these.
class Flatten : public OptionsLayer<FlattenOptions> {
 public:
  /// Throws ValueError for another data_format.
  explicit Flatten(FlattenOptions options = {});

 protected:
  Tensor call(const Tensor& x, const CallArgs& args) override;
};

/// (batch, ...) to (batch, target_shape...). Throws ValueError if the sizes do not fit.
class Reshape : public OptionsLayer<ReshapeOptions> {
 public:
  /// Throws ValueError for a size below -1, or -1 twice.
  explicit Reshape(ReshapeOptions options);

 protected:
  Tensor call(const Tensor& x, const CallArgs& args) override;
};

/// The axes behind the batch in another order.
class Permute : public OptionsLayer<PermuteOptions> {
 public:
  /// Throws ValueError unless dims are 1, 2, ... in some order.
  explicit Permute(PermuteOptions options);

 protected:
  Tensor call(const Tensor& x, const CallArgs& args) override;
};

/// (batch, features) to (batch, n, features).
class RepeatVector : public OptionsLayer<RepeatVectorOptions> {
 public:
  /// Throws ValueError unless n > 0.
  explicit RepeatVector(RepeatVectorOptions options);

 protected:
  Tensor call(const Tensor& x, const CallArgs& args) override;
};

}  // namespace layers

Ref<layers::Flatten> Flatten(FlattenOptions options = {});
/// Reshape({.target_shape = {6, -1}}).
Ref<layers::Reshape> Reshape(ReshapeOptions options);
///@{
/// Permute({.dims = {2, 1}}).
Ref<layers::Permute> Permute(PermuteOptions options);
Ref<layers::RepeatVector> RepeatVector(RepeatVectorOptions options);
///@}

}  // namespace unspool
