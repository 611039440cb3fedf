#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <unspool/autograd/recorder.h>

namespace unspool {

/// A node of a graph of layers: an input, or an operation done on symbolic tensors. A symbolic tensor is an
/// abstract one whose recorder is the node that made it. A node holds the tensors it took, and so the nodes
/// before it: a tensor owns its whole history, and two graphs that meet in an operation are one from there
/// on.
class GraphNode final : public Recorder {
 public:
  /// A symbolic tensor that something will be put in for.
  static Tensor input(const Spec& spec, std::string name);
  /// The node that made a symbolic tensor; null for any other.
  static std::shared_ptr<const GraphNode> of(const Tensor& tensor);

  GraphNode() = default;
  ~GraphNode() override;

  bool is_input() const { return !operation_.has_value(); }
  /// Of an input.
  const std::string& name() const { return name_; }
  /// What it does; there is none in an input.
  const std::optional<OperationRef>& operation() const { return operation_; }
  const Attributes& attributes() const { return attributes_; }
  /// What it takes: symbolic tensors, and concrete ones as they were.
  const std::vector<Tensor>& inputs() const { return inputs_; }
  /// What it gives, in order.
  const std::vector<Spec>& outputs() const { return outputs_; }
  /// Which of its outputs `tensor` is. ValueError if it is none.
  std::size_t index_of(const Tensor& tensor) const;

  Tensors record(OperationRef operation, std::span<const Tensor> inputs, const Attributes& attributes,
                 const Specs& outputs) override;

 private:
  Tensor add_output(const Spec& spec);

  std::string name_;
  std::optional<OperationRef> operation_;
  Attributes attributes_;
  std::vector<Tensor> inputs_;
  std::vector<Spec> outputs_;
  std::vector<std::uint64_t> identities_;
};

}  // namespace unspool
