#include <typeinfo>

#include <unspool/core/class_name.h>
#include <unspool/core/registry.h>
#include <unspool/layers/activation_layers.h>
#include <unspool/layers/activity_regularization.h>
#include <unspool/layers/attention.h>
#include <unspool/layers/bidirectional.h>
#include <unspool/layers/dense.h>
#include <unspool/layers/embedding.h>
#include <unspool/layers/functional.h>
#include <unspool/layers/gru.h>
#include <unspool/layers/lambda.h>
#include <unspool/layers/lstm.h>
#include <unspool/layers/masking.h>
#include <unspool/layers/merge.h>
#include <unspool/layers/noise.h>
#include <unspool/layers/normalization.h>
#include <unspool/layers/pooling.h>
#include <unspool/layers/preprocessing.h>
#include <unspool/layers/registry.h>
#include <unspool/layers/reshaping.h>
#include <unspool/layers/rnn.h>
#include <unspool/layers/sequential.h>
#include <unspool/layers/simple_rnn.h>
#include <unspool/layers/simple_rnn_cell.h>
#include <unspool/layers/stacked_rnn_cells.h>
#include <unspool/layers/time_distributed.h>

namespace unspool {
namespace {

std::shared_ptr<LayerBase> rnn_from(const Config& config) {
  Config arguments = detail::plain_layer_config(config);
  const Config serialized = arguments["cell"];
  Ref<Cell> cell;
  if (serialized.is_list()) {
    std::vector<Ref<Cell>> cells;
    for (const Config& one : serialized.elements()) cells.push_back(layer_from_config<Cell>(one));
    cell = StackedRNNCells(std::move(cells));
  } else {
    cell = layer_from_config<Cell>(serialized);
  }
  // TensorFlow says how many constants a layer was given; here a call shows it.
  arguments.erase("cell").erase("num_constants");
  return make<layers::RNN>(cell, from_config<RNNOptions>(arguments)).pointer();
}

/// As detail::layer_from(), with the function that makes the layer in programs, too.
template <class L>
std::shared_ptr<LayerBase> built_in_from(const Config& config) {
  if constexpr (requires { L::from_config(config).pointer(); }) {
    return L::from_config(config).pointer();
  } else {
    const auto made = [&]<class O>(const O& options) {
      return detail::make_from_options<L, O>(options).pointer();
    };
    const Config arguments = detail::plain_layer_config(config);
    if constexpr (detail::MadeFromOptions<L>) {
      return made(from_config<typename L::Options>(arguments));
    } else {
      return made(from_config<LayerOptions>(arguments));
    }
  }
}

struct LayerRow {
  const std::type_info* type;
  std::shared_ptr<LayerBase> (*make)(const Config&);
  /// Where Keras has the class, if not in keras.layers.
  const char* module;
};

template <class L>
constexpr LayerRow layer_row(std::shared_ptr<LayerBase> (*make)(const Config&) = &built_in_from<L>,
                             const char* module = "") {
  return {&typeid(L), make, module};
}
template <class L>
constexpr LayerRow layer_row(const char* module) {
  return layer_row<L>(&built_in_from<L>, module);
}

constexpr LayerRow layer_rows[] = {
    layer_row<layers::Activation>(),
    layer_row<layers::ActivityRegularization>(),
    layer_row<layers::Add>(),
    layer_row<layers::AdditiveAttention>(),
    layer_row<layers::Attention>(),
    layer_row<layers::Average>(),
    layer_row<layers::BatchNormalization>(),
    layer_row<layers::Bidirectional>(),
    layer_row<layers::Concatenate>(),
    layer_row<layers::Dense>(),
    layer_row<layers::Discretization>(),
    layer_row<layers::Dot>(),
    layer_row<layers::Dropout>(),
    layer_row<layers::ELU>(),
    layer_row<layers::Embedding>(),
    layer_row<layers::Flatten>(),
    layer_row<layers::Functional>("keras.src.models.functional"),
    layer_row<layers::GRU>(),
    layer_row<layers::GRUCell>(),
    layer_row<layers::GaussianNoise>(),
    layer_row<layers::GlobalAveragePooling1D>(),
    layer_row<layers::GlobalMaxPooling1D>(),
    layer_row<layers::LSTM>(),
    layer_row<layers::LSTMCell>(),
    layer_row<layers::Lambda>(),
    layer_row<layers::LayerNormalization>(),
    layer_row<layers::LeakyReLU>(),
    layer_row<layers::Masking>(),
    layer_row<layers::Maximum>(),
    layer_row<layers::Minimum>(),
    layer_row<layers::Multiply>(),
    layer_row<layers::Normalization>(),
    layer_row<layers::PReLU>(),
    layer_row<layers::Permute>(),
    layer_row<layers::RMSNormalization>(),
    layer_row<layers::RNN>(&rnn_from),
    layer_row<layers::ReLU>(),
    layer_row<layers::RepeatVector>(),
    layer_row<layers::Rescaling>(),
    layer_row<layers::Reshape>(),
    layer_row<layers::Sequential>("keras"),
    layer_row<layers::SimpleRNN>(),
    layer_row<layers::SimpleRNNCell>(),
    layer_row<layers::Softmax>(),
    layer_row<layers::SpatialDropout1D>(),
    layer_row<layers::StackedRNNCells>(),
    layer_row<layers::Subtract>(),
    layer_row<layers::TimeDistributed>(),
    layer_row<layers::UnitNormalization>(),
};

std::vector<Registry<LayerBase>::Entry> built_in_layers() {
  std::vector<Registry<LayerBase>::Entry> entries;
  for (const LayerRow& one : layer_rows)
    entries.push_back({class_name_of(*one.type), *one.type, one.make, one.module});
  return entries;
}

}  // namespace

Registry<LayerBase>& layer_registry() {
  static Registry<LayerBase> registry("layer", &built_in_layers, "register_layer<MyLayer>(\"my>MyLayer\")",
                                      "keras.layers");
  return registry;
}

}  // namespace unspool
