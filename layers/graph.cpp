#include <algorithm>

#include <unspool/core/error.h>
#include <unspool/layers/graph.h>
#include <unspool/layers/internal/layer_call.h>
#include <unspool/layers/layer_base.h>

namespace unspool {

using internal::for_each_tensor;
using internal::LayerCall;
using internal::NodeOutput;
using internal::NodeRecord;
using internal::TensorAccess;

namespace {

/// Tensors whose nodes are to be freed. Each would free the node before it, and so on: a long graph must not
/// become a deep recursion.
thread_local std::vector<Tensor>* dying = nullptr;

void move_to(std::vector<Tensor>& target, std::vector<Tensor>& tensors) {
  for (Tensor& tensor : tensors) target.push_back(std::move(tensor));
}

void move_to(std::vector<Tensor>& target, CallArgs& args) {
  move_to(target, args.initial_state);
  move_to(target, args.constants);
  target.push_back(std::move(args.mask));
}

bool is_abstract(const Tensor& tensor) { return tensor && tensor.is_abstract(); }

const CallArgs& no_args() {
  static const CallArgs none;
  return none;
}

}  // namespace

namespace {

/// f of the abstract tensors of a call, masks attached to others among them.
template <class F>
void for_each_abstract(const std::vector<Tensor>& inputs, const CallArgs& args, F&& f) {
  for_each_tensor(inputs, args, [&](const Tensor& tensor) {
    if (tensor.is_abstract()) f(tensor);
    const Tensor* const mask = TensorAccess::mask(tensor);
    if (mask != nullptr && is_abstract(*mask)) f(*mask);
  });
}

}  // namespace

bool internal::is_inferred(const std::vector<Tensor>& inputs, const CallArgs& args) {
  bool found = false;
  bool others = false;
  for_each_abstract(inputs, args,
                    [&](const Tensor& tensor) { (unspool::is_inferred(tensor) ? found : others) = true; });
  return found && !others;
}

std::shared_ptr<OperationRecorder> internal::recorder_of(const std::vector<Tensor>& inputs,
                                                         const CallArgs& args) {
  std::shared_ptr<OperationRecorder> recorder;
  for_each_abstract(inputs, args, [&](const Tensor& tensor) { recorder = tensor.recorder(); });
  return recorder;
}

bool internal::is_symbolic(const std::vector<Tensor>& inputs, const CallArgs& args) {
  bool found = false;
  for_each_abstract(inputs, args,
                    [&](const Tensor& tensor) { found = found || GraphNode::of(tensor) != nullptr; });
  return found;
}

Tensor internal::replaced(const Tensor& tensor, const Replace& replace) {
  const Tensor mask = mask_of(tensor);
  if (!is_abstract(tensor) && !is_abstract(mask)) return tensor;
  const Tensor made = is_abstract(tensor) ? replace(tensor) : tensor;
  if (!mask) return made;
  return with_mask(made, is_abstract(mask) ? replace(mask) : mask);
}

LayerCall internal::replaced(const LayerCall& call, const Replace& replace) {
  LayerCall made{{}, call.args};
  for (const Tensor& tensor : call.inputs) made.inputs.push_back(replaced(tensor, replace));
  for (Tensor& tensor : made.args.initial_state) tensor = replaced(tensor, replace);
  for (Tensor& tensor : made.args.constants) tensor = replaced(tensor, replace);
  made.args.mask = replaced(made.args.mask, replace);
  return made;
}

GraphNode::GraphNode() = default;

GraphNode::~GraphNode() {
  if (dying != nullptr) {
    move_to(*dying, inputs_);
    if (args_ != nullptr) move_to(*dying, *args_);
    return;
  }
  std::vector<Tensor> pending = std::move(inputs_);
  if (args_ != nullptr) move_to(pending, *args_);
  dying = &pending;
  // It may hold the outputs of a graph of its own.
  layer_ = nullptr;
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

std::shared_ptr<GraphNode> GraphNode::of_call(std::shared_ptr<LayerBase> layer, LayerCall call,
                                              const std::vector<NodeOutput>& outputs) {
  const auto node = std::make_shared<GraphNode>();
  node->layer_ = std::move(layer);
  node->inputs_ = std::move(call.inputs);
  node->args_ = std::make_unique<CallArgs>(std::move(call.args));
  for (const NodeOutput& output : outputs) {
    node->outputs_.push_back(output.spec);
    node->identities_.push_back(output.identity);
    node->masks_.push_back(output.mask.value_or(Spec{}));
    node->mask_identities_.push_back(output.mask_identity);
  }
  return node;
}

std::shared_ptr<const GraphNode> GraphNode::of(const Tensor& tensor) {
  if (!is_abstract(tensor)) return nullptr;
  return std::dynamic_pointer_cast<const GraphNode>(tensor.recorder());
}

std::string GraphNode::name() const {
  if (layer_ != nullptr) return layer_->name();
  return operation_ ? std::string((*operation_)->name) : name_;
}

const CallArgs& GraphNode::args() const { return args_ == nullptr ? no_args() : *args_; }

/// A tensor of this node that was made before, or another handle on it.
Tensor GraphNode::made(const Spec& spec, std::uint64_t identity) const {
  const auto self = std::const_pointer_cast<OperationRecorder>(shared_from_this());
  Tensor tensor = TensorAccess::abstract(spec.shape, spec.dtype, self);
  TensorAccess::newborn(tensor)->id = identity;
  return tensor;
}

Tensor GraphNode::output_mask(std::size_t i) const {
  if (i >= mask_identities_.size() || mask_identities_[i] == 0) return {};
  return made(masks_[i], mask_identities_[i]);
}

std::vector<Tensor> GraphNode::output_tensors() const {
  std::vector<Tensor> tensors;
  for (std::size_t i = 0; i < outputs_.size(); ++i) {
    const Tensor tensor = made(outputs_[i], identities_[i]);
    const Tensor mask = output_mask(i);
    tensors.push_back(mask ? with_mask(tensor, mask) : tensor);
  }
  return tensors;
}

/// An output without its mask, or a mask.
Tensor GraphNode::tensor_of(std::uint64_t identity) const {
  for (std::size_t i = 0; i < outputs_.size(); ++i) {
    if (identities_[i] == identity) return made(outputs_[i], identity);
    if (i < mask_identities_.size() && mask_identities_[i] == identity) return made(masks_[i], identity);
  }
  return {};
}

std::vector<Tensor> GraphNode::input_tensors() const {
  std::vector<Tensor> tensors;
  for_each_tensor(inputs_, args(), [&](const Tensor& tensor) {
    if (is_abstract(tensor)) tensors.push_back(tensor);
  });
  return tensors;
}

std::vector<std::shared_ptr<const GraphNode>> GraphNode::parents() const {
  std::vector<std::shared_ptr<const GraphNode>> nodes;
  for (const Tensor& tensor : input_tensors()) {
    if (auto node = of(tensor)) nodes.push_back(std::move(node));
  }
  return nodes;
}

std::size_t GraphNode::index_of(const Tensor& tensor) const {
  const auto found = std::find(identities_.begin(), identities_.end(), tensor.id());
  if (found == identities_.end()) {
    throw ValueError(describe(tensor) + ": expected an output of this node of the graph");
  }
  return static_cast<std::size_t>(found - identities_.begin());
}

std::vector<Tensor> GraphNode::run(const Callable<Tensor(const Tensor&)>& value_of) const {
  if (layer_ != nullptr) {
    const LayerCall call = internal::replaced(LayerCall{inputs_, args()}, value_of);
    return layer_->run(call.inputs, call.args);
  }
  if (!operation_)
    throw RuntimeError("expected a layer or an operation to run, got the input " + name_ + " of a graph");
  std::vector<Tensor> operands;
  for (const Tensor& tensor : inputs_) operands.push_back(is_abstract(tensor) ? value_of(tensor) : tensor);
  const Tensors results = apply_all(*operation_, operands, attributes_);
  return {results.begin(), results.end()};
}

std::vector<Tensor> GraphNode::asked_for() const {
  // Operations see no masks.
  if (layer_ == nullptr) return input_tensors();
  std::vector<Tensor> tensors;
  static_cast<void>(internal::replaced(LayerCall{inputs_, args()}, [&](const Tensor& tensor) {
    tensors.push_back(tensor);
    return tensor;
  }));
  return tensors;
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

NodeRecord::NodeRecord(const LayerCall& given, std::vector<NodeOutput> results, CallNotes noted)
    : outputs(std::move(results)), notes(std::move(noted)) {
  call = replaced(given, [&](const Tensor& tensor) {
    auto node = std::const_pointer_cast<GraphNode>(GraphNode::of(tensor));
    makers.push_back({node, node != nullptr && node->is_input() ? node : nullptr});
    Tensor known = TensorAccess::abstract(tensor.shape(), tensor.dtype());
    TensorAccess::newborn(known)->id = tensor.id();
    return known;
  });
}

std::shared_ptr<GraphNode> NodeRecord::node(const std::shared_ptr<LayerBase>& layer) {
  if (std::shared_ptr<GraphNode> known = made.lock()) return known;
  auto maker = makers.begin();
  LayerCall again = replaced(call, [&](const Tensor& tensor) {
    const std::shared_ptr<GraphNode> node = (maker++)->node.lock();
    return node != nullptr ? node->tensor_of(tensor.id()) : tensor;
  });
  const std::shared_ptr<GraphNode> node = GraphNode::of_call(layer, std::move(again), outputs);
  made = node;
  return node;
}

}  // namespace unspool
