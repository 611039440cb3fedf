#pragma once

#include <string>

#include <unspool/layers/layer_maker.h>

namespace unspool {

/// Arguments of Embedding, in the order of Keras.
struct EmbeddingOptions {
  required<Index> input_dim;
  required<Index> output_dim;
  Initializer embeddings_initializer = "uniform";
  Regularizer embeddings_regularizer = {};
  Constraint embeddings_constraint = {};
  /// Whether id 0 is padding: the output then has the mask ids != 0.
  Flag mask_zero = false;
  /// The initial table, in place of the initializer. Not part of the config.
  Tensor weights = {};
  Regularizer activity_regularizer = {};
  std::string name = {};
  Flag trainable = true;
  NamedDType dtype = float32;

  static const Fields& fields();
};

namespace layers {

/// Row i of a table for each id i: from ids of shape (batch, ...) to (batch, ..., output_dim). Weights:
/// embeddings (input_dim, output_dim), with a dense gradient. Floating ids are truncated to integers. Throws
/// IndexError for an id outside of [0, input_dim).
class Embedding : public OptionsLayer<EmbeddingOptions> {
 public:
  /// Throws ValueError unless both sizes are positive.
  explicit Embedding(EmbeddingOptions options);

  std::vector<Shape> compute_output_shapes(const std::vector<Shape>& inputs) override;
  Tensor compute_mask(const std::vector<Tensor>& inputs, const Tensor& mask) override;
  bool supports_masking() const override { return options_.mask_zero; }

 protected:
  void build(const Shape& input_shape) override;
  Tensor call(const Tensor& ids, const CallArgs& args) override;

 private:
  Variable embeddings_;
};

}  // namespace layers

/// Makes the layer: Embedding({.input_dim = 10000, .output_dim = 64, .mask_zero = true}).
using Embedding = LayerRef<layers::Embedding>;

}  // namespace unspool
