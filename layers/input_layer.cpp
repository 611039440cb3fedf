#include <unspool/core/error.h>
#include <unspool/layers/graph.h>
#include <unspool/layers/input_layer.h>
#include <unspool/layers/internal/input_config.h>

namespace unspool::layers {
namespace {

std::shared_ptr<const GraphNode> input_node(const Tensor& input) {
  auto node = GraphNode::of(input);
  if (node == nullptr || !node->is_input()) {
    throw ValueError("InputLayer: expected what Input() returns, got " +
                     (input ? describe(input) : std::string("an empty tensor")));
  }
  return node;
}

}  // namespace

InputLayer::InputLayer(const Tensor& input)
    : Layer(LayerOptions{.name = input_node(input)->name()}), input_(input) {
  note_input(GraphNode::of(input));
  build_once(input.shape());
}

Config InputLayer::get_config() const {
  return internal::input_config({input_.shape(), input_.dtype()}, name())["config"];
}

}  // namespace unspool::layers
