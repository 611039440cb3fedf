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

/// An assignment to a variable that a layer does when it runs.
struct Update {
  /// What is assigned to.
  Variable variable;
  /// What it is given: of a symbolic call only shape and dtype are known.
  Tensor value;
};

/// A layer or cell of any class. This part is the node interface of TensorFlow 1.4's page: the calls of a
/// layer on symbolic tensors, each a node of a graph of layers (docs/design/layer_graph.md), and what they
/// add.
class LayerBase : public LayerCalls, public std::enable_shared_from_this<LayerBase> {
 public:
  ~LayerBase() override;

  /// The calls of this layer on symbolic tensors, in order.
  std::vector<std::shared_ptr<const GraphNode>> inbound_nodes() const;
  /// The symbolic tensors that the only such call was given. AttributeError if there is none, or if there are
  /// several.
  Outputs input() const;
  /// The symbolic tensors that the only such call returned. AttributeError if there is none, or if there are
  /// several.
  Outputs output() const;
  /// The masks attached to input(); empty where there is none.
  Outputs input_mask() const;
  /// The masks attached to output(); empty where there is none.
  Outputs output_mask() const;
  /// The shapes of the inputs of all symbolic calls. AttributeError if there is no such call, or if shapes
  /// differ between several.
  Shapes input_shape() const;
  /// The shapes of the outputs of all symbolic calls. AttributeError if there is no such call, or if shapes
  /// differ between several.
  Shapes output_shape() const;
  /// What the symbolic call number `node` was given. RuntimeError if there was none at all; ValueError if
  /// there is none of that number.
  Outputs get_input_at(Index node) const;
  /// What the symbolic call number `node` returned. Throws as get_input_at().
  Outputs get_output_at(Index node) const;
  /// The shapes of get_input_at().
  Shapes get_input_shape_at(Index node) const;
  /// The shapes of get_output_at().
  Shapes get_output_shape_at(Index node) const;
  /// The masks attached to get_input_at(); empty where there is none.
  Outputs get_input_mask_at(Index node) const;
  /// The masks attached to get_output_at(); empty where there is none.
  Outputs get_output_mask_at(Index node) const;

  /// Losses that depend on none of the inputs of a call: those added so, and the weights' regularizers.
  std::vector<Tensor> get_losses_for(std::nullopt_t) const;
  /// Losses that depend on these tensors: added for a call that took one of them, or, in a graph of layers,
  /// something computed from one. Of a loss in a graph only shape and dtype are known.
  std::vector<Tensor> get_losses_for(const Inputs& inputs) const;
  /// The assignments that the symbolic calls of this layer and of those below stand for; those of eager
  /// calls are done at once and not kept.
  std::vector<Update> updates() const;
  /// The updates that depend on none of the inputs of a call.
  std::vector<Update> get_updates_for(std::nullopt_t) const;
  /// The updates that depend on these tensors.
  std::vector<Update> get_updates_for(const Inputs& inputs) const;

 protected:
  explicit LayerBase(LayerOptions options = {});

  /// What a call does, for a node of a graph.
  virtual std::vector<Tensor> run(const std::vector<Tensor>& inputs, const CallArgs& args) = 0;
  /// Throws on a symbolic call that is not to become a node, before anything is done.
  virtual void check_symbolic_call(const std::vector<Tensor>& inputs, const CallArgs& args) const;
  /// Makes a node of a symbolic call, and returns its outputs.
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
