#include <algorithm>
#include <array>
#include <string_view>

#include <unspool/autograd/arithmetic.h>
#include <unspool/autograd/conversion.h>
#include <unspool/autograd/joining.h>
#include <unspool/autograd/shaping.h>
#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/layers/bidirectional.h>
#include <unspool/layers/internal/fields_of_layer.h>
#include <unspool/layers/internal/layer_maker.h>
#include <unspool/layers/internal/sequence_call.h>
#include <unspool/layers/registry.h>

namespace unspool {

/// As Keras' configs have it: a layer in its serialized form.
template <>
struct ConfigValue<Ref<layers::RNN>> {
  static constexpr std::string_view name = "layer";
  static Config to(const Ref<layers::RNN>& layer) { return layer ? serialize_layer(*layer) : Config(); }
  static Ref<layers::RNN> from(const Config& config) {
    return config.is_null() ? Ref<layers::RNN>() : layer_from_config<layers::RNN>(config);
  }
};

const Fields& BidirectionalOptions::fields() {
  using O = BidirectionalOptions;
  static const Fields all = fields_of<O>(
      field("merge_mode", &O::merge_mode, "\"concat\", \"sum\", \"mul\", \"ave\" or null: both outputs"),
      field("weights", &O::weights, "to begin with").never_written(),
      field("backward_layer", &O::backward_layer, "null: the layer with go_backwards").never_written(),
      field("activity_regularizer", &O::activity_regularizer, "a penalty on the outputs").unless_default(),
      field("name", &O::name, "of the layer"),
      field("trainable", &O::trainable, "whether training changes its weights"),
      field("dtype", &O::dtype, "of the outputs; null: the layer's"));
  return all;
}

template class WrapperMaker<layers::Bidirectional, Ref<layers::RNN>>;

}  // namespace unspool

namespace unspool::layers {
namespace {

constexpr std::array<std::string_view, 4> merge_modes = {"concat", "sum", "mul", "ave"};

LayerOptions wrapper_options(const Ref<RNN>& layer, const BidirectionalOptions& options) {
  if (!layer) throw ValueError("Bidirectional: expected a recurrent layer, got an empty Ref");
  return {.name = options.name,
          .trainable = options.trainable,
          .dtype = options.dtype.value_or(layer->dtype()),
          .activity_regularizer = options.activity_regularizer};
}

/// The layer with fresh weights, in this direction, under its name with `prefix`, unless that stands there.
Ref<RNN> copied(const RNN& layer, std::string_view prefix, bool go_backwards) {
  const std::string& name = layer.name();
  const Ref<LayerBase> copy = detail::copy_layer(layer, [&](Config& arguments) {
    arguments.set("name", name.starts_with(prefix) ? name : std::string(prefix) + name);
    arguments.set("go_backwards", go_backwards);
  });
  return detail::layer_as<RNN>(copy, {});
}

Tensor merged(const std::string& mode, const Tensor& forward, const Tensor& backward) {
  if (mode == "concat") return concat({forward, backward});
  if (mode == "sum") return forward + backward;
  if (mode == "mul") return forward * backward;
  return (forward + backward) / 2;
}

}  // namespace

Bidirectional::Bidirectional(const Ref<RNN>& layer, const BidirectionalOptions& options)
    : OptionsLayer(options, wrapper_options(layer, options)) {
  const std::optional<std::string>& mode = options_.merge_mode;
  if (mode && std::find(merge_modes.begin(), merge_modes.end(), *mode) == merge_modes.end()) {
    throw ValueError(
        "Bidirectional: merge_mode: expected \"concat\", \"sum\", \"mul\", \"ave\" or none, got " +
        in_quotes(*mode));
  }
  forward_ = copied(*layer, "forward_", layer->options_.go_backwards);
  if (!options_.backward_layer) options_.backward_layer = copied(*layer, "backward_", true);
  check_directions();
  add_layer("forward_layer", forward_);
  add_layer("backward_layer", backward_layer());
  for (const Ref<RNN>& direction : {forward_, backward_layer()}) {
    direction->set_zero_output_for_mask(direction->options_.return_sequences);
  }
  set_input_spec(layer->input_spec());
}

void Bidirectional::check_directions() const {
  const RNNOptions& forward = forward_->options_;
  const RNNOptions& backward = backward_layer()->options_;
  if (forward.go_backwards == backward.go_backwards) {
    throw ValueError(fmt::format(
        "Bidirectional: expected layers of two directions, got go_backwards = {2} for both {0} and {1}",
        forward_->name(), backward_layer()->name(), forward.go_backwards));
  }
  const auto check = [&](std::string_view argument, Flag RNNOptions::*member) {
    if (forward.*member == backward.*member) return;
    throw ValueError(
        fmt::format("Bidirectional: expected one value of {2} for the layers {0} and {1}, got {3} and {4}",
                    forward_->name(), backward_layer()->name(), argument, forward.*member, backward.*member));
  };
  check("stateful", &RNNOptions::stateful);
  check("return_sequences", &RNNOptions::return_sequences);
  check("return_state", &RNNOptions::return_state);
  check("time_major", &RNNOptions::time_major);
  if (!options_.merge_mode) return;
  // Concatenated along the last axis, otherwise of one shape.
  Shape one = forward_->cell()->output_size();
  Shape other = backward_layer()->cell()->output_size();
  if (*options_.merge_mode == "concat" && one.rank() == other.rank() && one.rank() > 0)
    one.set(-1, other.back());
  if (one == other) return;
  throw ValueError(
      fmt::format("Bidirectional: expected outputs of one size from the layers {} and {} for merge_mode {}, "
                  "got {} and {}: take another merge_mode, or none",
                  forward_->name(), backward_layer()->name(), in_quotes(*options_.merge_mode),
                  to_string(forward_->cell()->output_size()), to_string(other)));
}

void Bidirectional::build_all(const std::vector<Shape>& input_shapes) {
  forward_->build_once(input_shapes, built_for());
  backward_layer()->build_once(input_shapes, built_for());
  set_first_weights();
}

void Bidirectional::set_first_weights() {
  if (options_.weights.empty()) return;
  const std::size_t forward = forward_->weights().size();
  const std::size_t backward = backward_layer()->weights().size();
  if (options_.weights.size() != forward + backward) {
    throw ValueError(
        fmt::format("the layer {} expected weights for {} forwards and {} backwards, got {} weights", name(),
                    forward, backward, options_.weights.size()));
  }
  const auto half = options_.weights.begin() + static_cast<std::ptrdiff_t>(forward);
  forward_->set_weights({options_.weights.begin(), half});
  backward_layer()->set_weights({half, options_.weights.end()});
}

struct Bidirectional::Calls {
  internal::SequenceCall whole;
  CallArgs forward;
  CallArgs backward;
};

std::vector<Shape> Bidirectional::build_shapes(const std::vector<Tensor>& inputs,
                                               const CallArgs& args) const {
  return internal::build_shapes(calls_of(inputs, args).whole);
}

Bidirectional::Calls Bidirectional::calls_of(const std::vector<Tensor>& inputs, const CallArgs& args) const {
  const std::size_t states = forward_states() + backward_states();
  const internal::SequenceCall call = internal::sequence_call(inputs, args, states, name());
  if (!call.initial_state.empty() && call.initial_state.size() != states) {
    throw ValueError(fmt::format(
        "the layer {} expected initial states for {} forwards and {} backwards, got {} initial state{}",
        name(), forward_states(), backward_states(), call.initial_state.size(),
        call.initial_state.size() == 1 ? "" : "s"));
  }
  Calls calls = {call, {.mask = args.mask, .constants = call.constants}, {}};
  calls.backward = calls.forward;
  if (!call.initial_state.empty()) {
    const auto half = call.initial_state.begin() + static_cast<std::ptrdiff_t>(forward_states());
    calls.forward.initial_state.assign(call.initial_state.begin(), half);
    calls.backward.initial_state.assign(half, call.initial_state.end());
  }
  return calls;
}

void Bidirectional::check_call(const std::vector<Tensor>& inputs, const CallArgs& args) const {
  const Calls calls = calls_of(inputs, args);
  for (const auto& [direction, its_args] :
       {std::pair(forward_, &calls.forward), std::pair(backward_layer(), &calls.backward)}) {
    const ErrorScope scope(direction->name());
    direction->check_call({calls.whole.sequence}, *its_args);
  }
}

void Bidirectional::check_symbolic_call(const std::vector<Tensor>& inputs, const CallArgs& args) const {
  internal::check_all_or_none_symbolic(calls_of(inputs, args).whole, name());
}

std::vector<Tensor> Bidirectional::call_all(const std::vector<Tensor>& inputs, const CallArgs& args) {
  const Calls calls = calls_of(inputs, args);
  std::vector<Tensor> forward = forward_(calls.whole.sequence, calls.forward).all();
  std::vector<Tensor> backward = backward_layer()(calls.whole.sequence, calls.backward).all();
  for (Tensor* output : {&forward.front(), &backward.front()}) {
    if (output->dtype() != dtype()) *output = cast(*output, dtype());
  }
  if (forward_->options_.return_sequences) {
    backward.front() = flip(backward.front(), {forward_->options_.time_major ? 0 : 1});
  }

  std::vector<Tensor> outputs;
  if (options_.merge_mode) {
    outputs = {merged(*options_.merge_mode, forward.front(), backward.front())};
  } else {
    outputs = {forward.front(), backward.front()};
  }
  outputs.insert(outputs.end(), forward.begin() + 1, forward.end());
  outputs.insert(outputs.end(), backward.begin() + 1, backward.end());
  return outputs;
}

std::vector<Shape> Bidirectional::compute_output_shapes(const std::vector<Shape>& inputs) {
  const std::vector<Shape> forward = forward_->compute_output_shapes({first_of(inputs)});
  const std::vector<Shape> backward = backward_layer()->compute_output_shapes({first_of(inputs)});
  std::vector<Shape> shapes = {forward.front()};
  if (!options_.merge_mode) {
    shapes.push_back(backward.front());
  } else if (*options_.merge_mode == "concat") {
    shapes.front().set(-1, forward.front().back() + backward.front().back());
  }
  shapes.insert(shapes.end(), forward.begin() + 1, forward.end());
  shapes.insert(shapes.end(), backward.begin() + 1, backward.end());
  return shapes;
}

Tensor Bidirectional::compute_mask(const std::vector<Tensor>&, const Tensor& mask) {
  return forward_->options_.return_sequences ? mask : Tensor();
}

std::vector<Tensor> Bidirectional::compute_masks(const std::vector<Tensor>& inputs, const Tensor& mask) {
  return std::vector<Tensor>(options_.merge_mode ? 1 : 2, compute_mask(inputs, mask));
}

std::vector<Variable> Bidirectional::states() const {
  std::vector<Variable> all = forward_->states();
  for (const Variable& state : backward_layer()->states()) all.push_back(state);
  return all;
}

void Bidirectional::reset_states() {
  if (!stateful()) {
    throw AttributeError(fmt::format(
        "reset_states: expected a stateful layer, got {}: make the layer in it with stateful = true",
        name()));
  }
  forward_->reset_states();
  backward_layer()->reset_states();
}

Config Bidirectional::get_config() const {
  return OptionsLayer::get_config()
      .set("layer", serialize_layer(*forward_))
      .set("backward_layer", serialize_layer(*backward_layer()));
}

Ref<Bidirectional> Bidirectional::from_config(const Config& config) {
  const Config arguments = detail::plain_layer_config(config);
  return make<Bidirectional>(layer_from_config<RNN>(arguments["layer"]),
                             unspool::from_config<BidirectionalOptions>(arguments, {"layer"}));
}

}  // namespace unspool::layers
