#pragma once

#include <unspool/layers/layer_base.h>

namespace unspool::internal {

/// What reading, copying, freezing and resuming do with a layer, and nobody else.
struct LayerAccess {
  /// Tells a layer the shapes that it was built with, for whoever builds it.
  static void build_later(LayerTree& layer, const Config& build_config) { layer.build_later(build_config); }
  /// Whether made_again() works.
  static bool can_be_made_again(const LayerTree& layer) { return bool(layer.make_again_); }
  /// Another object with the arguments that make() got, with this name.
  static Ref<LayerBase> made_again(const LayerTree& layer, std::string name) {
    Ref<LayerBase> made(layer.make_again_());
    LayerTree& tree = *made;
    tree.name_ = std::move(name);
    tree.trainable_ = layer.trainable_;
    return made;
  }
  /// The weights of a layer without those of its children: those added as trainable, then the others.
  static std::vector<Variable> own_weights(const LayerTree& layer) {
    std::vector<Variable> own = layer.trainable_weights_;
    own.insert(own.end(), layer.other_weights_.begin(), layer.other_weights_.end());
    return own;
  }
  /// The variables that a layer keeps between calls, without those of its children.
  static std::vector<Variable> persistent_state(const LayerTree& layer) { return layer.persistent_state(); }
  /// Builds a layer and those below as another one of the same arguments is built.
  static void build_like(LayerTree& layer, const LayerTree& other) { layer.build_like(other); }
  /// The weights of this layer, without those below, that were added as trainable, even if they are not now.
  static const std::vector<Variable>& trainable_weights(const LayerTree& layer) {
    return layer.trainable_weights_;
  }
  /// The losses of the layer's own calls in the last outermost call.
  static auto& added_losses(LayerCalls& layer) { return layer.added_losses_; }
  /// What this layer and those below keep between calls beside their weights.
  static std::vector<Variable> persistent_states(const LayerTree& layer) {
    std::vector<Variable> states;
    for (const LayerBase* each : layer.all_layers()) {
      const std::vector<Variable> own = static_cast<const LayerTree*>(each)->persistent_state();
      states.insert(states.end(), own.begin(), own.end());
    }
    return states;
  }
};

}  // namespace unspool::internal
