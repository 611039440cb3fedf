#include <unspool/autograd/arithmetic.h>
#include <unspool/autograd/comparison.h>
#include <unspool/autograd/conversion.h>
#include <unspool/autograd/elementary.h>
#include <unspool/autograd/product.h>
#include <unspool/autograd/reduction.h>
#include <unspool/autograd/shaping.h>
#include <unspool/autograd/softmax.h>
#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/layers/attention.h>
#include <unspool/layers/internal/check_mask.h>
#include <unspool/layers/internal/dropout.h>
#include <unspool/layers/internal/layer_maker.h>

namespace unspool {

const Fields& AttentionOptions::fields() {
  using O = AttentionOptions;
  static const Fields all = fields_of<O>(
      field("use_scale", &O::use_scale, "whether scores are multiplied by a learned number"),
      field("score_mode", &O::score_mode, "\"dot\" or \"concat\""),
      field("dropout", &O::dropout, "the part of the weights that a training call leaves out"),
      field("seed", &O::seed, "makes dropout repeat"), field("name", &O::name, "of the layer"),
      field("trainable", &O::trainable, "whether training changes its weights"),
      field("dtype", &O::dtype, "of weights and computation"),
      field("activity_regularizer", &O::activity_regularizer, "a penalty on the outputs").unless_default(),
      field("use_causal_mask", &O::use_causal_mask, "step i sees the values up to step i only")
          .unless_default(),
      field("return_attention_scores", &O::return_attention_scores, "the weights come as second output")
          .unless_default());
  return all;
}

const Fields& AdditiveAttentionOptions::fields() {
  using O = AdditiveAttentionOptions;
  static const Fields all = fields_of<O>(
      field("use_scale", &O::use_scale, "whether each feature has a learned weight in the sum"),
      field("dropout", &O::dropout, "the part of the weights that a training call leaves out"),
      field("seed", &O::seed, "makes dropout repeat"), field("name", &O::name, "of the layer"),
      field("trainable", &O::trainable, "whether training changes its weights"),
      field("dtype", &O::dtype, "of weights and computation"),
      field("activity_regularizer", &O::activity_regularizer, "a penalty on the outputs").unless_default(),
      field("use_causal_mask", &O::use_causal_mask, "step i sees the values up to step i only")
          .unless_default(),
      field("return_attention_scores", &O::return_attention_scores, "the weights come as second output")
          .unless_default());
  return all;
}

template Ref<layers::Attention> detail::make_from_options<layers::Attention>(
    const layers::Attention::Options&);
template Ref<layers::AdditiveAttention> detail::make_from_options<layers::AdditiveAttention>(
    const layers::AdditiveAttention::Options&);

}  // namespace unspool

namespace unspool::layers {
namespace {

void check_shapes(const std::vector<Shape>& shapes, const std::string& layer) {
  std::string all;
  bool fit = shapes.size() == 2 || shapes.size() == 3;
  for (const Shape& shape : shapes) {
    all += (all.empty() ? "" : ", ") + to_string(shape);
    fit = fit && shape.rank() == 3;
  }
  if (fit) {
    const Shape& query = shapes[0];
    const Shape& value = shapes[1];
    const Shape& key = shapes.back();
    fit = compatible({query[0], query[2]}, {key[0], key[2]}) &&
          compatible({value[0], value[1]}, {key[0], key[1]});
  }
  if (fit) return;
  throw ValueError(
      fmt::format("the layer {} expected {{query, value}} or {{query, value, key}} of shapes (batch, Tq, "
                  "dim), (batch, Tv, features), (batch, Tv, dim), got {}",
                  layer, all));
}

/// query + key for each pair of steps: (batch, Tq, Tv, dim).
Tensor pairs(const Tensor& query, const Tensor& key) { return expand_dims(query, 2) + expand_dims(key, 1); }

/// (Tq, Tv): whether step i of the query may see value j.
Tensor causal(const Tensor& scores) {
  const Index queries = scores.shape()[1];
  const Index values = scores.shape()[2];
  const Tensor rows = expand_dims(Tensor::arange(0, static_cast<double>(queries), 1, int32), 1);
  return rows >= expand_dims(Tensor::arange(0, static_cast<double>(values), 1, int32), 0);
}

}  // namespace

Attention::Attention(AttentionOptions options)
    : OptionsLayer(std::move(options)), seeds_(internal::generator_of(options_.seed)) {
  internal::check_rate("Attention: dropout", options_.dropout);
  if (options_.score_mode != "dot" && options_.score_mode != "concat") {
    throw ValueError("Attention: score_mode: expected \"dot\" or \"concat\", got " +
                     in_quotes(options_.score_mode));
  }
}

void Attention::check_call(const std::vector<Tensor>& inputs, const CallArgs& args) const {
  std::vector<Shape> shapes;
  for (const Tensor& input : inputs) shapes.push_back(input.shape());
  check_shapes(shapes, name());
  internal::check_mask(args.mask, shapes[0].sub(0, 2), name());
  internal::check_mask(mask_of(inputs[1]), shapes[1].sub(0, 2), name());
}

void Attention::build_all(const std::vector<Shape>& input_shapes) {
  check_shapes(input_shapes, name());
  if (options_.use_scale) scale_ = add_weight({.name = "scale", .initializer = "ones"});
  if (options_.score_mode == "concat") {
    concat_score_weight_ = add_weight({.name = "concat_score_weight", .initializer = "ones"});
  }
}

Tensor Attention::scores(const Tensor& query, const Tensor& key) const {
  if (options_.score_mode == "dot") {
    const Tensor products = matmul(query, key, false, true);
    return scale_ ? products * scale_ : products;
  }
  const Tensor both = pairs(query, key);
  return concat_score_weight_ * sum(tanh(scale_ ? both * scale_ : both), {-1});
}

std::vector<Tensor> Attention::call_all(const std::vector<Tensor>& inputs, const CallArgs& args) {
  const Tensor& value = inputs[1];
  Tensor products = scores(inputs[0], inputs.back());
  Tensor keep;
  if (const Tensor mask = mask_of(value)) {
    keep = expand_dims(mask.dtype() == boolean ? mask : cast(mask, boolean), 1);
  }
  if (options_.use_causal_mask) {
    const Tensor seen = causal(products);
    keep = keep ? logical_and(keep, seen) : seen;
  }
  // As far below all others as Keras puts it.
  if (keep) products = where(keep, products, products - 1e9);
  Tensor weights = softmax(products);
  if (args.is_training() && options_.dropout > 0) {
    weights = weights * internal::dropout_mask(weights.shape(), options_.dropout, weights.dtype(), seeds_);
  }
  Tensor output = matmul(weights, value);
  if (args.mask) output = where(expand_dims(args.mask, -1), output, Tensor::scalar(0, output.dtype()));
  if (!options_.return_attention_scores) return {output};
  return {output, weights};
}

std::vector<Shape> Attention::compute_output_shapes(const std::vector<Shape>& inputs) {
  check_shapes(inputs, name());
  const Shape& query = inputs[0];
  std::vector<Shape> shapes = {{query[0], query[1], inputs[1][2]}};
  if (options_.return_attention_scores) shapes.push_back({query[0], query[1], inputs[1][1]});
  return shapes;
}

AdditiveAttention::AdditiveAttention(const AdditiveAttentionOptions& options)
    : Attention(options_from<AttentionOptions>(options)) {}

AdditiveAttentionOptions AdditiveAttention::options() const {
  return options_from<AdditiveAttentionOptions>(Attention::options());
}

Config AdditiveAttention::get_config() const { return config_of(options()); }

void AdditiveAttention::build_all(const std::vector<Shape>& input_shapes) {
  check_shapes(input_shapes, name());
  if (!options_.use_scale) return;
  const Index features = input_shapes.front().back();
  if (features == unknown) {
    throw ValueError(fmt::format("the layer {} expected a query with a known last dimension, got {}", name(),
                                 to_string(input_shapes.front())));
  }
  scale_ = add_weight({.name = "scale", .shape = {features}, .initializer = "glorot_uniform"});
}

Tensor AdditiveAttention::scores(const Tensor& query, const Tensor& key) const {
  const Tensor activated = tanh(pairs(query, key));
  return sum(scale_ ? activated * scale_ : activated, {-1});
}

}  // namespace unspool::layers
