#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <unspool/autograd/operation.h>
#include <unspool/models/model.h>

namespace unspool::internal {

/// An input, an operation or a layer of a model, as it is drawn.
struct ModelNode {
  static constexpr std::size_t none = static_cast<std::size_t>(-1);

  std::string name = {};           ///< That of the layer, input or operation.
  std::string path = {};           ///< The name after those of the nested models around it: "encoder/lstm".
  std::string kind = {};           ///< Its class.
  Ref<LayerBase> layer = {};       ///< Empty for an input or operation.
  std::vector<Spec> inputs = {};   ///< Of its last call; empty if unknown.
  std::vector<Spec> outputs = {};  ///< Of its last call; empty if unknown.
  std::size_t parent = none;       ///< The nested model that it is in.
  bool nested = false;             ///< Whether this is a nested model whose nodes follow.
  /// The nodes whose outputs it takes, each once; none for a nested model.
  std::vector<std::size_t> sources = {};
};

/// "GlobalMax" of "global_max", as the classes of Keras' operations are called.
std::string class_of_operation(std::string_view name);

/// The nodes of a model, each after the nested model that it is in. A model that is neither a graph nor a
/// stack of layers is one node. With `expand_nested` the nodes of nested models are listed, and connected
/// with those around the models.
std::vector<ModelNode> model_nodes(const Model& model, bool expand_nested);

}  // namespace unspool::internal
