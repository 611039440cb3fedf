#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <unspool/autograd/recorder.h>
#include <unspool/core/callable.h>

namespace unspool {

class LayerBase;
struct CallArgs;

namespace internal {
struct LayerCall;
struct NodeOutput;
struct NodeRecord;
}  // namespace internal

/// A node of a graph of layers: an input, an operation on symbolic tensors, or a call of a layer or cell. A
/// symbolic tensor is an abstract tensor whose recorder is the node that made it. A node owns its layer and
/// its inputs, and thus the nodes before it: a symbolic tensor owns its whole history. See
/// docs/design/layer_graph.md.
class GraphNode final : public OperationRecorder {
 public:
  /// A symbolic tensor that stands for an input.
  static Tensor input(const Spec& spec, std::string name);
  /// The node that made a symbolic tensor; null for other tensors.
  static std::shared_ptr<const GraphNode> of(const Tensor& tensor);

  GraphNode();
  ~GraphNode() override;

  /// Whether this is an input.
  bool is_input() const { return layer_ == nullptr && !operation_.has_value(); }
  /// The name of the input, operation or layer.
  std::string name() const;
  /// The layer or cell that was called; null in other nodes.
  const std::shared_ptr<LayerBase>& layer() const { return layer_; }
  /// The arguments of a call besides its inputs.
  const CallArgs& args() const;
  /// The operation, if this is one.
  const std::optional<OperationRef>& operation() const { return operation_; }
  /// The attributes of the operation.
  Attributes attributes() const { return attributes_; }
  /// The inputs, symbolic and concrete.
  std::vector<Tensor> inputs() const { return inputs_; }
  /// The symbolic tensors among inputs, initial_state, constants and mask, in this order.
  std::vector<Tensor> input_tensors() const;
  /// The nodes that made input_tensors(), in order.
  std::vector<std::shared_ptr<const GraphNode>> parents() const;
  /// Shapes and dtypes of the outputs.
  std::vector<Spec> outputs() const { return outputs_; }
  /// The number of outputs.
  std::size_t output_count() const { return outputs_.size(); }
  /// The outputs as symbolic tensors.
  std::vector<Tensor> output_tensors() const;
  /// The index of `tensor` among the outputs. Throws ValueError if it is not an output.
  std::size_t index_of(const Tensor& tensor) const;

  /// Runs the node with value_of(t) in place of every symbolic tensor t that it takes, symbolic masks
  /// included.
  std::vector<Tensor> run(const Callable<Tensor(const Tensor&)>& value_of) const;
  /// The symbolic tensors for which run() calls value_of(), in order.
  std::vector<Tensor> asked_for() const;
  /// The mask of output i as a symbolic tensor; empty if there is none.
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
  // The identities of the masks of the outputs of a call; 0 for an output without one.
  std::vector<Spec> masks_;
  std::vector<std::uint64_t> mask_identities_;
};

}  // namespace unspool
