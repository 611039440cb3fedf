#pragma once

#include <type_traits>
#include <utility>

#include <unspool/layers/layer.h>

namespace unspool {

/// The base class of layers and cells (Base) that are made from an options struct. It keeps the struct; the
/// config follows from the list of fields.
template <Options O, class Base = Layer>
class OptionsLayer : public Base {
 public:
  /// The options struct.
  using Options = O;

  /// The config of options(), with the current values of the fields that every layer has.
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
  /// For options with the fields that every layer has.
  explicit OptionsLayer(O options) requires std::is_same_v<Base, Layer> : Base(layer_options(options)),
                                                                          options_(std::move(options)) {}
  /// With the arguments of Base.
  template <class... Arguments>
  requires(sizeof...(Arguments) > 0) OptionsLayer(O options, Arguments&&... of_base)
      : Base(std::forward<Arguments>(of_base)...), options_(std::move(options)) {}

  /// The options as given.
  O options_;
};

}  // namespace unspool
