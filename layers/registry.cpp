#include <algorithm>
#include <array>

#include <unspool/core/error.h>
#include <unspool/core/registry.h>
#include <unspool/layers/activation_layers.h>
#include <unspool/layers/activity_regularization.h>
#include <unspool/layers/attention.h>
#include <unspool/layers/bidirectional.h>
#include <unspool/layers/dense.h>
#include <unspool/layers/embedding.h>
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

/// While one lives, layers are made as parts of another one.
class Within {
 public:
  Within() { ++depth_; }
  ~Within() { --depth_; }
  Within(const Within&) = delete;
  Within& operator=(const Within&) = delete;
  static bool any() { return depth_ > 0; }

 private:
  static inline thread_local int depth_ = 0;
};

using Entry = Registry<LayerBase>::Entry;

template <class L>
Entry entry(Registry<LayerBase>::Factory factory = &detail::layer_from<L>) {
  return Registry<LayerBase>::entry<L>(class_name_of(typeid(L)), std::move(factory));
}

std::vector<Entry> built_in() {
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
      entry<layers::Sequential>(),
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

/// Where Keras has it; empty for a class of a user's.
std::string_view module_of(const LayerBase& layer) {
  static const std::vector<Entry> all = built_in();
  const bool built_in_class =
      std::any_of(all.begin(), all.end(), [&](const Entry& known) { return known.type == typeid(layer); });
  if (!built_in_class) return {};
  return typeid(layer) == typeid(layers::Sequential) ? "keras" : "keras.layers";
}

}  // namespace

Registry<LayerBase>& layer_registry() {
  static Registry<LayerBase> registry("layer", &built_in, "register_layer<MyLayer>(\"my>MyLayer\")");
  return registry;
}

void detail::register_layer(std::string name, const std::type_info& type,
                            std::function<std::shared_ptr<LayerBase>(const Config&)> factory) {
  layer_registry().add({std::move(name), type, std::move(factory)});
}

Config detail::plain_layer_config(const Config& config) {
  Config plain = config;
  if (const auto dtype = config.find("dtype"); dtype && dtype->is_map()) {
    plain.set("dtype", (*dtype)["config"]["name"]);
  } else if (dtype && dtype->is_null()) {
    plain.erase("dtype");
  }
  // Arguments of Keras' layers that this library has no use for.
  for (const std::string_view key : {"quantization_config", "lora_rank", "lora_alpha"}) {
    if (const auto value = config.find(key); value && value->is_null()) plain.erase(key);
  }
  return plain;
}

void detail::fail_layer_class(const Config& config, const LayerBase& came, const std::type_info& wanted) {
  throw TypeError(config.path() + ": expected a " + class_name_of(wanted) + ", came the class " +
                  came.class_name());
}

Config serialize_layer(const LayerBase& layer) {
  const std::string name = layer_registry().name_of(layer);
  const std::string_view module = module_of(layer);
  Config config = Config::map({{"module", module.empty() ? Config() : Config(module)},
                               {"class_name", name.substr(name.find('>') + 1)},
                               {"config", layer.get_config()},
                               {"registered_name", module.empty() ? Config(name) : Config()}});
  if (const Config built = layer.get_build_config(); !built.is_null()) config.set("build_config", built);
  return config;
}

Ref<LayerBase> deserialize_layer(const Config& config) {
  std::string name = config["class_name"].as<std::string>();
  const std::optional<Config> registered = config.find("registered_name");
  if (registered && registered->is_string()) {
    const std::string own = registered->as<std::string>();
    if (layer_registry().contains(own) || !layer_registry().contains(name)) name = own;
  }
  const std::optional<Config> arguments = config.find("config");
  Ref<LayerBase> made;
  {
    const Within within;
    made = Ref<LayerBase>(
        layer_registry().create(name, arguments && !arguments->is_null() ? *arguments : Config::map()));
  }
  const std::optional<Config> built = config.find("build_config");
  if (!built || built->is_null()) return made;
  // A part is built by the layer around, so that its weights are named after that.
  if (Within::any()) {
    made->build_later(*built);
  } else {
    made->build_from_config(*built);
  }
  return made;
}

Ref<LayerBase> deep_copy(const LayerBase& layer) {
  Ref<LayerBase> copy = deserialize_layer(serialize_layer(layer).erase("build_config"));
  copy->build_like(layer);
  copy->copy_state(layer);
  return copy;
}

}  // namespace unspool
