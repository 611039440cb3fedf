#include <unspool/autograd/comparison.h>
#include <unspool/autograd/conversion.h>
#include <unspool/autograd/indexing.h>
#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/layers/embedding.h>
#include <unspool/layers/internal/fields_of_layer.h>
#include <unspool/layers/internal/layer_maker.h>

namespace unspool {

const Fields& EmbeddingOptions::fields() {
  using O = EmbeddingOptions;
  static const Fields all = fields_of<O>(
      field("input_dim", &O::input_dim, "the number of ids"),
      field("output_dim", &O::output_dim, "the size of the vector of each"),
      field("embeddings_initializer", &O::embeddings_initializer, "of the table"),
      field("embeddings_regularizer", &O::embeddings_regularizer, "a penalty on the table"),
      field("embeddings_constraint", &O::embeddings_constraint, "on the table after each update"),
      field("mask_zero", &O::mask_zero, "id 0 is padding, which the output's mask leaves out"),
      field("weights", &O::weights, "the table to begin with").never_written(),
      field("activity_regularizer", &O::activity_regularizer, "a penalty on the output"),
      field("name", &O::name, "of the layer"),
      field("trainable", &O::trainable, "whether training changes its weights"),
      field("dtype", &O::dtype, "of weights and computation"));
  return all;
}

template Ref<layers::Embedding> detail::make_from_options<layers::Embedding>(
    const layers::Embedding::Options&);

}  // namespace unspool

namespace unspool::layers {
namespace {

void check_range(const Tensor& ids, Index count) {
  visit_dtype(ids.dtype(), [&]<class T>(T) {
    for (const T id : ids.data<T>()) {
      if (static_cast<Index>(id) >= 0 && static_cast<Index>(id) < count) continue;
      throw IndexError(fmt::format("expected ids from 0 to {} (input_dim is {}), got {} among {}", count - 1,
                                   count, static_cast<Index>(id), describe(ids)));
    }
  });
}

}  // namespace

Embedding::Embedding(EmbeddingOptions options) : OptionsLayer(std::move(options)) {
  for (const auto& [argument, size] : {std::pair("input_dim", options_.input_dim.value()),
                                       std::pair("output_dim", options_.output_dim.value())}) {
    if (size <= 0)
      throw ValueError(fmt::format("Embedding: {}: expected a positive number, got {}", argument, size));
  }
}

void Embedding::build(const Shape&) {
  const Shape shape = {options_.input_dim, options_.output_dim};
  embeddings_ = add_weight({.name = "embeddings",
                            .shape = shape,
                            .initializer = options_.embeddings_initializer,
                            .regularizer = options_.embeddings_regularizer,
                            .constraint = options_.embeddings_constraint});
  if (!options_.weights) return;
  if (!(options_.weights.shape() == shape)) {
    throw ValueError(fmt::format("the layer {} expected weights of shape {}, got {}", name(),
                                 to_string(shape), describe(options_.weights)));
  }
  embeddings_.assign(cast(options_.weights, dtype()));
}

Tensor Embedding::call(const Tensor& x, const CallArgs&) {
  const Tensor ids = x.dtype() == int32 || x.dtype() == int64 ? x : cast(x, int32);
  // gather() counts negative ids from the end: here they are mistakes.
  if (!ids.is_abstract()) check_range(ids, options_.input_dim);
  return gather(embeddings_, ids);
}

Tensor Embedding::compute_mask(const std::vector<Tensor>& inputs, const Tensor&) {
  return options_.mask_zero ? not_equal(first_of(inputs), 0) : Tensor();
}

std::vector<Shape> Embedding::compute_output_shapes(const std::vector<Shape>& inputs) {
  return {first_of(inputs) + Shape{options_.output_dim}};
}

}  // namespace unspool::layers
