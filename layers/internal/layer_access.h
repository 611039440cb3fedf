#pragma once

#include <unspool/layers/layer_tree.h>

namespace unspool::internal {

/// What reading and copying do with a layer, and nobody else.
struct LayerAccess {
  /// Tells a layer the shapes that it was built with, for whoever builds it.
  static void build_later(LayerTree& layer, const Config& build_config) { layer.build_later(build_config); }
  /// Builds a layer and those below as another one of the same arguments is built.
  static void build_like(LayerTree& layer, const LayerTree& other) { layer.build_like(other); }
};

}  // namespace unspool::internal
