#include <algorithm>

#include <unspool/autograd/arithmetic.h>
#include <unspool/autograd/conversion.h>
#include <unspool/autograd/tape.h>
#include <unspool/core/class_name.h>
#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/core/internal/work_limit.h>
#include <unspool/layers/graph.h>
#include <unspool/layers/internal/call_context.h>
#include <unspool/layers/internal/layer_call.h>
#include <unspool/layers/internal/output_observer.h>
#include <unspool/layers/layer.h>

namespace unspool {

using internal::CallScope;
using internal::UnbuiltChildren;

namespace {

void cast_to(std::vector<Tensor>& tensors, DType dtype) {
  for (Tensor& tensor : tensors) {
    if (!tensor || !is_floating(tensor.dtype()) || tensor.dtype() == dtype) continue;
    const Tensor mask = mask_of(tensor);
    tensor = cast(tensor, dtype);
    if (mask) tensor = with_mask(tensor, mask);
  }
}

}  // namespace

Layer::Layer(LayerOptions options) : LayerBase(std::move(options)) {}

Shape Layer::compute_output_shape(const Shape& input) { return compute_output_shapes({input}).at(0); }

Outputs Layer::operator()(const Inputs& inputs, const CallArgs& args) {
  const std::vector<Tensor>& given = inputs.tensors();
  if (internal::is_symbolic(given, args)) return Outputs(connect(given, args));
  return Outputs(call_on(given, args, ShapesFrom::rule));
}

std::vector<Tensor> Layer::call_on(const std::vector<Tensor>& given, const CallArgs& args,
                                   ShapesFrom shapes_from) {
  CallScope scope(*this, args.training);
  const bool inferring = internal::is_inferred(given, args);
  if (inferring) internal::WorkLimit::take();
  scope->unbuilt_children = inferring ? UnbuiltChildren::inferred : UnbuiltChildren::called;
  if (scope->outermost()) clear_losses();
  auto* const observer = internal::OutputObserver::current();
  if (observer != nullptr) observer->enter(*this);

  if (given.empty()) throw ValueError("expected an input, got none");
  for (std::size_t i = 0; i < given.size(); ++i) {
    if (!given[i]) throw ValueError(fmt::format("input {}: expected a value, got an empty tensor", i));
  }
  check_inputs(given);
  CallArgs resolved = args;
  resolved.training = scope->training && !inferring;
  if (!resolved.mask) resolved.mask = mask_of(given.front());
  if (resolved.mask && resolved.mask.dtype() != boolean) resolved.mask = cast(resolved.mask, boolean);
  check_call(given, resolved);
  if (!build_done()) {
    const DType first = given.front().dtype();
    build_here(build_shapes(given, resolved), autocast() && is_floating(first) ? dtype() : first);
    check_inputs(given);
  }

  std::vector<Tensor> tensors = given;
  if (autocast()) {
    cast_to(tensors, dtype());
    cast_to(resolved.initial_state, dtype());
    cast_to(resolved.constants, dtype());
  }
  scope->given = &given;
  scope->received = &tensors;

  std::vector<Tensor> outputs;
  if (inferring && shapes_from == ShapesFrom::rule) {
    outputs = compute_output_spec(tensors, resolved);
    if (!built()) build_children();
  } else {
    outputs = call_all(tensors, resolved);
    note_call();
  }
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (!outputs[i])
      throw ValueError(fmt::format("call(): expected a tensor as output {}, got an empty one", i));
  }
  if (activity_regularizer()) add_activity_losses(given, outputs);
  check_owner();
  const std::vector<Tensor> masks = compute_masks(tensors, resolved.mask);
  for (std::size_t i = 0; i < std::min(outputs.size(), masks.size()); ++i) {
    if (masks[i] && !mask_of(outputs[i])) outputs[i] = with_mask(outputs[i], masks[i]);
  }
  if (observer != nullptr) observer->see({*this, tensors, outputs, resolved.mask});
  return outputs;
}

Outputs Layer::apply(const Inputs& inputs, const CallArgs& args) { return (*this)(inputs, args); }

void Layer::infer_call(const std::vector<Spec>& inputs) {
  infer([&](const std::vector<Tensor>& x) { return call_on(x, {}, ShapesFrom::call); }, inputs);
}

std::vector<Tensor> Layer::run(const std::vector<Tensor>& inputs, const CallArgs& args) {
  return (*this)(inputs, args).all();
}

void Layer::add_activity_losses(const std::vector<Tensor>& inputs, const std::vector<Tensor>& outputs) {
  for (const Tensor& output : outputs) {
    if (!is_floating(output.dtype())) continue;
    const Index batch = output.rank() == 0 ? 1 : output.shape().front();
    if (is_inferred(output)) {
      add_loss(output.recorder()->abstract({{}, output.dtype()}), inputs);
    } else if (!output.is_abstract()) {
      add_loss(batch == 0 ? Tensor::scalar(0, output.dtype()) : activity_regularizer()(output) / batch,
               inputs);
    }
  }
}

std::vector<Tensor> Layer::compute_output_spec(const std::vector<Tensor>& inputs, const CallArgs& args) {
  if (!has_shape_rule_) return call_all(inputs, args);
  std::vector<Tensor> outputs;
  for (const Shape& shape : compute_output_shapes(internal::shapes_of(inputs))) {
    outputs.push_back(internal::recorder_of(inputs, args)->abstract({shape, dtype()}));
  }
  return outputs;
}

std::vector<Shape> Layer::compute_output_shapes(const std::vector<Shape>& inputs) {
  const WithoutLosses no_losses;
  const NoGradient no_gradient;
  std::vector<Spec> specs;
  specs.reserve(inputs.size());
  for (const Shape& shape : inputs) specs.push_back({shape, dtype()});
  std::vector<Shape> shapes;
  const auto call = [&](const std::vector<Tensor>& x) { return call_on(x, {}, ShapesFrom::call); };
  for (const Spec& spec : infer(call, specs)) shapes.push_back(spec.shape);
  return shapes;
}

void Layer::check_call(const std::vector<Tensor>&, const CallArgs&) const {}

Tensor Layer::compute_mask(const std::vector<Tensor>&, const Tensor& mask) {
  return supports_masking() ? mask : Tensor();
}

std::vector<Tensor> Layer::compute_masks(const std::vector<Tensor>& inputs, const Tensor& mask) {
  return {compute_mask(inputs, mask)};
}

Tensor Layer::call(const Tensor&, const CallArgs&) {
  throw NotImplementedError(
      fmt::format("expected an override of call() or call_all() in the class {}, got none", class_name()));
}

std::vector<Shape> Layer::build_shapes(const std::vector<Tensor>& inputs, const CallArgs&) const {
  return internal::shapes_of(inputs);
}

std::vector<Tensor> Layer::call_all(const std::vector<Tensor>& inputs, const CallArgs& args) {
  if (inputs.size() != 1) {
    throw ValueError(fmt::format("the layer {} expected one input, got {}", name(), inputs.size()));
  }
  return {call(inputs.front(), args)};
}

void detail::fail_ref_class(const LayerBase& got, const std::type_info& wanted) {
  throw TypeError("expected a Ref of a layer of the class " + class_name_of(wanted) + ", got the " +
                  got.class_name() + " " + in_quotes(got.name()));
}

Outputs detail::call_layer(LayerBase& layer, const Inputs& inputs, const CallArgs& args) {
  if (auto* const found = dynamic_cast<Layer*>(&layer)) return (*found)(inputs, args);
  throw TypeError(fmt::format(
      "expected a layer to call, got the cell {}: call it as a Ref<Cell>, with its states", layer.name()));
}

}  // namespace unspool
