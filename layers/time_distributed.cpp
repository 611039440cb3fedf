#include <unspool/autograd/joining.h>
#include <unspool/autograd/recorder.h>
#include <unspool/autograd/reduction.h>
#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/layers/internal/call_context.h>
#include <unspool/layers/internal/check_mask.h>
#include <unspool/layers/internal/layer_call.h>
#include <unspool/layers/internal/layer_maker.h>
#include <unspool/layers/internal/recurrent_options.h>
#include <unspool/layers/registry.h>
#include <unspool/layers/time_distributed.h>

namespace unspool {

const Fields& TimeDistributedOptions::fields() {
  using O = TimeDistributedOptions;
  static const Fields all = internal::joined_fields<O>(
      std::tuple(field("activity_regularizer", &O::activity_regularizer, "a penalty on the output")
                     .unless_default()),
      internal::layer_fields<O>());
  return all;
}

template class WrapperMaker<layers::TimeDistributed, Ref<Layer>>;

}  // namespace unspool

namespace unspool::layers {

TimeDistributed::TimeDistributed(Ref<Layer> layer, const TimeDistributedOptions& options)
    : OptionsLayer(options, LayerOptions{.name = options.name,
                                         .trainable = options.trainable,
                                         .dtype = options.dtype.value_or(layer ? layer->dtype() : float32),
                                         .activity_regularizer = options.activity_regularizer}),
      layer_(std::move(layer)) {
  if (!layer_) throw ValueError("TimeDistributed: expected a layer, got an empty Ref");
  add_layer("layer", layer_);
}

std::vector<Shape> TimeDistributed::step_shapes(const std::vector<Shape>& inputs) const {
  std::vector<Shape> steps;
  for (const Shape& shape : inputs) {
    if (shape.rank() < 3) {
      throw ValueError(fmt::format(
          "the layer {} expected a sequence (batch, time, ...) of rank 3 or more, got the shape {}", name(),
          to_string(shape)));
    }
    if (!compatible(shape.sub(0, 2), inputs.front().sub(0, 2))) {
      throw ValueError(fmt::format("the layer {} expected inputs with one batch and time, got {} and {}",
                                   name(), to_string(inputs.front()), to_string(shape)));
    }
    if (shape[1] == 0) {
      throw ValueError(fmt::format("the layer {} expected at least one time step, got the shape {}", name(),
                                   to_string(shape)));
    }
    steps.push_back(shape.sub(0, 1) + shape.sub(2, shape.rank()));
  }
  return steps;
}

void TimeDistributed::check_call(const std::vector<Tensor>& inputs, const CallArgs& args) const {
  std::vector<Shape> shapes;
  for (const Tensor& input : inputs) shapes.push_back(input.shape());
  step_shapes(shapes);  // Checks them.
  const Shape steps = shapes.front().sub(0, 2);
  const bool fits = args.mask && args.mask.rank() >= 2 && compatible(args.mask.shape().sub(0, 2), steps);
  if (!fits) internal::check_mask(args.mask, steps, name());
}

void TimeDistributed::build_all(const std::vector<Shape>& input_shapes) {
  layer_->build_once(step_shapes(input_shapes), built_for());
}

std::vector<Tensor> TimeDistributed::call_all(const std::vector<Tensor>& inputs, const CallArgs& args) {
  const Shape& shape = inputs.front().shape();
  const Index time = shape[1];
  if (time == unknown) {
    throw ValueError(fmt::format("the layer {} expected a known number of time steps, got the shape {}",
                                 name(), to_string(shape)));
  }
  std::vector<std::vector<Tensor>> steps;
  for (const Tensor& input : inputs) steps.push_back(unstack(input, 1));
  std::vector<Tensor> masks;
  if (args.mask) masks = unstack(args.mask, 1);

  std::vector<std::vector<Tensor>> outputs;
  for (std::size_t t = 0; t < static_cast<std::size_t>(time); ++t) {
    std::vector<Tensor> step;
    for (const std::vector<Tensor>& of_input : steps) step.push_back(of_input[t]);
    const std::vector<Tensor> results = layer_(step, {.mask = masks.empty() ? Tensor() : masks[t]}).all();
    outputs.resize(results.size());
    for (std::size_t i = 0; i < results.size(); ++i) outputs[i].push_back(results[i]);
  }
  std::vector<Tensor> sequences;
  for (const std::vector<Tensor>& of_output : outputs) sequences.push_back(stack(of_output, 1));
  if (mask_of(outputs.front().front())) sequences.front() = with_mask(sequences.front(), args.mask);
  return sequences;
}

std::vector<Tensor> TimeDistributed::compute_output_spec(const std::vector<Tensor>& inputs,
                                                         const CallArgs& args) {
  // One step says what the others give.
  const std::shared_ptr<OperationRecorder> recorder = internal::recorder_of(inputs, args);
  const auto without_time = [&](const Tensor& tensor) {
    const Shape& shape = tensor.shape();
    return recorder->abstract({shape.sub(0, 1) + shape.sub(2, shape.rank()), tensor.dtype()});
  };
  std::vector<Tensor> step;
  for (const Tensor& input : inputs) step.push_back(without_time(input));
  const std::vector<Tensor> outputs =
      layer_(step, {.mask = args.mask ? without_time(args.mask) : Tensor()}).all();
  const Shape time = {inputs.front().shape()[1]};
  std::vector<Tensor> sequences;
  for (const Tensor& output : outputs) {
    const Shape& shape = output.shape();
    sequences.push_back(
        recorder->abstract({shape.sub(0, 1) + time + shape.sub(1, shape.rank()), output.dtype()}));
  }
  if (mask_of(outputs.front())) sequences.front() = with_mask(sequences.front(), args.mask);
  return sequences;
}

Tensor TimeDistributed::compute_mask(const std::vector<Tensor>&, const Tensor& mask) {
  if (!mask || mask.rank() <= 2) return mask;
  std::vector<Index> within_step;
  for (Index axis = 2; axis < mask.rank(); ++axis) within_step.push_back(axis);
  return any(mask, within_step);
}

std::vector<Shape> TimeDistributed::compute_output_shapes(const std::vector<Shape>& inputs) {
  // Should the layer be built for it, its weights have this layer in their paths.
  const internal::CallScope scope(*this);
  std::vector<Shape> shapes;
  for (const Shape& step : layer_->compute_output_shapes(step_shapes(inputs))) {
    shapes.push_back(step.sub(0, 1) + Shape({inputs.front()[1]}) + step.sub(1, step.rank()));
  }
  return shapes;
}

Config TimeDistributed::get_config() const {
  return OptionsLayer::get_config().set("layer", serialize_layer(*layer_));
}

Ref<TimeDistributed> TimeDistributed::from_config(const Config& config) {
  const Config arguments = detail::plain_layer_config(config);
  return make<TimeDistributed>(layer_from_config<Layer>(arguments["layer"]),
                               unspool::from_config<TimeDistributedOptions>(arguments, {"layer"}));
}

}  // namespace unspool::layers
