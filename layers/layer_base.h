#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include <unspool/layers/call.h>
#include <unspool/layers/layer_calls.h>

namespace unspool {

class GraphNode;

namespace internal {
struct NodeRecord;
}

/// An assignment to a variable that a layer makes when it runs.
struct Update {
  /// The variable.
  Variable variable;
  /// The value; abstract for a symbolic call.
  Tensor value;
};

/// A layer or cell of any class. This part is the node interface of TensorFlow 1.4: the calls of a layer on
/// symbolic tensors, each of which is a node of a graph of layers (docs/design/layer_graph.md), and the
/// losses and updates of these calls.
class LayerBase : public LayerCalls, public std::enable_shared_from_this<LayerBase> {
 public:
  ~LayerBase() override;

  /// The calls of this layer on symbolic tensors, in order.
  std::vector<std::shared_ptr<const GraphNode>> inbound_nodes() const;
  /// The inputs of the only symbolic call. Throws AttributeError if there was none, or more than one.
  Outputs input() const;
  /// The outputs of the only symbolic call. Throws AttributeError if there was none, or more than one.
  Outputs output() const;
  /// The masks attached to input(); an empty tensor for an input without one.
  Outputs input_mask() const;
  /// The masks attached to output(); an empty tensor for an output without one.
  Outputs output_mask() const;
  /// The shapes of the inputs of all symbolic calls. Throws AttributeError if there was none, or if they
  /// differ.
  Shapes input_shape() const;
  /// The shapes of the outputs of all symbolic calls. Throws AttributeError if there was none, or if they
  /// differ.
  Shapes output_shape() const;
  /// The inputs of symbolic call number `node`. Throws RuntimeError if there was no symbolic call, ValueError
  /// if there is none of this number.
  Outputs get_input_at(Index node) const;
  /// The outputs of symbolic call number `node`. Throws as get_input_at() does.
  Outputs get_output_at(Index node) const;
  /// The shapes of get_input_at().
  Shapes get_input_shape_at(Index node) const;
  /// The shapes of get_output_at().
  Shapes get_output_shape_at(Index node) const;
  /// The masks attached to get_input_at(); an empty tensor for an input without one.
  Outputs get_input_mask_at(Index node) const;
  /// The masks attached to get_output_at(); an empty tensor for an output without one.
  Outputs get_output_mask_at(Index node) const;

  /// Losses that do not depend on inputs: those added without inputs, and penalties of weights.
  std::vector<Tensor> get_losses_for(std::nullopt_t) const;
  /// Losses that depend on these tensors: those of calls whose inputs are among them or, in a graph of
  /// layers, are computed from them. A loss in a graph is an abstract tensor.
  std::vector<Tensor> get_losses_for(const Inputs& inputs) const;
  /// The updates of the symbolic calls of this layer and all layers below. Updates of eager calls are made at
  /// once and not kept.
  std::vector<Update> updates() const;
  /// Updates that do not depend on inputs.
  std::vector<Update> get_updates_for(std::nullopt_t) const;
  /// Updates that depend on these tensors.
  std::vector<Update> get_updates_for(const Inputs& inputs) const;

 protected:
  explicit LayerBase(LayerOptions options = {});

  /// Runs a call, for a node of a graph.
  virtual std::vector<Tensor> run(const std::vector<Tensor>& inputs, const CallArgs& args) = 0;
  /// Throws for a symbolic call that must not become a node, before anything else happens.
  virtual void check_symbolic_call(const std::vector<Tensor>& inputs, const CallArgs& args) const;
  /// Makes the node of an Input the only inbound node of this layer, which must own the symbolic tensor.
  void note_input(const std::shared_ptr<const GraphNode>& input);
  /// Makes a node of a symbolic call and returns its outputs.
  std::vector<Tensor> connect(const std::vector<Tensor>& inputs, const CallArgs& args);

 private:
  friend class GraphNode;

  const internal::NodeRecord& only_node(std::string_view what) const;
  const internal::NodeRecord& node_at(std::string_view what, Index node) const;
  std::shared_ptr<const GraphNode> node_of(const internal::NodeRecord& record) const;
  Shapes common_shapes(std::string_view what, Shapes (LayerBase::*shapes_at)(Index) const) const;

  std::vector<std::shared_ptr<internal::NodeRecord>> nodes_;
};

}  // namespace unspool
