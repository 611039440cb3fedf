#include <algorithm>
#include <optional>
#include <typeindex>
#include <unordered_map>
#include <utility>

#include <unspool/core/class_name.h>
#include <unspool/core/error.h>
#include <unspool/core/internal/config_text.h>
#include <unspool/core/internal/format.h>
#include <unspool/layers/internal/layer_access.h>
#include <unspool/layers/registry.h>

namespace unspool {
namespace {

/// Layers of classes that have no name, in the order in which a copy meets them: they are made again from the
/// arguments that make() got.
using Unnamed = std::vector<const LayerBase*>;
/// Stands for the name of their class.
constexpr std::string_view made_again = "made again";

/// What serialize_layer() and the calls within it write together. A layer that stands at several places has a
/// number at each, as in Keras' files, so that it is one object again when it is read.
class Writer {
 public:
  /// Writes a layer, as part of what the thread is writing if that is the case.
  static Config write(const LayerBase& layer) {
    if (current_ != nullptr) return current_->layer(layer);
    return write_alone(layer);
  }
  /// Writes a layer apart from what the thread is writing, for a copy that is made at once.
  static Config write_copy(const LayerBase& layer, Unnamed& unnamed) { return write_alone(layer, &unnamed); }

 private:
  explicit Writer(Unnamed* unnamed) : around_(std::exchange(current_, this)), unnamed_(unnamed) {}
  ~Writer() { current_ = around_; }

  static Config write_alone(const LayerBase& layer, Unnamed* unnamed = nullptr) {
    Writer writer(unnamed);
    writer.layer(layer);  // Counts.
    writer.counting_ = false;
    return writer.layer(layer);
  }

  Config serialized(const LayerBase& layer) {
    if (unnamed_ == nullptr || !internal::LayerAccess::can_be_made_again(layer) ||
        layer_registry().name_of(std::type_index(typeid(layer)))) {
      return layer_registry().serialize(layer_registry().name_of(layer), layer.get_config());
    }
    const auto place = std::find(unnamed_->begin(), unnamed_->end(), &layer);
    const auto number = static_cast<Index>(place - unnamed_->begin());
    if (place == unnamed_->end()) unnamed_->push_back(&layer);
    return Config::map({{"class_name", std::string(made_again)},
                        {"config", Config::map({{"name", layer.name()}, {"number", number}})}});
  }

  Config layer(const LayerBase& layer) {
    // What is below a layer that was met before is not met again.
    const bool met_before = counting_ && (skipped_ > 0 || ++places_[&layer] > 1);
    skipped_ += met_before ? 1 : 0;
    Config config = serialized(layer);
    skipped_ -= met_before ? 1 : 0;
    if (const Config built = layer.get_build_config(); !built.is_null()) config.set("build_config", built);
    if (places_[&layer] > 1) {
      config.set("shared_object_id", numbers_.emplace(&layer, numbers_.size() + 1).first->second);
    }
    return config;
  }

  static inline thread_local Writer* current_ = nullptr;
  Writer* around_;
  Unnamed* unnamed_;
  bool counting_ = true;
  int skipped_ = 0;
  std::unordered_map<const LayerBase*, int> places_;
  std::unordered_map<const LayerBase*, std::size_t> numbers_;
};

/// What deserialize_layer() and the calls within it read together: the layers that have a number.
class Reader {
 public:
  /// Reads a layer, as part of what the thread is reading if that is the case.
  static Ref<LayerBase> read(const Config& config) {
    if (current_ != nullptr) return current_->layer(config);
    return read_alone(config);
  }
  /// Reads a layer apart from what the thread is reading.
  static Ref<LayerBase> read_alone(const Config& config, const Unnamed& unnamed = {}) {
    Reader reader(unnamed);
    return reader.layer(config);
  }

 private:
  explicit Reader(const Unnamed& unnamed) : around_(std::exchange(current_, this)), unnamed_(unnamed) {}
  ~Reader() { current_ = around_; }

  /// While one exists, the parts of a layer are read.
  class Within {
   public:
    explicit Within(Reader& reader) : reader_(reader) { ++reader_.depth_; }
    ~Within() { --reader_.depth_; }
    Within(const Within&) = delete;
    Within& operator=(const Within&) = delete;

   private:
    Reader& reader_;
  };

  Ref<LayerBase> layer(const Config& config);
  Ref<LayerBase> made(const Config& config);

  static inline thread_local Reader* current_ = nullptr;
  Reader* around_;
  const Unnamed& unnamed_;
  int depth_ = 0;
  std::unordered_map<Index, Ref<LayerBase>> numbered_;
};

/// ValueError for what serves neither as name nor as trainable; a name of null is none.
Config with_checked_name(const Config& arguments) {
  const auto trainable = arguments.find("trainable");
  if (trainable && trainable->kind() != Config::Kind::boolean) {
    throw ValueError(trainable->path() + ": trainable: expected true or false, got " + trainable->describe());
  }
  const auto name = arguments.find("name");
  if (!name || name->is_string()) return arguments;
  if (!name->is_null())
    throw ValueError(name->path() + ": expected a name, a string, got " + name->describe());
  Config without = arguments;
  return without.erase("name");
}

/// The start of a config, if it is long: a whole model is no message.
std::string shown(const Config& config) {
  constexpr std::size_t longest = 300;
  const std::string text = internal::text_of(config);
  return text.size() <= longest ? text : text.substr(0, longest) + "...";
}

/// A new layer of this class. TypeError, as in Keras, whatever went wrong in making it.
Ref<LayerBase> made_from(const std::string& class_name, const Config& arguments) {
  if (!layer_registry().contains(class_name)) {
    throw KeyError(layer_registry().unknown(class_name, arguments));
  }
  try {
    return Ref<LayerBase>(layer_registry().create(class_name, with_checked_name(arguments)));
  } catch (const std::exception& cause) {
    throw TypeError(fmt::format("{}: expected a config of the class {}, got {}: {}", arguments.path(),
                                class_name, shown(arguments), cause.what()));
  }
}

}  // namespace

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

Config serialize_layer(const LayerBase& layer) { return Writer::write(layer); }

Ref<LayerBase> Reader::made(const Config& config) {
  const auto [name, arguments] = layer_registry().parse(config);
  const Within within(*this);
  if (unnamed_.empty() || name != made_again) return made_from(name, arguments);
  const LayerBase& original = *unnamed_.at(arguments["number"].as<std::size_t>());
  return internal::LayerAccess::made_again(original, arguments["name"].as<std::string>());
}

Ref<LayerBase> Reader::layer(const Config& config) {
  std::optional<Index> number;
  if (const auto shared = config.find("shared_object_id"); shared && !shared->is_null()) {
    number = shared->as<Index>();
    if (const auto known = numbered_.find(*number); known != numbered_.end()) return known->second;
  }
  const Ref<LayerBase> made = this->made(config);
  if (number) numbered_.emplace(*number, made);
  const std::optional<Config> built = config.find("build_config");
  if (!built || built->is_null()) return made;
  // A part is built by the layer around, so that its weights are named after that.
  if (depth_ > 0 || around_ != nullptr) {
    internal::LayerAccess::build_later(*made, *built);
  } else {
    made->build_from_config(*built);
  }
  return made;
}

Ref<LayerBase> deserialize_layer(const Config& config) { return Reader::read(config); }

Ref<LayerBase> detail::copy_layer(const LayerBase& layer, const Callable<void(Config&)>& change) {
  Unnamed unnamed;
  Config serialized = Writer::write_copy(layer, unnamed).erase("build_config");
  if (change) {
    layer_registry().name_of(layer);  // What changes is in the config of a class that has one.
    Config arguments = serialized["config"];
    change(arguments);
    serialized.set("config", arguments);
  }
  return Reader::read_alone(serialized, unnamed);
}

Ref<LayerBase> deep_copy(const LayerBase& layer) {
  Ref<LayerBase> copy = detail::copy_layer(layer);
  internal::LayerAccess::build_like(*copy, layer);
  copy->copy_state(layer);
  return copy;
}

}  // namespace unspool
