#include <unspool/autograd/conversion.h>
#include <unspool/autograd/recorder.h>
#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/core/internal/work_limit.h>
#include <unspool/layers/cell.h>
#include <unspool/layers/internal/call_caches.h>
#include <unspool/layers/internal/call_context.h>
#include <unspool/layers/internal/layer_call.h>
#include <unspool/layers/internal/output_observer.h>

namespace unspool {

using internal::UnbuiltChildren;

namespace {

bool needs_cast(const Tensor& tensor, DType dtype) {
  return tensor && is_floating(tensor.dtype()) && tensor.dtype() != dtype;
}

Tensor as(const Tensor& tensor, DType dtype) {
  return needs_cast(tensor, dtype) ? cast(tensor, dtype) : tensor;
}

std::vector<std::string> default_state_names(std::size_t count) {
  if (count == 1) return {"h"};
  std::vector<std::string> names;
  for (std::size_t i = 0; i < count; ++i) names.push_back(fmt::format("s{}", i));
  return names;
}

}  // namespace

StateSize::StateSize(std::initializer_list<detail::Dimension> sizes) : shape_(sizes), said_(true) {}

std::vector<Shape> Cell::state_sizes() const { return state_sizes_; }

Cell::Cell(CellOptions options)
    : LayerBase({.name = std::move(options.name), .trainable = options.trainable, .dtype = options.dtype}) {
  if (options.state_sizes.empty())
    throw ValueError("expected a cell with at least one state, got empty state_sizes");
  for (const StateSize& size : options.state_sizes) {
    for (const Index n : size.shape()) {
      if (n <= 0) {
        throw ValueError("state_sizes: expected positive sizes, got " + to_string(size.shape()));
      }
    }
    state_sizes_.push_back(size.shape());
  }
  output_size_ = options.output_size ? options.output_size.shape() : state_sizes_.front();
  std::vector<std::string>& names = options.state_names;
  if (names.empty()) names = default_state_names(state_sizes_.size());
  if (names.size() != state_sizes_.size()) {
    throw ValueError(fmt::format("state_names: expected a name for each of {} states, got {}",
                                 state_sizes_.size(), names.size()));
  }
  for (const std::string& name : names) {
    state_labels_.push_back(Label::of(name));
    next_state_labels_.push_back(Label::of(name + "_t"));
  }
}

std::vector<std::string> Cell::state_names() const {
  std::vector<std::string> names;
  for (const Label label : state_labels_) names.emplace_back(label.text());
  return names;
}

States Cell::get_initial_state(Index batch_size, DType dtype) {
  if (batch_size < 0) {
    throw ValueError(fmt::format("get_initial_state: the cell {} expected a known batch size, got {}",
                                 path_or_name(), batch_size));
  }
  States states;
  for (const Shape& size : state_sizes_) states.push_back(Tensor::zeros(Shape({batch_size}) + size, dtype));
  return states;
}

States Cell::get_initial_state(const Tensor& x) {
  if (!x || x.rank() == 0) {
    throw ValueError(fmt::format("get_initial_state: the cell {} expected an input with a batch axis, got {}",
                                 path_or_name(), describe(x)));
  }
  return get_initial_state(x.shape().front(), is_floating(x.dtype()) ? x.dtype() : dtype());
}

CallCache Cell::call_cache(const Tensor&, const CallArgs&) { return {}; }

void Cell::reset_call_cache() {
  for (const Child& child : own_children()) {
    if (auto* cell = dynamic_cast<Cell*>(child.layer.pointer().get())) cell->reset_call_cache();
  }
}

const CallCache& Cell::cache_in(internal::CallCaches& caches, const Tensor& x, const CallArgs& args) {
  internal::CallCaches::Key key{
      .owner = this, .shape = x.shape(), .dtype = x.dtype(), .training = args.is_training()};
  for (const Tensor& constant : args.constants) key.constants.push_back(constant.id());
  return caches.get(key, [&] {
    CallArgs converted = args;
    for (Tensor& constant : converted.constants) constant = as(constant, dtype());
    return call_cache(x, converted);
  });
}

void Cell::check_states(const States& states, std::string_view whose, const Shape& input) const {
  if (states.size() != state_sizes_.size()) {
    throw ValueError(fmt::format("the cell {}: expected {} state{}, {} {}", name(), state_sizes_.size(),
                                 state_sizes_.size() == 1 ? "" : "s", whose, states.size()));
  }
  for (std::size_t i = 0; i < states.size(); ++i) {
    const Shape expected = Shape({input.front()}) + state_sizes_[i];
    if (states[i] && compatible(states[i].shape(), expected)) continue;
    throw ValueError(fmt::format("the cell {}: expected a state {} of shape {}, {} {}", name(), i,
                                 to_string(expected), whose, describe(states[i])));
  }
}

std::vector<Tensor> Cell::run(const std::vector<Tensor>& inputs, const CallArgs& args) {
  CellOutput result = (*this)(inputs.front(), States(inputs.begin() + 1, inputs.end()), args);
  result.states.insert(result.states.begin(), std::move(result.output));
  return std::move(result.states);
}

CellOutput Cell::operator()(const Tensor& x, const States& states, const CallArgs& args) {
  std::vector<Tensor> inputs = {x};
  inputs.insert(inputs.end(), states.begin(), states.end());
  if (internal::is_symbolic(inputs, args)) {
    const std::vector<Tensor> outputs = connect(inputs, args);
    return {outputs.front(), States(outputs.begin() + 1, outputs.end())};
  }
  internal::CallScope scope(*this, args.training);
  const bool inferring = internal::is_inferred(inputs, args);
  if (inferring) internal::WorkLimit::take();
  scope->unbuilt_children = inferring ? UnbuiltChildren::inferred : UnbuiltChildren::called;
  if (scope->outermost()) clear_losses();
  if (!x) throw ValueError("expected an input, got an empty tensor");
  if (x.rank() == 0) throw ValueError("expected an input with a batch axis, got " + describe(x));
  check_inputs({x});
  check_states(states, "got", x.shape());
  const Tensor input = as(x, dtype());
  if (!build_done()) {
    std::vector<Shape> shapes = {x.shape()};
    for (const Tensor& constant : args.constants) shapes.push_back(constant.shape());
    build_here(shapes, input.dtype());
    check_inputs({x});
  }

  CallArgs resolved = args;
  resolved.training = scope->training && !inferring;
  CallCache own;
  if (internal::CallCaches* const caches = scope->caches; caches != nullptr) {
    resolved.call_cache =
        &cache_in(*caches, internal::TensorAccess::abstract(input.shape(), input.dtype()), resolved);
  }
  for (Tensor& constant : resolved.constants) constant = as(constant, dtype());
  if (scope->caches == nullptr) {
    own = call_cache(input, resolved);
    resolved.call_cache = &own;
  }
  States cast_states;
  for (const Tensor& state : states) cast_states.push_back(as(state, dtype()));
  internal::note_label(input, "x_t");
  for (std::size_t i = 0; i < states.size(); ++i) internal::note_label(cast_states[i], state_labels_[i]);

  auto* const observer = internal::OutputObserver::of_steps();
  if (observer != nullptr) observer->enter(*this);
  CellOutput result = call(input, cast_states, resolved);
  if (!result.output) throw ValueError("call(): expected an output, got an empty tensor");
  check_states(result.states, "call() returned", x.shape());
  for (std::size_t i = 0; i < states.size(); ++i) {
    internal::note_label(result.states[i], next_state_labels_[i]);
  }
  internal::note_label(result.output, "y_t");
  note_call();
  check_owner();
  if (observer != nullptr) {
    inputs = {input};
    inputs.insert(inputs.end(), cast_states.begin(), cast_states.end());
    std::vector<Tensor> outputs = {result.output};
    outputs.insert(outputs.end(), result.states.begin(), result.states.end());
    observer->see({*this, inputs, outputs, args.mask});
  }
  return result;
}

void Cell::infer_call(const std::vector<Spec>& inputs) {
  infer(
      [&](const std::vector<Tensor>& known) {
        const Tensor& x = known.front();
        States states;
        for (const Shape& size : state_sizes_) {
          states.push_back(x.recorder()->abstract({Shape({x.shape().front()}) + size, dtype()}));
        }
        (*this)(x, states, {.constants = {known.begin() + 1, known.end()}});
        return std::vector<Tensor>();
      },
      inputs);
}

}  // namespace unspool
