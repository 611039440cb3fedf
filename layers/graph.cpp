#include <algorithm>

#include <unspool/core/error.h>
#include <unspool/layers/graph.h>

namespace unspool {
namespace {

/// Tensors whose nodes are to be freed. Each would free the node before it, and so on: a long graph must not
/// become a deep recursion.
thread_local std::vector<Tensor>* dying = nullptr;

}  // namespace

GraphNode::~GraphNode() {
  if (dying != nullptr) {
    for (Tensor& input : inputs_) dying->push_back(std::move(input));
    return;
  }
  std::vector<Tensor> pending = std::move(inputs_);
  dying = &pending;
  while (!pending.empty()) {
    const Tensor last = std::move(pending.back());
    pending.pop_back();
  }
  dying = nullptr;
}

Tensor GraphNode::add_output(const Spec& spec) {
  Tensor output = abstract(spec);
  outputs_.push_back(spec);
  identities_.push_back(output.id());
  return output;
}

Tensor GraphNode::input(const Spec& spec, std::string name) {
  const auto node = std::make_shared<GraphNode>();
  node->name_ = std::move(name);
  return node->add_output(spec);
}

std::shared_ptr<const GraphNode> GraphNode::of(const Tensor& tensor) {
  if (!tensor.is_abstract()) return nullptr;
  return std::dynamic_pointer_cast<const GraphNode>(tensor.recorder());
}

std::size_t GraphNode::index_of(const Tensor& tensor) const {
  const auto found = std::find(identities_.begin(), identities_.end(), tensor.id());
  if (found == identities_.end()) {
    throw ValueError(describe(tensor) + " is no output of this node of the graph");
  }
  return static_cast<std::size_t>(found - identities_.begin());
}

Tensors GraphNode::record(OperationRef operation, std::span<const Tensor> inputs,
                          const Attributes& attributes, const Specs& outputs) {
  const auto node = std::make_shared<GraphNode>();
  node->operation_ = operation;
  node->attributes_ = attributes;
  node->inputs_.assign(inputs.begin(), inputs.end());
  Tensors made(outputs.size());
  for (std::size_t i = 0; i < outputs.size(); ++i) made[i] = node->add_output(outputs[i]);
  return made;
}

}  // namespace unspool
