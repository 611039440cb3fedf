#include <algorithm>
#include <array>
#include <unordered_map>

#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
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

/// Layers that several others own are one object again when they are read: each has a number in what is
/// written, as in Keras' files.
using Numbers = std::unordered_map<const LayerBase*, Index>;
using Numbered = std::unordered_map<Index, Ref<LayerBase>>;

Numbers numbers_of_shared(const LayerBase& root) {
  std::unordered_map<const LayerBase*, int> owners;
  std::vector<const LayerBase*> pending = {&root};
  Numbers numbers;
  while (!pending.empty()) {
    const LayerBase* next = pending.back();
    pending.pop_back();
    for (const Ref<LayerBase>& below : next->sublayers()) {
      const int count = ++owners[below.pointer().get()];
      if (count == 1) pending.push_back(below.pointer().get());
      if (count == 2) numbers.emplace(below.pointer().get(), static_cast<Index>(numbers.size()) + 1);
    }
  }
  return numbers;
}

/// What all that is written or read by the outermost call on this thread has in common.
template <class T>
class Shared {
 public:
  template <class F>
  explicit Shared(F&& make) : outermost_(current_ == nullptr) {
    if (!outermost_) return;
    own_ = make();
    current_ = &own_;
  }
  ~Shared() {
    if (outermost_) current_ = nullptr;
  }
  Shared(const Shared&) = delete;
  Shared& operator=(const Shared&) = delete;
  T& operator*() const { return *current_; }

 private:
  static inline thread_local T* current_ = nullptr;
  bool outermost_;
  T own_;
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
      entry<layers::Functional>(),
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
  if (typeid(layer) == typeid(layers::Functional)) return "keras.src.models.functional";
  return typeid(layer) == typeid(layers::Sequential) ? "keras" : "keras.layers";
}

/// ValueError for what serves neither as name nor as trainable; a name of null is none.
Config with_checked_name(const Config& arguments) {
  const auto trainable = arguments.find("trainable");
  if (trainable && trainable->kind() != Config::Kind::logical) {
    throw ValueError(trainable->path() + ": trainable is true or false, got " + trainable->describe());
  }
  const auto name = arguments.find("name");
  if (!name || name->is_string()) return arguments;
  if (!name->is_null()) throw ValueError(name->path() + ": a name is a string, got " + name->describe());
  Config without = arguments;
  return without.erase("name");
}

/// As JSON, cut if it is long: a whole model is no message.
std::string shown(const Config& config) {
  constexpr std::size_t longest = 300;
  std::string text;
  try {
    text = to_json(config);
  } catch (const ValueError&) {  // JSON has no NaN.
    return config.describe();
  }
  return text.size() <= longest ? text : text.substr(0, longest) + "...";
}

/// A new layer of this class. TypeError, as in Keras, whatever went wrong in making it.
Ref<LayerBase> made_from(const std::string& class_name, const Config& arguments) {
  const Registry<LayerBase>::Factory factory = layer_registry().factory_of(class_name, arguments);
  try {
    return Ref<LayerBase>(factory(with_checked_name(arguments)));
  } catch (const std::exception& cause) {
    throw TypeError(fmt::format("{}: the class {} cannot be made of the config {}: {}", arguments.path(),
                                class_name, shown(arguments), cause.what()));
  }
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

void detail::fail_layer_class(const Config& config, const LayerBase& got, const std::type_info& wanted) {
  throw TypeError(config.path() + ": expected a " + class_name_of(wanted) + ", got the class " +
                  got.class_name());
}

Config serialize_layer(const LayerBase& layer) {
  const Shared<Numbers> numbers([&] { return numbers_of_shared(layer); });
  const std::string name = layer_registry().name_of(layer);
  const std::string_view module = module_of(layer);
  Config config = Config::map(
      {{"module", module.empty() ? Config() : Config(module)},
       {"class_name", name.substr(name.find('>') + 1)},
       {"config", layer.get_config()},
       {"registered_name", module == "keras.layers" || module == "keras" ? Config() : Config(name)}});
  if (const Config built = layer.get_build_config(); !built.is_null()) config.set("build_config", built);
  if (const auto found = (*numbers).find(&layer); found != (*numbers).end()) {
    config.set("shared_object_id", found->second);
  }
  return config;
}

Ref<LayerBase> deserialize_layer(const Config& config) {
  const Shared<Numbered> numbered([] { return Numbered(); });
  std::optional<Index> number;
  if (const auto shared = config.find("shared_object_id"); shared && !shared->is_null()) {
    number = shared->as<Index>();
    if (const auto known = (*numbered).find(*number); known != (*numbered).end()) return known->second;
  }
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
    made = made_from(name, arguments && !arguments->is_null() ? *arguments : Config::map());
  }
  if (number) (*numbered).emplace(*number, made);
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
