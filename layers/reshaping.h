#pragma once

#include <string>
#include <vector>

#include <unspool/layers/layer_maker.h>

namespace unspool {

/// Arguments of Flatten, in the order of Keras.
struct FlattenOptions {
  /// "channels_last", or "channels_first", which moves axis 1 to the end before.
  std::string data_format = "channels_last";
  std::string name = {};
  Flag trainable = true;
  DType dtype = float32;
  Regularizer activity_regularizer = {};

  static const Fields& fields();
};

/// Arguments of Reshape, in the order of Keras.
struct ReshapeOptions {
  /// The shape without the batch. One size may be -1: it is computed from the others.
  required<std::vector<Index>> target_shape;
  std::string name = {};
  Flag trainable = true;
  DType dtype = float32;
  Regularizer activity_regularizer = {};

  static const Fields& fields();
};

/// Arguments of Permute, in the order of Keras.
struct PermuteOptions {
  /// The new order of the axes after the batch, which are counted from 1: {2, 1}.
  required<std::vector<Index>> dims;
  std::string name = {};
  Flag trainable = true;
  DType dtype = float32;
  Regularizer activity_regularizer = {};

  static const Fields& fields();
};

/// Arguments of RepeatVector, in the order of Keras.
struct RepeatVectorOptions {
  required<Index> n;
  std::string name = {};
  Flag trainable = true;
  DType dtype = float32;
  Regularizer activity_regularizer = {};

  static const Fields& fields();
};

namespace layers {

/// Reshapes (batch, ...) to (batch, size), and (batch) to (batch, 1). Like all layers here it drops the mask.
class Flatten : public OptionsLayer<FlattenOptions> {
 public:
  /// Throws ValueError for another data_format.
  explicit Flatten(FlattenOptions options = {});

 protected:
  Tensor call(const Tensor& x, const CallArgs& args) override;
};

/// Reshapes (batch, ...) to (batch, target_shape...). Throws ValueError if the number of elements differs.
class Reshape : public OptionsLayer<ReshapeOptions> {
 public:
  /// Throws ValueError for a size below -1, or -1 twice.
  explicit Reshape(ReshapeOptions options);

 protected:
  Tensor call(const Tensor& x, const CallArgs& args) override;
};

/// Permutes the axes after the batch.
class Permute : public OptionsLayer<PermuteOptions> {
 public:
  /// Throws ValueError unless dims are 1, 2, ... in some order.
  explicit Permute(PermuteOptions options);

 protected:
  Tensor call(const Tensor& x, const CallArgs& args) override;
};

/// Repeats (batch, features) to (batch, n, features).
class RepeatVector : public OptionsLayer<RepeatVectorOptions> {
 public:
  /// Throws ValueError unless n > 0.
  explicit RepeatVector(RepeatVectorOptions options);

 protected:
  Tensor call(const Tensor& x, const CallArgs& args) override;
};

}  // namespace layers

/// Makes the layer: Flatten().
using Flatten = LayerRef<layers::Flatten>;
/// Makes the layer: Reshape({6, -1}).
using Reshape = LayerRef<layers::Reshape>;
///@{
/// Makes the layer: Permute({2, 1}).
using Permute = LayerRef<layers::Permute>;
using RepeatVector = LayerRef<layers::RepeatVector>;
///@}

}  // namespace unspool
