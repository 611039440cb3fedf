#pragma once

#include <utility>

#include <unspool/layers/layer.h>

namespace unspool {

/// A layer that is made of an options struct: it keeps it, and its config is made of it.
template <Options O>
class OptionsLayer : public Layer {
 public:
  using Options = O;

  const O& options() const { return options_; }
  Config get_config() const override {
    Config config = config_of(options_);
    // Keras' layers that do not list the argument themselves write it only where there is one.
    if (!activity_regularizer()) config.erase("activity_regularizer");
    return config;
  }

 protected:
  explicit OptionsLayer(O options) : Layer(layer_options(options)), options_(std::move(options)) {}

  O options_;
};

}  // namespace unspool
