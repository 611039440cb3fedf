#include <algorithm>
#include <unordered_set>

#include <unspool/autograd/recorder.h>
#include <unspool/autograd/tape.h>
#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/layers/internal/call_context.h>
#include <unspool/layers/internal/layer_call.h>
#include <unspool/layers/layer_base.h>
#include <unspool/layers/layer_calls.h>

namespace unspool {

using internal::CallContext;
using internal::CallNotes;
using internal::CallScope;

namespace {

void check_loss(const Tensor& loss) {
  if (!loss || !loss.shape().known() || loss.size() != 1) {
    throw ValueError("add_loss: expected one number, got " +
                     (loss ? describe(loss) + ": take its sum or mean" : std::string("an empty tensor")));
  }
}

/// Nothing can be done with it now, and nobody can do it later.
[[noreturn]] void fail_abstract(std::string_view what, const Tensor& value) {
  if (GraphNode::of(value) != nullptr) {
    throw NotImplementedError(
        fmt::format("{}: expected a tensor with a value, got the symbolic tensor {}: do it in the call of a "
                    "layer of your own",
                    what, describe(value)));
  }
  throw RuntimeError(
      fmt::format("{}: expected a tensor with a value, got {} of a step that is being traced: return it as "
                  "an output, or run the layer with unroll = true",
                  what, describe(value)));
}

/// A tensor of which only shape and dtype are known.
Tensor abstract_like(const Tensor& tensor) {
  return internal::TensorAccess::abstract(tensor.shape(), tensor.dtype());
}

}  // namespace

LayerCalls::LayerCalls(LayerOptions options) : LayerTree(std::move(options)) {}
LayerCalls::~LayerCalls() = default;

std::vector<Tensor> LayerCalls::losses() const {
  std::vector<Tensor> all;
  for (const LayerBase* layer : all_layers()) {
    for (const AddedLoss& loss : layer->added_losses()) all.push_back(loss.value);
  }
  add_weight_losses(all);
  return all;
}

void LayerCalls::add_weight_losses(std::vector<Tensor>& losses) const {
  for (const Variable& weight : trainable_weights()) {
    if (weight.regularizer()) losses.push_back(weight.regularizer()(weight.value()));
  }
}

void LayerCalls::clear_losses() {
  if (!CallContext::current().keeps_losses) return;
  // Nothing is written where there is nothing to clear: calls that keep no losses may run beside each other.
  if (!added_losses_.empty()) added_losses_.clear();
  for (const Child& child : own_children()) child.layer->clear_losses();
}

void LayerCalls::check_inputs(const std::vector<Tensor>& inputs) const {
  const std::vector<InputSpec>& specs = own_input_spec();
  if (specs.empty()) return;
  check_input_shapes(internal::shapes_of(inputs));
  for (std::size_t i = 0; i < specs.size(); ++i) {
    const std::optional<DType>& dtype = specs[i].dtype;
    if (!dtype || inputs[i].dtype() == *dtype) continue;
    throw ValueError(fmt::format("input {} is incompatible with the layer {}: expected dtype={}, got {}", i,
                                 name(), name_of(*dtype), describe(inputs[i])));
  }
}

void LayerCalls::check_owner() const {
  const CallContext& call = CallContext::current();
  if (call.caller == nullptr || call.caller->layer->owns(*this)) return;
  std::unordered_set<const void*> owned;  // Layers and weights.
  for (const CallContext* around = call.caller; around != nullptr; around = around->caller) {
    for (const LayerBase* layer : static_cast<const LayerCalls*>(around->layer)->all_layers()) {
      owned.insert(layer);
    }
    for (const Variable& weight : around->layer->weights()) owned.insert(weight.key());
  }
  const std::vector<Variable> weights = this->weights();
  const bool loses_weights = std::any_of(
      weights.begin(), weights.end(), [&](const Variable& weight) { return !owned.contains(weight.key()); });
  const std::vector<const LayerBase*> layers = all_layers();
  const bool loses_losses =
      call.keeps_losses && std::any_of(layers.begin(), layers.end(), [&](const LayerBase* layer) {
        return !layer->added_losses().empty() && !owned.contains(layer);
      });
  if (!loses_weights && !loses_losses) return;
  const LayerTree& caller = *call.caller->layer;
  throw RuntimeError(
      fmt::format("expected a layer that {0} owns, got {1}, which has {2} that {3} would leave out: make it "
                  "with add_layer(\"{1}\", ...) in the constructor or build() of the class {4}, or as a "
                  "member, Ref<Layer> {1}_ = add_layer(\"{1}\", ...). A function in a Lambda cannot own a "
                  "layer: write a class derived from Layer",
                  caller.name(), name(), loses_weights ? "weights" : "losses",
                  loses_weights ? "training and saving" : "training", caller.class_name()));
}

void LayerCalls::add_loss(const Tensor& loss) { add_loss(loss, std::vector<Tensor>(), false); }
void LayerCalls::add_loss(const Tensor& loss, const Inputs& inputs) {
  add_loss(loss, inputs.tensors(), true);
}

void LayerCalls::add_loss(const Tensor& loss, const std::vector<Tensor>& inputs, bool conditional) {
  check_loss(loss);
  const CallContext& context = CallContext::current();
  if (CallNotes* notes = context.notes; notes != nullptr && GraphNode::of(loss) == nullptr) {
    notes->losses.push_back({abstract_like(loss), conditional});
    return;
  }
  if (!context.keeps_losses) return;
  if (loss.is_abstract()) fail_abstract("add_loss", loss);
  AddedLoss added{loss, {}};
  const CallContext* call = CallContext::of(*this);
  for (const Tensor& input : inputs) {
    added.inputs.push_back(call == nullptr ? input.id() : call->identity_of(input));
  }
  added_losses_.push_back(std::move(added));
}

void LayerCalls::add_update(const Variable& variable, const Tensor& value) {
  add_update(variable, value, false);
}
void LayerCalls::add_update(const Variable& variable, const Tensor& value, const Inputs&) {
  add_update(variable, value, true);
}

void LayerCalls::add_update(const Variable& variable, const Tensor& value, bool conditional) {
  if (CallNotes* notes = CallContext::current().notes; notes != nullptr && GraphNode::of(value) == nullptr) {
    notes->updates.push_back({{variable, abstract_like(value)}, conditional});
    return;
  }
  if (is_inferred(value)) return;
  if (value.is_abstract()) fail_abstract("add_update", value);
  variable.assign(value);
}

WithoutLosses::WithoutLosses()
    : scope_(new CallScope([](CallContext& context) { context.keeps_losses = false; })) {}
WithoutLosses::~WithoutLosses() { delete scope_; }

}  // namespace unspool
