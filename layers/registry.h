#pragma once

#include <memory>
#include <string>
#include <type_traits>
#include <typeinfo>
#include <utility>

#include <unspool/core/callable.h>
#include <unspool/core/fields.h>
#include <unspool/core/registry.h>
#include <unspool/layers/layer.h>

namespace unspool {

/// The registry of layers and cells: those of the library with Keras' names, and those of users with the
/// names given to register_layer().
Registry<LayerBase>& layer_registry();

namespace detail {

/// Converts a config of Keras to the form of the options structs: dtype policies become names, and arguments
/// without meaning here are removed.
Config plain_layer_config(const Config& config);
/// A layer with equal arguments, which `change` may modify, without weights. It shares no layers with the
/// original.
Ref<LayerBase> copy_layer(const LayerBase& layer, const Callable<void(Config&)>& change = {});
[[noreturn]] void fail_layer_class(const Config& config, const LayerBase& got, const std::type_info& wanted);
/// Converts to the class of the layer. Throws TypeError if it is of another class.
template <class L>
Ref<L> layer_as(const Ref<LayerBase>& layer, const Config& config) {
  auto wanted = std::dynamic_pointer_cast<L>(layer.pointer());
  if (wanted == nullptr) fail_layer_class(config, *layer, typeid(L));
  return Ref<L>(std::move(wanted));
}

template <class L>
concept MadeFromOptions = requires {
  typename L::Options;
}
&&std::is_constructible_v<L, typename L::Options>;

template <class L>
std::shared_ptr<LayerBase> layer_from(const Config& config) {
  if constexpr (requires { L::from_config(config).pointer(); }) {
    return L::from_config(config).pointer();
  } else if constexpr (MadeFromOptions<L>) {
    return make<L>(from_config<typename L::Options>(plain_layer_config(config))).pointer();
  } else {
    static_assert(std::is_constructible_v<L, LayerOptions>,
                  "register_layer: the class needs an options struct (using Options = ...), a static "
                  "from_config(const Config&) that returns a Ref, or a factory given to register_layer");
    return make<L>(from_config<LayerOptions>(plain_layer_config(config))).pointer();
  }
}

}  // namespace detail

/// Registers a class of your own, so that configs and files can contain it:
/// register_layer<MyCell>("my>MyCell"). A layer is made from a config by the static function from_config,
/// which returns a Ref, or from the options struct if the class has `using Options = ...`, or else from
/// LayerOptions.
template <class L>
void register_layer(std::string name) {
  layer_registry().add<L>(std::move(name), &detail::layer_from<L>);
}
/// Registers a class with a function that makes a layer, a Ref, from its config.
template <class L, class F>
void register_layer(std::string name, F factory) {
  layer_registry().add<L>(std::move(name), [factory](const Config& config) -> std::shared_ptr<LayerBase> {
    return factory(config).pointer();
  });
}

/// Keras' serialized form of a layer: {"module", "class_name", "config", "registered_name"} and, if the layer
/// is built, "build_config". Throws KeyError for a class that is not registered.
Config serialize_layer(const LayerBase& layer);
/// Makes a layer from its serialized form, with new weights if it has a "build_config". Throws KeyError for
/// an unknown class, with the nearest name, and TypeError, with class, config and cause, if the layer cannot
/// be made from its config for any reason.
Ref<LayerBase> deserialize_layer(const Config& config);

/// Makes a layer of a given class from its serialized form: layer_from_config<Cell>(config). Throws TypeError
/// for another class.
template <class L = Layer>
Ref<L> layer_from_config(const Config& config) {
  return detail::layer_as<L>(deserialize_layer(config), config);
}

/// A layer with equal arguments, the name included, without weights.
template <class L>
Ref<L> clone(const Ref<L>& layer) {
  return detail::layer_as<L>(detail::copy_layer(*layer), {});
}

/// A layer with equal arguments and copies of the weights and of what the layer keeps between calls. It has
/// no nodes.
Ref<LayerBase> deep_copy(const LayerBase& layer);
/// deep_copy() for a layer of a known class.
template <class L>
Ref<L> deep_copy(const Ref<L>& layer) {
  return Ref<L>(std::static_pointer_cast<L>(deep_copy(static_cast<const LayerBase&>(*layer)).pointer()));
}

}  // namespace unspool
