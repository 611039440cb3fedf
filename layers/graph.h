#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <unspool/autograd/recorder.h>

namespace unspool {

class LayerBase;
struct CallArgs;

namespace internal {
struct LayerCall;
struct NodeOutput;
struct NodeRecord;
}  // namespace internal

/// A node of a graph of layers: an input, an operation done on symbolic tensors, or a call of a layer or
/// cell. A symbolic tensor is an abstract one whose recorder is the node that made it. A node holds the
/// tensors it took, and so the nodes before it, and its layer: a tensor owns its whole history, and two
/// graphs that meet in a node are one from there on. See docs/design/layer_graph.md.
class GraphNode final : public Recorder {
 public:
  /// A symbolic tensor that something will be put in for.
  static Tensor input(const Spec& spec, std::string name);
  /// The node that made a symbolic tensor; null for any other.
  static std::shared_ptr<const GraphNode> of(const Tensor& tensor);

  GraphNode();
  ~GraphNode() override;

  /// Whether Input() made it.
  bool is_input() const { return layer_ == nullptr && !operation_.has_value(); }
  /// The input's, operation's or layer's.
  std::string name() const;
  /// The layer or cell that was called; null in other nodes.
  const std::shared_ptr<LayerBase>& layer() const { return layer_; }
  /// What the layer was given beside its inputs.
  const CallArgs& args() const;
  /// What it does if it is an operation.
  const std::optional<OperationRef>& operation() const { return operation_; }
  /// The attributes of that operation.
  const Attributes& attributes() const { return attributes_; }
  /// What it takes: symbolic tensors, and concrete ones as they were.
  const std::vector<Tensor>& inputs() const { return inputs_; }
  /// The symbolic tensors among inputs, initial_state, constants and mask, in this order.
  std::vector<Tensor> input_tensors() const;
  /// The nodes that made these, one each.
  std::vector<std::shared_ptr<const GraphNode>> parents() const;
  /// What it gives, in order.
  const std::vector<Spec>& outputs() const { return outputs_; }
  /// The same as symbolic tensors.
  std::vector<Tensor> output_tensors() const;
  /// Which of its outputs `tensor` is. ValueError if it is none.
  std::size_t index_of(const Tensor& tensor) const;

  /// Does again what the node did, with other tensors for those it took: value_of() is asked for each
  /// symbolic one, and for the symbolic masks attached to them.
  std::vector<Tensor> run(const std::function<Tensor(const Tensor&)>& value_of) const;
  /// The symbolic tensors that run() asks for, in the order in which it does.
  std::vector<Tensor> asked_for() const;
  /// The mask of output i as a symbolic tensor; empty if it has none.
  Tensor output_mask(std::size_t i) const;

  Tensors record(OperationRef operation, std::span<const Tensor> inputs, const Attributes& attributes,
                 const Specs& outputs) override;

 private:
  friend class LayerBase;
  friend struct internal::NodeRecord;

  static std::shared_ptr<GraphNode> of_call(std::shared_ptr<LayerBase> layer, internal::LayerCall call,
                                            const std::vector<internal::NodeOutput>& outputs);
  Tensor add_output(const Spec& spec);
  Tensor made(const Spec& spec, std::uint64_t identity) const;
  Tensor tensor_of(std::uint64_t identity) const;

  std::string name_;
  std::shared_ptr<LayerBase> layer_;
  std::unique_ptr<CallArgs> args_;
  std::optional<OperationRef> operation_;
  Attributes attributes_;
  std::vector<Tensor> inputs_;
  std::vector<Spec> outputs_;
  std::vector<std::uint64_t> identities_;
  // Of the outputs of a layer's call: the masks, an identity of 0 where there is none.
  std::vector<Spec> masks_;
  std::vector<std::uint64_t> mask_identities_;
};

}  // namespace unspool
