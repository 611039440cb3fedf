#include <algorithm>
#include <map>
#include <mutex>

#include <unspool/autograd/comparison.h>
#include <unspool/autograd/conversion.h>
#include <unspool/autograd/internal/label_observer.h>
#include <unspool/autograd/joining.h>
#include <unspool/autograd/labeled.h>
#include <unspool/autograd/recorder.h>
#include <unspool/autograd/scan.h>
#include <unspool/autograd/scan/trace_memory.h>
#include <unspool/autograd/shaping.h>
#include <unspool/autograd/tape.h>
#include <unspool/autograd/views.h>
#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/layers/internal/build_budget.h>
#include <unspool/layers/internal/call_caches.h>
#include <unspool/layers/internal/call_context.h>
#include <unspool/layers/internal/check_mask.h>
#include <unspool/layers/internal/output_observer.h>
#include <unspool/layers/internal/recurrent_options.h>
#include <unspool/layers/internal/sequence_call.h>
#include <unspool/layers/registry.h>
#include <unspool/layers/rnn.h>
#include <unspool/layers/stacked_rnn_cells.h>

namespace unspool {

const Fields& RNNOptions::fields() {
  using O = RNNOptions;
  static const Fields all = internal::joined_fields<O>(
      internal::loop_fields<O>(), internal::sequence_fields<O>(),
      std::tuple(field("activity_regularizer", &O::activity_regularizer, "a penalty on the outputs")
                     .unless_default()),
      internal::layer_fields<O>());
  return all;
}

Ref<layers::RNN> RNNMaker::operator()(const Ref<Cell>& cell, RNNOptions options) const {
  return make<layers::RNN>(cell, std::move(options));
}

Ref<layers::RNN> RNNMaker::operator()(std::initializer_list<Ref<Cell>> cells, RNNOptions options) const {
  return RNN(std::vector<Ref<Cell>>(cells), std::move(options));
}

Ref<layers::RNN> RNNMaker::operator()(const std::vector<Ref<Cell>>& cells, RNNOptions options) const {
  return RNN(Ref<Cell>(StackedRNNCells(cells)), std::move(options));
}

}  // namespace unspool

namespace unspool::layers {
namespace {

/// `mask` with axes of size 1 added at the end, up to `rank`.
Tensor broadcastable(Tensor mask, int rank) {
  while (mask.rank() < rank) mask = expand_dims(mask, -1);
  return mask;
}

/// A mask, a step at a time, for tensors of any rank.
class StepMasks {
 public:
  StepMasks(Tensor mask, int time_axis) : mask_(std::move(mask)), time_axis_(time_axis) {}
  explicit operator bool() const { return static_cast<bool>(mask_); }

  /// Where step t counts keeps `now`, elsewhere `before`.
  Tensor select(std::size_t t, const Tensor& now, const Tensor& before) {
    const int rank = now.rank();
    auto found = steps_.find(rank);
    if (found == steps_.end()) {
      found = steps_.emplace(rank, unstack(broadcastable(mask_, rank + 1), time_axis_)).first;
    }
    return where(found->second[t], now, before);
  }

 private:
  Tensor mask_;
  int time_axis_;
  std::map<int, std::vector<Tensor>> steps_;
};

}  // namespace

/// Calls may come from several threads.
struct RNN::Scans {
  std::mutex mutex;
  /// Of the last call.
  std::shared_ptr<const CompiledScan> compiled;
  Index steps = 0;
  /// How a pure cell computes a step, so that it is not called again.
  scan_compiler::TraceMemory traces;
};

RNN::RNN(Ref<Cell> cell, const RNNOptions& options)
    : OptionsLayer(options, LayerOptions{.name = options.name,
                                         .trainable = options.trainable,
                                         .dtype = options.dtype.value_or(cell ? cell->dtype() : float32),
                                         .activity_regularizer = options.activity_regularizer}),
      cell_(std::move(cell)),
      scans_(std::make_shared<Scans>()) {
  if (!cell_) throw ValueError("RNN: expected a cell, got an empty Ref");
  if (options_.recompute_every < 0) {
    throw ValueError(
        fmt::format("the layer {}: recompute_every: expected a number of steps, or 0 to keep all, got {}",
                    name(), options_.recompute_every));
  }
  if (options_.recompute_every > 0 && options_.unroll) {
    throw ValueError(
        fmt::format("the layer {}: recompute_every: expected unroll = false, since it is for the compiled "
                    "loop over time, got unroll = true",
                    name()));
  }
  add_layer("cell", cell_);
}

void RNN::check_sequence(const Shape& shape) const {
  if (shape.rank() >= 3) return;
  throw ValueError(fmt::format("the layer {} expected a sequence ({}, features...), got the shape {}", name(),
                               options_.time_major ? "time, batch" : "batch, time", to_string(shape)));
}

Shape RNN::step_shape(const Shape& sequence) const {
  return Shape({sequence[options_.time_major ? 1 : 0]}) + sequence.sub(2, sequence.rank());
}

void RNN::build_all(const std::vector<Shape>& input_shapes) {
  const Shape& sequence = input_shapes.front();
  check_sequence(sequence);
  const Shape step = step_shape(sequence);
  if (options_.stateful && step.front() == unknown) {
    throw ValueError(
        fmt::format("the layer {} is stateful and expected a known batch size, got the shape {}: give the "
                    "Input a batch_size",
                    name(), to_string(sequence)));
  }
  std::vector<Shape> shapes = {step};
  shapes.insert(shapes.end(), input_shapes.begin() + 1, input_shapes.end());
  cell_->build_once(shapes, built_for());
  if (options_.stateful) {
    for (const Shape& size : cell_->state_sizes()) {
      internal::BuildBudget::take_state(Shape({step.front()}) + size);
    }
    std::vector<Variable> states;
    for (const Tensor& state : cell_->get_initial_state(step.front())) {
      states.emplace_back(state, VariableOptions{.name = "state", .trainable = false});
    }
    states_ = std::move(states);
  }
}

RNN::Parts RNN::parts_of(const std::vector<Tensor>& inputs, const CallArgs& args) const {
  return internal::sequence_call(inputs, args, cell_->state_sizes_.size(), name());
}

void RNN::check_call(const std::vector<Tensor>& inputs, const CallArgs& args) const {
  const Parts parts = parts_of(inputs, args);
  const Shape& shape = parts.sequence.shape();
  check_sequence(shape);
  if (shape[options_.time_major ? 0 : 1] == 0) {
    throw ValueError(fmt::format("the layer {} expected at least one time step, got the shape {}", name(),
                                 to_string(shape)));
  }
  const Index batch = step_shape(shape).front();
  if (options_.stateful && !states_.empty() && batch != unknown && states_.front().shape().front() != batch) {
    throw ValueError(
        fmt::format("the layer {} is stateful and expected the batch size {} that it was built for, got a "
                    "batch size of {} (shape {})",
                    name(), states_.front().shape().front(), batch, to_string(shape)));
  }
  check_initial_states(parts.initial_state, batch);
  check_mask(args.mask, shape);
  if (!parts.constants.empty() && !cell_->supports_constants()) {
    throw ValueError(fmt::format(
        "the layer {0} expected no constants, since its cell {3} does not support them, got {1} constant{2}",
        name(), parts.constants.size(), parts.constants.size() == 1 ? "" : "s", cell_->name()));
  }
}

std::vector<Shape> RNN::build_shapes(const std::vector<Tensor>& inputs, const CallArgs& args) const {
  return internal::build_shapes(parts_of(inputs, args));
}

void RNN::check_symbolic_call(const std::vector<Tensor>& inputs, const CallArgs& args) const {
  internal::check_all_or_none_symbolic(parts_of(inputs, args), name());
}

std::vector<Variable> RNN::states() const { return states_; }
std::vector<Variable> RNN::persistent_state() const { return states_; }

States RNN::get_initial_state(Index batch_size, DType dtype) const {
  return cell_->get_initial_state(batch_size, dtype);
}

States RNN::get_initial_state(const Tensor& sequence) const {
  check_sequence(sequence.shape());
  return cell_->get_initial_state(step_shape(sequence.shape()).front(),
                                  is_floating(sequence.dtype()) ? sequence.dtype() : cell_->dtype());
}

void RNN::check_initial_states(const States& given, Index batch) const {
  if (given.empty()) return;
  const std::vector<Shape>& sizes = cell_->state_sizes_;
  if (given.size() != sizes.size()) {
    throw ValueError(fmt::format("the layer {} expected {} initial state{}, got {}", name(), sizes.size(),
                                 sizes.size() == 1 ? "" : "s", given.size()));
  }
  for (std::size_t i = 0; i < given.size(); ++i) {
    const Shape expected = Shape({batch}) + sizes[i];
    if (given[i] && compatible(given[i].shape(), expected)) continue;
    throw ValueError(fmt::format("the layer {} expected an initial state {} of shape {}, got {}", name(), i,
                                 to_string(expected), describe(given[i])));
  }
}

States RNN::first_states(const Tensor& sequence, const States& given) const {
  States states;
  for (const Tensor& state : given) {
    states.push_back(state.dtype() == cell_->dtype() ? state : cast(state, cell_->dtype()));
  }
  if (!given.empty()) return states;
  if (options_.stateful) {
    for (const Variable& state : states_) states.push_back(state.value());
    return states;
  }
  const Index batch = step_shape(sequence.shape()).front();
  if (batch != unknown) return cell_->get_initial_state(batch);
  // Shapes alone are asked for.
  for (const Shape& size : cell_->state_sizes()) {
    states.push_back(sequence.recorder()->abstract({Shape({unknown}) + size, cell_->dtype()}));
  }
  return states;
}

/// (batch, time) or (batch, time, 1); time first if the sequence has it so.
void RNN::check_mask(const Tensor& mask, const Shape& sequence) const {
  if (!mask) return;
  const bool trailing = mask.rank() == 3 && mask.shape().back() == 1;
  if (trailing && compatible(mask.shape().sub(0, 2), sequence.sub(0, 2))) return;
  internal::check_mask(mask, sequence.sub(0, 2), name());
}

std::vector<Tensor> RNN::call_all(const std::vector<Tensor>& inputs, const CallArgs& args) {
  const Parts parts = parts_of(inputs, args);
  const Shape& shape = parts.sequence.shape();
  const Index time = shape[options_.time_major ? 0 : 1];
  if (time == unknown) {
    throw ValueError(fmt::format("the layer {} expected a known number of time steps, got the shape {}",
                                 name(), to_string(shape)));
  }
  States states = first_states(parts.sequence, parts.initial_state);
  for (std::size_t i = 0; i < states.size(); ++i) states[i] = labeled(states[i], cell_->state_labels_[i]);
  Tensor sequence = parts.sequence;
  // As the first two axes of the sequence, or empty.
  const Tensor mask = args.mask && args.mask.rank() == 3 ? squeeze(args.mask, {2}) : args.mask;
  if (mask) {
    sequence = where(broadcastable(mask, sequence.rank()), sequence, Tensor::scalar(0, sequence.dtype()));
  }
  CallArgs step_args;
  step_args.training = args.training;
  for (const Tensor& constant : parts.constants) step_args.constants.push_back(labeled(constant, "constant"));
  cell_->reset_call_cache();
  internal::CallCaches caches;
  const internal::CallScope steps([&](internal::CallContext& context) { context.caches = &caches; });
  const Index begin = options_.go_backwards ? time - 1 : 0;
  const auto make_cache = [&] {
    const Tensor first = squeeze(slice(sequence, time_axis(), begin, begin + 1), {time_axis()});
    cell_->cache_in(caches, first, step_args);
  };

  const bool one_by_one = options_.unroll || internal::CallContext::current().one_by_one;
  if (one_by_one) make_cache();
  std::vector<Tensor> results = one_by_one
                                    ? unrolled(sequence, mask, std::move(states), step_args)
                                    : scanned(sequence, mask, std::move(states), step_args, make_cache);
  if (options_.stateful) {
    for (std::size_t i = 0; i < states_.size(); ++i) {
      if (!results[i + 1].is_abstract()) states_[i].assign(results[i + 1]);
    }
  }
  if (!options_.return_state) results.resize(1);
  return results;
}

std::string RNN::plan(PlanOptions options) const {
  if (options_.unroll) return "one step after the other, since unroll is true\n";
  const std::lock_guard lock(scans_->mutex);
  return scans_->compiled == nullptr ? "not called yet\n" : scans_->compiled->plan(scans_->steps, options);
}

std::shared_ptr<const CompiledScan> RNN::compiled() const {
  const std::lock_guard lock(scans_->mutex);
  return scans_->compiled;
}

std::vector<Tensor> RNN::unrolled(const Tensor& sequence, const Tensor& mask, States states,
                                  const CallArgs& step_args) {
  StepMasks masks(mask, time_axis());
  const std::vector<Tensor> steps = unstack(sequence, time_axis());
  std::vector<Tensor> outputs;
  Tensor before;
  for (std::size_t t = 0; t < steps.size(); ++t) {
    const std::size_t at = options_.go_backwards ? steps.size() - 1 - t : t;
    const TimeStep time(static_cast<Index>(at));
    CellOutput now = (*cell_)(steps[at], states, step_args);
    if (masks) {
      for (std::size_t i = 0; i < states.size(); ++i) {
        now.states[i] = masks.select(at, now.states[i], states[i]);
      }
      if (!before) before = Tensor::scalar(0, now.output.dtype());
      now.output = masks.select(at, now.output, before);
      if (!options_.zero_output_for_mask) before = now.output;
    }
    states = std::move(now.states);
    if (options_.return_sequences || t + 1 == steps.size()) outputs.push_back(std::move(now.output));
  }
  std::vector<Tensor> results{options_.return_sequences ? stack(outputs, time_axis()) : outputs.back()};
  results.insert(results.end(), states.begin(), states.end());
  return results;
}

std::vector<Tensor> RNN::scanned(const Tensor& sequence, const Tensor& mask, States states,
                                 const CallArgs& step_args, const Callable<void()>& make_cache) {
  const std::size_t count = states.size();
  // Where a step is masked the output of the step before goes on.
  const bool output_goes_on = mask && !options_.zero_output_for_mask;
  std::vector<Tensor> carry = std::move(states);
  if (output_goes_on) {
    carry.push_back(
        Tensor::zeros(Shape({step_shape(sequence.shape()).front()}) + cell_->output_size(), cell_->dtype()));
  }
  std::vector<Tensor> sequences{sequence};
  if (mask) sequences.push_back(mask);
  const auto step = [&](const std::vector<Tensor>& before, const std::vector<Tensor>& inputs) {
    if (mask) internal::note_label(inputs[1], "mask_t");
    CellOutput now = (*cell_)(
        inputs[0], States(before.begin(), before.begin() + static_cast<std::ptrdiff_t>(count)), step_args);
    const auto select = [&](const Tensor& value, const Tensor& else_value) {
      return mask ? where(broadcastable(inputs[1], value.rank()), value, else_value) : value;
    };
    ScanStep made;
    for (std::size_t i = 0; i < count; ++i) made.carry.push_back(select(now.states[i], before[i]));
    const Tensor output =
        select(now.output, output_goes_on ? before.back() : Tensor::scalar(0, now.output.dtype()));
    if (output_goes_on) made.carry.push_back(output);
    // What is a state, too, is not computed twice.
    const auto same = std::find_if(now.states.begin(), now.states.end(), [&](const Tensor& state) {
      return !mask && state.id() == now.output.id();
    });
    const Tensor& result =
        same == now.states.end() ? output : made.carry[static_cast<std::size_t>(same - now.states.begin())];
    (options_.return_sequences ? made.outputs : made.last).push_back(result);
    return made;
  };
  const ScanOptions options{.reverse = options_.go_backwards,
                            .time_axis = time_axis(),
                            .recompute_every = options_.recompute_every};
  // An observer sees what a step does.
  const bool observed =
      internal::OutputObserver::of_steps() != nullptr || internal::LabelObserver::current() != nullptr;
  ScanResult result;
  if (!mask && !observed && step_args.constants.empty() && cell_->is_pure()) {
    const std::vector<Variable> weights = cell_->weights();
    const scan_compiler::TraceMemory::Call call{.carry = carry,
                                                .sequences = sequences,
                                                .time_axis = time_axis(),
                                                .training = step_args.is_training(),
                                                .variables = weights};
    if (const auto traced = scans_->traces.recall(call)) {
      result = scan_compiler::run_traced(*traced, options_.recompute_every);
    } else {
      make_cache();
      result = scans_->traces.trace_and_run(call, step, options);
    }
  } else {
    make_cache();
    result = scan(step, carry, sequences, options);
  }
  if (result.compiled != nullptr) {
    const std::lock_guard lock(scans_->mutex);
    scans_->compiled = result.compiled;
    scans_->steps = sequence.shape()[time_axis()];
  }
  Tensor output = options_.return_sequences ? result.outputs[0] : result.last[0];
  // Sequences come in the order in which the steps were visited.
  if (options_.return_sequences && options_.go_backwards) output = flip(output, {time_axis()});
  std::vector<Tensor> results{output};
  results.insert(results.end(), result.carry.begin(),
                 result.carry.begin() + static_cast<std::ptrdiff_t>(count));
  return results;
}

std::vector<Shape> RNN::compute_output_shapes(const std::vector<Shape>& inputs) {
  const Shape& sequence = first_of(inputs);
  check_input_shapes({sequence});
  check_sequence(sequence);
  const Shape batch = {step_shape(sequence).front()};
  std::vector<Shape> shapes;
  shapes.push_back((options_.return_sequences ? sequence.sub(0, 2) : batch) + cell_->output_size());
  if (options_.return_state) {
    for (const Shape& size : cell_->state_sizes()) shapes.push_back(batch + size);
  }
  return shapes;
}

Tensor RNN::compute_mask(const std::vector<Tensor>&, const Tensor& mask) {
  return options_.return_sequences ? mask : Tensor();
}

void RNN::check_keeps_states() const {
  if (!options_.stateful) {
    throw AttributeError(fmt::format(
        "reset_states: expected a stateful layer, got {}: make it with stateful = true", path_or_name()));
  }
  if (states_.empty()) {
    throw ValueError(
        fmt::format("reset_states: expected a layer that is built, whose batch size is known, got {}: call "
                    "it, or build it with the shape of its input, first",
                    path_or_name()));
  }
}

void RNN::reset_states() {
  check_keeps_states();
  const States first = cell_->get_initial_state(states_.front().shape().front());
  for (std::size_t i = 0; i < states_.size(); ++i) states_[i].assign(first[i]);
}

void RNN::reset_states(const std::vector<Tensor>& values) {
  check_keeps_states();
  if (values.size() != states_.size()) {
    throw ValueError(fmt::format("reset_states: the layer {} expected {} state{}, got {} value{}",
                                 path_or_name(), states_.size(), states_.size() == 1 ? "" : "s",
                                 values.size(), values.size() == 1 ? "" : "s"));
  }
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!values[i] || !(values[i].shape() == states_[i].shape())) {
      throw ValueError(fmt::format("state {} is incompatible with the layer {}: expected shape {}, got {}", i,
                                   path_or_name(), to_string(states_[i].shape()), describe(values[i])));
    }
    if (!values[i].is_abstract()) continue;
    throw RuntimeError(
        fmt::format("reset_states: expected a value for state {} of the layer {}, got {}, which has none", i,
                    path_or_name(), describe(values[i])));
  }
  const NoGradient guard;
  for (std::size_t i = 0; i < values.size(); ++i) {
    states_[i].assign(values[i].dtype() == states_[i].dtype() ? values[i]
                                                              : cast(values[i], states_[i].dtype()));
  }
}

Config RNN::loop_first(const Config& config) {
  std::vector<Config::Entry> entries = config.items();
  const auto belongs = [](const Fields& fields, const Config::Entry& entry) {
    return entry.first != "activity_regularizer" && fields.writes(entry.first);
  };
  const auto after_common = std::stable_partition(
      entries.begin(), entries.end(),
      [&](const Config::Entry& entry) { return belongs(LayerOptions::fields(), entry); });
  std::stable_partition(after_common, entries.end(),
                        [&](const Config::Entry& entry) { return belongs(RNNOptions::fields(), entry); });
  return Config::map(std::move(entries));
}

Config RNN::get_config() const {
  return loop_first(OptionsLayer::get_config()).set("cell", serialize_layer(*cell_));
}

}  // namespace unspool::layers
