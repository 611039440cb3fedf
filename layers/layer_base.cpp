#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include <unspool/autograd/tape.h>
#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/layers/internal/call_context.h>
#include <unspool/layers/internal/layer_call.h>

namespace unspool {

using internal::CallContext;
using internal::CallNotes;
using internal::CallScope;
using internal::LayerCall;
using internal::NodeOutput;
using internal::NodeRecord;

namespace {

using Identities = std::unordered_set<std::uint64_t>;

Identities identities_of(const Inputs& inputs) {
  Identities all;
  for (const Tensor& tensor : inputs.tensors()) {
    if (tensor) all.insert(tensor.id());
  }
  return all;
}

/// Whether one of these tensors is what the node took, or was computed from what it took.
bool depends_on(const std::shared_ptr<const GraphNode>& node, const Identities& sources) {
  std::unordered_set<const GraphNode*> seen = {node.get()};
  std::vector<std::shared_ptr<const GraphNode>> pending = {node};
  while (!pending.empty()) {
    const std::shared_ptr<const GraphNode> next = std::move(pending.back());
    pending.pop_back();
    for (const Tensor& tensor : next->asked_for()) {
      if (sources.contains(tensor.id())) return true;
      auto maker = GraphNode::of(tensor);
      if (maker != nullptr && seen.insert(maker.get()).second) pending.push_back(std::move(maker));
    }
  }
  return false;
}

Tensor only_known(const Tensor& tensor) {
  return internal::TensorAccess::abstract(tensor.shape(), tensor.dtype());
}

std::vector<Tensor> masks_of(const std::vector<Tensor>& tensors) {
  std::vector<Tensor> masks;
  for (const Tensor& tensor : tensors) masks.push_back(mask_of(tensor));
  return masks;
}

Shapes node_shapes(const std::vector<Tensor>& tensors) {
  std::vector<Shape> shapes;
  for (const Tensor& tensor : tensors) shapes.push_back(tensor.shape());
  return Shapes(std::move(shapes));
}

}  // namespace

LayerBase::LayerBase(LayerOptions options) : LayerCalls(std::move(options)) {}
LayerBase::~LayerBase() = default;

void LayerBase::check_symbolic_call(const std::vector<Tensor>&, const CallArgs&) const {}

std::vector<Tensor> LayerBase::connect(const std::vector<Tensor>& inputs, const CallArgs& args) {
  const std::shared_ptr<LayerBase> self = weak_from_this().lock();
  if (self == nullptr) {
    throw RuntimeError(fmt::format(
        "expected a layer that the graph can share, got {}, which was not made by make: write make<{}>(...)",
        name(), class_name()));
  }
  {
    const ErrorScope scope(name());
    check_symbolic_call(inputs, args);
  }
  LayerCall call{inputs, args};
  std::vector<Spec> specs;
  std::unordered_map<std::uint64_t, std::size_t> places;
  static_cast<void>(replaced(call, [&](const Tensor& tensor) {
    if (places.emplace(tensor.id(), specs.size()).second) specs.push_back({tensor.shape(), tensor.dtype()});
    return tensor;
  }));

  std::vector<NodeOutput> outputs;
  CallNotes notes;
  {
    const CallScope noting([&](CallContext& context) {
      context.keeps_losses = false;
      context.notes = &notes;
    });
    const NoGradient no_gradient;
    infer(
        [&](const std::vector<Tensor>& known) {
          const LayerCall inferred =
              replaced(call, [&](const Tensor& tensor) { return known[places.at(tensor.id())]; });
          for (const Tensor& output : run(inferred.inputs, inferred.args)) {
            if (GraphNode::of(output) != nullptr) {
              throw ValueError(
                  fmt::format("the layer {}: expected symbolic tensors among its inputs only, got the output "
                              "{}, which depends on another one: pass that as an input, too",
                              name(), describe(output)));
            }
            NodeOutput made{{output.shape(), output.dtype()}, only_known(output).id()};
            if (const Tensor mask = mask_of(output)) {
              made.mask = Spec{mask.shape(), mask.dtype()};
              made.mask_identity = only_known(mask).id();
            }
            outputs.push_back(std::move(made));
          }
          return std::vector<Tensor>();
        },
        specs);
  }
  const auto record = std::make_shared<NodeRecord>(call, outputs, std::move(notes));
  const std::shared_ptr<GraphNode> node = GraphNode::of_call(self, std::move(call), outputs);
  record->made = node;
  nodes_.push_back(record);
  return node->output_tensors();
}

void LayerBase::note_input(const std::shared_ptr<const GraphNode>& input) {
  const auto record = std::make_shared<NodeRecord>(LayerCall{}, std::vector<NodeOutput>(), CallNotes());
  record->made = std::const_pointer_cast<GraphNode>(input);
  nodes_ = {record};
}

std::shared_ptr<const GraphNode> LayerBase::node_of(const NodeRecord& record) const {
  const auto self = std::const_pointer_cast<LayerBase>(shared_from_this());
  return const_cast<NodeRecord&>(record).node(self);
}

std::vector<std::shared_ptr<const GraphNode>> LayerBase::inbound_nodes() const {
  std::vector<std::shared_ptr<const GraphNode>> nodes;
  for (const auto& record : nodes_) nodes.push_back(node_of(*record));
  return nodes;
}

const NodeRecord& LayerBase::only_node(std::string_view what) const {
  if (nodes_.empty()) {
    throw AttributeError(
        fmt::format("expected a layer that was called on a symbolic tensor, got {}, which has no {}: call it "
                    "on an Input first",
                    path_or_name(), what));
  }
  if (nodes_.size() > 1) {
    throw AttributeError(
        fmt::format("expected a layer that was called once, got {0} with {1} inbound nodes, whose {2} is not "
                    "defined: take get_{3}_at(0) to get_{4}_at({5})",
                    path_or_name(), nodes_.size(), what, what, what, nodes_.size() - 1));
  }
  return *nodes_.front();
}

const NodeRecord& LayerBase::node_at(std::string_view what, Index node) const {
  if (nodes_.empty()) {
    throw RuntimeError(
        fmt::format("get_{}_at: expected a layer that was called on a symbolic tensor, got {}, which was not "
                    "(eager calls make no nodes): call it on an Input first",
                    what, path_or_name()));
  }
  if (node < 0 || node >= static_cast<Index>(nodes_.size())) {
    throw ValueError(fmt::format(
        "get_{0}_at: expected the {1} at one of the {4} inbound node{5} of the layer {3}, got node {2}", what,
        what, node, path_or_name(), nodes_.size(), nodes_.size() == 1 ? "" : "s"));
  }
  return *nodes_[static_cast<std::size_t>(node)];
}

Outputs LayerBase::input() const { return node_of(only_node("input"))->input_tensors(); }
Outputs LayerBase::output() const { return node_of(only_node("output"))->output_tensors(); }
Outputs LayerBase::input_mask() const { return masks_of(node_of(only_node("input_mask"))->input_tensors()); }
Outputs LayerBase::output_mask() const {
  return masks_of(node_of(only_node("output_mask"))->output_tensors());
}

/// Of all nodes, if they agree.
Shapes LayerBase::common_shapes(std::string_view what, Shapes (LayerBase::*shapes_at)(Index) const) const {
  if (nodes_.empty()) only_node(what);
  const Shapes first = (this->*shapes_at)(0);
  for (std::size_t i = 1; i < nodes_.size(); ++i) {
    const Shapes other = (this->*shapes_at)(static_cast<Index>(i));
    if (other.all() == first.all()) continue;
    throw AttributeError(
        fmt::format("expected calls of the layer {} with one shape, got {} inbound nodes, {} and {} among "
                    "them, so that its {} is not defined: take get_{}_at(node)",
                    path_or_name(), nodes_.size(), to_string(first), to_string(other), what, what));
  }
  return first;
}

Shapes LayerBase::input_shape() const { return common_shapes("input_shape", &LayerBase::get_input_shape_at); }
Shapes LayerBase::output_shape() const {
  return common_shapes("output_shape", &LayerBase::get_output_shape_at);
}

Outputs LayerBase::get_input_at(Index node) const { return node_of(node_at("input", node))->input_tensors(); }
Outputs LayerBase::get_output_at(Index node) const {
  return node_of(node_at("output", node))->output_tensors();
}
Shapes LayerBase::get_input_shape_at(Index node) const {
  return node_shapes(node_of(node_at("input_shape", node))->input_tensors());
}
Shapes LayerBase::get_output_shape_at(Index node) const {
  return node_shapes(node_of(node_at("output_shape", node))->output_tensors());
}
Outputs LayerBase::get_input_mask_at(Index node) const {
  return masks_of(node_of(node_at("input_mask", node))->input_tensors());
}
Outputs LayerBase::get_output_mask_at(Index node) const {
  return masks_of(node_of(node_at("output_mask", node))->output_tensors());
}

std::vector<Tensor> LayerBase::get_losses_for(std::nullopt_t) const {
  std::vector<Tensor> all;
  for (const LayerBase* layer : all_layers()) {
    for (const AddedLoss& loss : layer->added_losses()) {
      if (loss.inputs.empty()) all.push_back(loss.value);
    }
    for (const auto& record : layer->nodes_) {
      for (const internal::SymbolicLoss& loss : record->notes.losses) {
        if (!loss.conditional) all.push_back(loss.loss);
      }
    }
  }
  add_weight_losses(all);
  return all;
}

std::vector<Tensor> LayerBase::get_losses_for(const Inputs& inputs) const {
  const Identities sources = identities_of(inputs);
  std::vector<Tensor> all;
  for (const LayerBase* layer : all_layers()) {
    for (const AddedLoss& loss : layer->added_losses()) {
      if (std::any_of(loss.inputs.begin(), loss.inputs.end(),
                      [&](std::uint64_t id) { return sources.contains(id); })) {
        all.push_back(loss.value);
      }
    }
    for (const auto& record : layer->nodes_) {
      if (record->notes.losses.empty() || !depends_on(layer->node_of(*record), sources)) continue;
      for (const internal::SymbolicLoss& loss : record->notes.losses) {
        if (loss.conditional) all.push_back(loss.loss);
      }
    }
  }
  return all;
}

std::vector<Update> LayerBase::updates() const {
  std::vector<Update> all;
  for (const LayerBase* layer : all_layers()) {
    for (const auto& record : layer->nodes_) {
      for (const internal::SymbolicUpdate& noted : record->notes.updates) all.push_back(noted.update);
    }
  }
  return all;
}

std::vector<Update> LayerBase::get_updates_for(std::nullopt_t) const {
  std::vector<Update> all;
  for (const LayerBase* layer : all_layers()) {
    for (const auto& record : layer->nodes_) {
      for (const internal::SymbolicUpdate& noted : record->notes.updates) {
        if (!noted.conditional) all.push_back(noted.update);
      }
    }
  }
  return all;
}

std::vector<Update> LayerBase::get_updates_for(const Inputs& inputs) const {
  const Identities sources = identities_of(inputs);
  std::vector<Update> all;
  for (const LayerBase* layer : all_layers()) {
    for (const auto& record : layer->nodes_) {
      if (record->notes.updates.empty() || !depends_on(layer->node_of(*record), sources)) continue;
      for (const internal::SymbolicUpdate& noted : record->notes.updates) {
        if (noted.conditional) all.push_back(noted.update);
      }
    }
  }
  return all;
}

// Members of Ref, which knows LayerBase by name only.
namespace internal {

RefBase::RefBase() = default;
RefBase::RefBase(const RefBase& other) = default;
RefBase::RefBase(RefBase&& other) noexcept = default;
RefBase& RefBase::operator=(const RefBase& other) = default;
RefBase& RefBase::operator=(RefBase&& other) noexcept = default;
RefBase::~RefBase() = default;
RefBase::RefBase(std::shared_ptr<LayerBase> layer) : layer_(std::move(layer)) {}

std::string RefBase::name() const { return required().name(); }
DType RefBase::dtype() const { return required().dtype(); }
bool RefBase::built() const { return required().built(); }
void RefBase::build(const Shape& input_shape) const { required().build_once(input_shape); }
void RefBase::build(const std::vector<Shape>& input_shapes) const { required().build_once(input_shapes); }
std::vector<Variable> RefBase::weights() const { return required().weights(); }
std::vector<Variable> RefBase::trainable_weights() const { return required().trainable_weights(); }
std::vector<Variable> RefBase::non_trainable_weights() const { return required().non_trainable_weights(); }
std::vector<Variable> RefBase::variables() const { return required().variables(); }
std::vector<Variable> RefBase::trainable_variables() const { return required().trainable_variables(); }
std::vector<Variable> RefBase::non_trainable_variables() const {
  return required().non_trainable_variables();
}
std::vector<Tensor> RefBase::get_weights() const { return required().get_weights(); }
void RefBase::set_weights(const std::vector<Tensor>& values) const { required().set_weights(values); }
Index RefBase::count_params() const { return required().count_params(); }
bool RefBase::trainable() const { return required().trainable(); }
void RefBase::set_trainable(bool trainable) const { required().set_trainable(trainable); }
std::vector<Tensor> RefBase::losses() const { return required().losses(); }
Outputs RefBase::input() const { return required().input(); }
Outputs RefBase::output() const { return required().output(); }
Shapes RefBase::input_shape() const { return required().input_shape(); }
Shapes RefBase::output_shape() const { return required().output_shape(); }
Config RefBase::get_config() const { return required().get_config(); }

}  // namespace internal

}  // namespace unspool
