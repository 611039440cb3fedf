#include <optional>
#include <unordered_map>

#include <unspool/core/class_name.h>
#include <unspool/core/error.h>
#include <unspool/core/internal/config_text.h>
#include <unspool/core/internal/format.h>
#include <unspool/layers/registry.h>

namespace unspool {
namespace {

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

/// ValueError for what serves neither as name nor as trainable; a name of null is none.
Config with_checked_name(const Config& arguments) {
  const auto trainable = arguments.find("trainable");
  if (trainable && trainable->kind() != Config::Kind::boolean) {
    throw ValueError(trainable->path() + ": trainable is true or false, got " + trainable->describe());
  }
  const auto name = arguments.find("name");
  if (!name || name->is_string()) return arguments;
  if (!name->is_null()) throw ValueError(name->path() + ": a name is a string, got " + name->describe());
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
  const Registry<LayerBase>::Factory factory = layer_registry().factory_of(class_name, arguments);
  try {
    return Ref<LayerBase>(factory(with_checked_name(arguments)));
  } catch (const std::exception& cause) {
    throw TypeError(fmt::format("{}: the class {} cannot be made of the config {}: {}", arguments.path(),
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

Config serialize_layer(const LayerBase& layer) {
  const Shared<Numbers> numbers([&] { return numbers_of_shared(layer); });
  Config config = layer_registry().serialize(layer_registry().name_of(layer), layer.get_config());
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
  const auto [name, arguments] = layer_registry().parse(config);
  Ref<LayerBase> made;
  {
    const Within within;
    made = made_from(name, arguments);
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
