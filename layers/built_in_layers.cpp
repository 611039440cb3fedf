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

using Entry = Registry<LayerBase>::Entry;

template <class L>
Entry entry(Registry<LayerBase>::Factory factory = &detail::layer_from<L>) {
  return Registry<LayerBase>::entry<L>(class_name_of(typeid(L)), std::move(factory));
}

/// The models among the layers, which Keras has elsewhere.
template <class L>
Entry model_entry(std::string module) {
  Entry model = entry<L>();
  model.module = std::move(module);
  return model;
}

std::vector<Entry> built_in_layers() {
  return {
      entry<layers::Activation>(),
      entry<layers::ActivityRegularization>(),
      entry<layers::Add>(),
      entry<layers::AdditiveAttention>(),
      entry<layers::Attention>(),
      entry<layers::Average>(),
      entry<layers::BatchNormalization>(),
      entry<layers::Bidirectional>(),
      entry<layers::Concatenate>(),
      entry<layers::Dense>(),
      entry<layers::Dot>(),
      entry<layers::Dropout>(),
      entry<layers::ELU>(),
      entry<layers::Embedding>(),
      entry<layers::Flatten>(),
      model_entry<layers::Functional>("keras.src.models.functional"),
      entry<layers::GRU>(),
      entry<layers::GRUCell>(),
      entry<layers::GaussianNoise>(),
      entry<layers::GlobalAveragePooling1D>(),
      entry<layers::GlobalMaxPooling1D>(),
      entry<layers::LSTM>(),
      entry<layers::LSTMCell>(),
      entry<layers::Lambda>(),
      entry<layers::LayerNormalization>(),
      entry<layers::LeakyReLU>(),
      entry<layers::Masking>(),
      entry<layers::Maximum>(),
      entry<layers::Minimum>(),
      entry<layers::Multiply>(),
      entry<layers::PReLU>(),
      entry<layers::Permute>(),
      entry<layers::RMSNormalization>(),
      entry<layers::RNN>(&rnn_from),
      entry<layers::ReLU>(),
      entry<layers::RepeatVector>(),
      entry<layers::Reshape>(),
      model_entry<layers::Sequential>("keras"),
      entry<layers::SimpleRNN>(),
      entry<layers::SimpleRNNCell>(),
      entry<layers::Softmax>(),
      entry<layers::SpatialDropout1D>(),
      entry<layers::StackedRNNCells>(),
      entry<layers::Subtract>(),
      entry<layers::TimeDistributed>(),
      entry<layers::UnitNormalization>(),
  };
}

}  // namespace

Registry<LayerBase>& layer_registry() {
  static Registry<LayerBase> registry("layer", &built_in_layers, "register_layer<MyLayer>(\"my>MyLayer\")",
                                      "keras.layers");
  return registry;
}

}  // namespace unspool
