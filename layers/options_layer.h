#pragma once

#include <type_traits>
#include <utility>

#include <unspool/layers/layer.h>

namespace unspool {

/// A layer or cell (Base) that is made from an options struct. The layer keeps the struct, and its config
/// follows from the list of fields.
template <Options O, class Base = Layer>
class OptionsLayer : public Base {
 public:
  /// What the layer is made from.
  using Options = O;

  /// The arguments that make the layer again; those that every layer takes as they are now.
  O options() const {
    O now = options_;
    if constexpr (requires { now.name = this->name(); }) now.name = this->name();
    if constexpr (requires { now.trainable = this->trainable(); }) now.trainable = this->trainable();
    if constexpr (requires { now.dtype = this->dtype(); }) now.dtype = this->dtype();
    return now;
  }
  /// options() as a config.
  Config get_config() const override { return this->config_of(options_); }

 protected:
  /// A layer whose options have all that every layer takes.
  explicit OptionsLayer(O options) requires std::is_same_v<Base, Layer> : Base(layer_options(options)),
                                                                          options_(std::move(options)) {}
  /// With the arguments of Base.
  template <class... Arguments>
  requires(sizeof...(Arguments) > 0) OptionsLayer(O options, Arguments&&... of_base)
      : Base(std::forward<Arguments>(of_base)...), options_(std::move(options)) {}

  /// The options as they were given.
  O options_;
};

}  // namespace unspool
