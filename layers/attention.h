#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <unspool/core/random.h>
#include <unspool/layers/layer_maker.h>

namespace unspool {

/// Arguments of Attention, in the order of Keras.
struct AttentionOptions {
  /// Whether scores are multiplied by a learned scalar.
  Flag use_scale = false;
  /// The scores. "dot": the product of query and key; "concat": sum(tanh(query + key)) times a learned
  /// scalar.
  std::string score_mode = "dot";
  double dropout = 0;
  std::optional<std::int64_t> seed = std::nullopt;
  std::string name = {};
  Flag trainable = true;
  DType dtype = float32;
  Regularizer activity_regularizer = {};
  /// Whether step i uses only values up to step i. In Keras an argument of the call, so written to configs
  /// only if true.
  Flag use_causal_mask = false;
  /// Whether the weights are a second output. In Keras an argument of the call, so written to configs only if
  /// true.
  Flag return_attention_scores = false;

  static const Fields& fields();
};

/// Arguments of AdditiveAttention, in the order of Keras.
struct AdditiveAttentionOptions {
  /// Whether each feature of tanh(query + key) has a learned weight.
  Flag use_scale = true;
  double dropout = 0;
  std::optional<std::int64_t> seed = std::nullopt;
  std::string name = {};
  Flag trainable = true;
  DType dtype = float32;
  Regularizer activity_regularizer = {};
  Flag use_causal_mask = false;
  Flag return_attention_scores = false;

  static const Fields& fields();
};

namespace layers {

/// Dot-product attention (Luong, Pham and Manning 2015). Inputs: {query, value} or {query, value, key}, of
/// the shapes (batch, Tq, dim), (batch, Tv, features) and (batch, Tv, dim); the key is the value by default.
/// Output: for each step of the query the mean of the values, (batch, Tq, features), weighted by the softmax
/// of the scores of query and key; then, if asked for, the weights, (batch, Tq, Tv). Masked values have
/// weight 0; the output is 0 where the query is masked, and has the mask of the query. Weights: scale and
/// concat_score_weight, if they are used.
class Attention : public OptionsLayer<AttentionOptions> {
 public:
  /// Throws ValueError for another score_mode or a rate outside of [0, 1].
  explicit Attention(AttentionOptions options = {});

  std::vector<Shape> compute_output_shapes(const std::vector<Shape>& inputs) override;
  bool supports_masking() const override { return true; }

 protected:
  void check_call(const std::vector<Tensor>& inputs, const CallArgs& args) const override;
  void build_all(const std::vector<Shape>& input_shapes) override;
  std::vector<Tensor> call_all(const std::vector<Tensor>& inputs, const CallArgs& args) override;
  SeedGenerator* seed_generator() override { return options_.dropout > 0 ? &seeds_ : nullptr; }
  /// The scores, (batch, Tq, Tv).
  virtual Tensor scores(const Tensor& query, const Tensor& key) const;

 private:
  SeedGenerator seeds_;
  Variable scale_;
  Variable concat_score_weight_;
};

/// Additive attention: like Attention, with the scores sum(scale * tanh(query + key)) (Bahdanau, Cho and
/// Bengio 2015). Weights: scale (dim).
class AdditiveAttention : public Attention {
 public:
  using Options = AdditiveAttentionOptions;

  /// Throws ValueError for a rate outside of [0, 1].
  explicit AdditiveAttention(const AdditiveAttentionOptions& options = {});

  /// The config, from that of Attention.
  AdditiveAttentionOptions options() const;
  Config get_config() const override;

 protected:
  void build_all(const std::vector<Shape>& input_shapes) override;
  Tensor scores(const Tensor& query, const Tensor& key) const override;

 private:
  Variable scale_;
};

}  // namespace layers

///@{
/// Makes the layer: Attention({.use_scale = true})({query, value}).
using Attention = LayerRef<layers::Attention>;
using AdditiveAttention = LayerRef<layers::AdditiveAttention>;
///@}

}  // namespace unspool
