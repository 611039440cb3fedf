#pragma once

#include <functional>
#include <memory>
#include <string>
#include <type_traits>
#include <typeinfo>
#include <utility>

#include <unspool/core/fields.h>
#include <unspool/core/registry.h>
#include <unspool/layers/layer.h>

namespace unspool {

/// All classes of layers and cells by name: those of the library under Keras' names, those of users under the
/// names that register_layer gave them.
Registry<LayerBase>& layer_registry();

namespace detail {

/// `config` as the options structs have it: Keras' dtype policies become names, arguments of Keras that say
/// nothing are left out.
Config plain_layer_config(const Config& config);
/// A layer with the same arguments that has no weights yet; `change` may change the arguments. It shares no
/// layer with the one it is made from.
Ref<LayerBase> copy_layer(const LayerBase& layer, const std::function<void(Config&)>& change = {});
[[noreturn]] void fail_layer_class(const Config& config, const LayerBase& got, const std::type_info& wanted);
/// The layer as what it is. Throws TypeError if it is another kind of layer.
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

/// Makes a class of your own known, so that configs and files can hold its layers:
/// register_layer<MyCell>("my>MyCell"). It is made from a config by its static from_config, which returns a
/// Ref, or by its options struct, if it says `using Options = ...`, or from LayerOptions.
template <class L>
void register_layer(std::string name) {
  layer_registry().add<L>(std::move(name), &detail::layer_from<L>);
}
/// The same with a function that makes it from its config: a Ref.
template <class L, class F>
void register_layer(std::string name, F factory) {
  layer_registry().add<L>(std::move(name), [factory](const Config& config) -> std::shared_ptr<LayerBase> {
    return factory(config).pointer();
  });
}

/// Keras' serialized form: {"module", "class_name", "config", "registered_name"}, and "build_config" once it
/// is built. Throws KeyError for a class that is not registered.
Config serialize_layer(const LayerBase& layer);
/// The inverse: a layer with fresh weights, built if that one was. Throws KeyError for an unknown class, naming the
/// nearest; TypeError naming class, config and cause if the class cannot be made of its config, whatever the
/// cause.
Ref<LayerBase> deserialize_layer(const Config& config);

/// A layer of a certain kind from its serialized form: layer_from_config<Cell>(config). Throws TypeError for another
/// kind.
template <class L = Layer>
Ref<L> layer_from_config(const Config& config) {
  return detail::layer_as<L>(deserialize_layer(config), config);
}

/// A layer with the same arguments, its name among them, that has no weights yet.
template <class L>
Ref<L> clone(const Ref<L>& layer) {
  return detail::layer_as<L>(detail::copy_layer(*layer), {});
}

/// A layer with the same arguments, copies of the weights, and what it keeps between calls as it is now. It
/// has no nodes.
Ref<LayerBase> deep_copy(const LayerBase& layer);
/// The same for a layer of a known class.
template <class L>
Ref<L> deep_copy(const Ref<L>& layer) {
  return Ref<L>(std::static_pointer_cast<L>(deep_copy(static_cast<const LayerBase&>(*layer)).pointer()));
}

}  // namespace unspool
