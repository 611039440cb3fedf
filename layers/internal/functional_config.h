#pragma once

#include <memory>
#include <string>
#include <vector>

#include <unspool/core/config.h>
#include <unspool/layers/graph.h>
#include <unspool/layers/layer.h>

/// A graph of layers as Keras' configs of functional models have it.
namespace unspool::internal {

/// An input, an operation or a layer of a graph, with its nodes there in the order in which they run.
struct GraphItem {
  /// None of an input or operation.
  Ref<LayerBase> layer;
  std::vector<std::shared_ptr<const GraphNode>> nodes;
};

/// The name of each item: those of operations differ from those of layers and inputs.
std::vector<std::string> item_names(const std::vector<GraphItem>& items);

/// "layers", "input_layers" and "output_layers". Operations get names that no layer or input has. ValueError
/// for an operation that holds a C++ function.
Config graph_config(const std::vector<GraphItem>& items, const std::vector<Tensor>& inputs,
                    const std::vector<Tensor>& outputs);

struct GraphEnds {
  std::vector<Tensor> inputs;
  std::vector<Tensor> outputs;
};
/// Makes the layers again and calls them as the config says. ValueError, naming the place in the config, for
/// a tensor of a layer or call that is not there, and for calls that wait for each other.
GraphEnds graph_from_config(const Config& config);

}  // namespace unspool::internal
