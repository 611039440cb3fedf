#include <algorithm>
#include <cmath>
#include <functional>
#include <iostream>
#include <numeric>

#include <unspool/autograd/arithmetic.h>
#include <unspool/autograd/recorder.h>
#include <unspool/autograd/tape.h>
#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/layers/functional.h>
#include <unspool/layers/rnn.h>
#include <unspool/layers/sequential.h>
#include <unspool/models/internal/model.h>
#include <unspool/models/internal/progress.h>
#include <unspool/models/internal/rows.h>
#include <unspool/models/model.h>

namespace unspool {

using internal::common_rows;
using internal::Progress;
using internal::take_rows;

namespace {

std::vector<Spec> specs_of(const std::vector<Tensor>& tensors) {
  std::vector<Spec> specs;
  for (const Tensor& tensor : tensors) {
    Shape shape = tensor.shape();
    if (!shape.empty()) shape.set(0, unknown);
    specs.push_back({shape, tensor.dtype()});
  }
  return specs;
}

/// The number of samples. Throws ValueError if lengths differ or there are none.
Index samples_of(const Data& data, std::string_view what) {
  std::vector<Tensor> all = data.x;
  std::vector<std::string> names(all.size(), "x");
  for (std::size_t i = 0; all.size() > 1 && i < all.size(); ++i) names[i] = fmt::format("x[{}]", i);
  if (all.empty() || std::any_of(all.begin(), all.end(), [](const Tensor& x) { return !x; })) {
    throw ValueError(fmt::format("{}: expected x to have a value, got an empty tensor", what));
  }
  all.push_back(data.y);
  names.emplace_back("y");
  all.push_back(data.sample_weight);
  names.emplace_back("sample_weight");
  const Index samples = common_rows(all, names);
  if (samples == 0)
    throw ValueError(
        fmt::format("{}: expected at least one sample, got x of {}", what, describe(data.x.front())));
  return samples;
}

Index batches(Index samples, Index batch_size) { return (samples + batch_size - 1) / batch_size; }

void check_positive(std::string_view name, Index value) {
  if (value < 1) throw ValueError(fmt::format("expected {} >= 1, got {}", name, value));
}

/// The number of samples to train on; the rest is for validation.
Index training_samples(Index samples, double split) {
  if (!(split >= 0 && split < 1))
    throw ValueError(fmt::format("expected validation_split in [0, 1), got {}", split));
  const double exact = static_cast<double>(samples) * (1 - split);
  // 0.2f is a little more than 0.2. Rounding must not cost a sample.
  const double whole = std::round(exact);
  const bool is_whole = std::abs(exact - whole) < 1e-9 + 6e-8 * static_cast<double>(samples);
  const Index training = static_cast<Index>(is_whole ? whole : std::floor(exact));
  if (split > 0 && (training == 0 || training == samples)) {
    throw ValueError(fmt::format(
        "expected a validation_split that leaves samples for training and for validation, got {} of {} "
        "samples, which leaves {} and {}",
        split, samples, training, samples - training));
  }
  return training;
}

void warn_of_no_weights(std::string_view what, const Model& model) {
  std::cerr << fmt::format("{}: the model {} has no trainable weights, so nothing is trained\n", what,
                           model.name());
}

Data rows_of(const Data& data, Index first, Index last) {
  Data part;
  part.x = take_rows(data.x, first, last);
  part.y = take_rows(data.y, first, last);
  part.sample_weight = take_rows(data.sample_weight, first, last);
  return part;
}

/// Gives callbacks their model while fit() runs, and takes it away again however fit() ends.
class CallbackScope {
 public:
  CallbackScope(const Callbacks& callbacks, Model& model) : callbacks_(callbacks.all()) {
    for (const std::shared_ptr<Callback>& callback : callbacks_) {
      if (!callback) throw ValueError("fit: expected callbacks, got an empty one");
    }
    for (const std::shared_ptr<Callback>& callback : callbacks_) callback->set_model(&model);
  }
  ~CallbackScope() {
    for (const std::shared_ptr<Callback>& callback : callbacks_) callback->set_model(nullptr);
  }
  CallbackScope(const CallbackScope&) = delete;
  CallbackScope& operator=(const CallbackScope&) = delete;
  /// Calls f on every callback.
  template <class F>
  void call(F&& f) const {
    for (const std::shared_ptr<Callback>& callback : callbacks_) f(*callback);
  }

 private:
  const std::vector<std::shared_ptr<Callback>>& callbacks_;
};

}  // namespace

const Model::State::Compiled& Model::State::compiled_or_fail() const {
  if (!compiled)
    throw ValueError("the model " + network->name() +
                     ": expected a compiled model, got one that is not: call compile() first");
  return *compiled;
}

void Model::State::compile(CompileOptions options) {
  Compiled made;
  const auto taken = [&](const std::string& name) {
    return name == "loss" || std::any_of(made.metrics.begin(), made.metrics.end(),
                                         [&](const Named& named) { return named.name == name; });
  };
  const auto add = [&](const Metric& metric, bool weighted) {
    std::string name = metric.name();
    if (weighted && taken(name)) name = "weighted_" + name;
    std::string unique = name;
    for (int i = 1; taken(unique); ++i) unique = fmt::format("{}_{}", name, i);
    made.metrics.push_back({metric, std::move(unique), weighted});
  };
  if (!options.optimizer) throw ValueError("compile: expected an optimizer, got an empty one");
  for (const Metric& metric : options.metrics.list()) add(metric, false);
  for (const Metric& metric : options.weighted_metrics.list()) add(metric, true);
  made.options = std::move(options);
  compiled = std::move(made);
}

std::vector<Spec> Model::State::inputs() const {
  const std::lock_guard lock(mutex_);
  return inputs_;
}

void Model::State::remember_inputs(const std::vector<Tensor>& x) {
  if (inputs_known_) return;
  const std::lock_guard lock(mutex_);
  inputs_ = specs_of(x);
  inputs_known_ = true;
}

void Model::State::build(const std::vector<Spec>& specs) {
  const NoGradient no_gradient;
  const WithoutLosses no_losses;
  infer(
      [&](const std::vector<Tensor>& x) {
        std::vector<Tensor> outputs = (*network)(x, {.training = false}).all();
        remember_inputs(x);
        return outputs;
      },
      specs);
}

Outputs Model::State::call(const Inputs& x, const CallArgs& args) {
  Outputs outputs = (*network)(x, args);
  remember_inputs(x.tensors());
  return outputs;
}

void Model::State::reset_metrics() {
  compiled->loss.reset_state();
  for (const Named& named : compiled->metrics) named.metric.reset_state();
}

Logs Model::State::logs() const {
  Logs logs{{"loss", compiled->loss.result()}};
  for (const Named& named : compiled->metrics) {
    const Tensor result = named.metric.result();
    if (result.size() != 1) {
      throw ValueError("the metric " + named.name + ": expected a result of one number, got " +
                       describe(result));
    }
    logs.set(named.name, result.item<double>());
  }
  return logs;
}

Tensor Model::State::loss_of(const Outputs& predicted, const Tensor& y, const Tensor& weight) {
  if (predicted.all().size() > 1 && !compiled->metrics.empty()) {
    throw ValueError(fmt::format(
        "the model {}: expected one output for the metric {}, got {}: compile it without metrics, or make a "
        "Model of one of the outputs",
        network->name(), compiled->metrics.front().name, predicted.all().size()));
  }
  Tensor total;
  if (const Loss& loss = compiled->options.loss) {
    if (predicted.all().size() != 1) {
      throw ValueError(fmt::format("the model {}: expected one output for one loss, got {}", network->name(),
                                   predicted.all().size()));
    }
    if (!y) throw ValueError("the loss " + loss.name() + ": expected labels y, got an empty tensor");
    total = loss(y, predicted, weight);
    if (total.size() != 1) {
      throw ValueError("the loss " + loss.name() + ": expected one number, got " + describe(total) +
                       ": use a reduction other than \"none\"");
    }
  }
  for (const Tensor& added : network->losses()) total = total ? total + added : added;
  if (!total)
    throw ValueError("the model " + network->name() +
                     ": expected a loss from compile() or from a layer, got none");
  return total;
}

void Model::State::count(const Outputs& predicted, const Tensor& loss, const Tensor& y,
                         const Tensor& weight) {
  const NoGradient guard;
  const Tensor& first = predicted.all().front();
  const double samples = first.rank() == 0 ? 1 : static_cast<double>(first.shape().front());
  compiled->loss.update_state(loss.item<double>(), samples);
  for (const Named& named : compiled->metrics) {
    named.metric.update_state(y, predicted, named.weighted ? weight : Tensor());
  }
}

bool Model::State::train_step(const std::vector<Tensor>& x, const Tensor& y, const Tensor& weight) {
  GradientTape tape;
  const Outputs predicted = call(x, {.training = true});
  const Tensor loss = loss_of(predicted, y, weight);
  const std::vector<Variable> variables = network->trainable_weights();
  if (!variables.empty()) {
    const Optimizer& optimizer = compiled->options.optimizer;
    const std::vector<Tensor> gradients = tape.gradient(optimizer.scale_loss(loss), variables);
    optimizer.apply_gradients(gradients, variables);
  }
  count(predicted, loss, y, weight);
  return !variables.empty();
}

void Model::State::test_step(const std::vector<Tensor>& x, const Tensor& y, const Tensor& weight) {
  const NoGradient guard;
  const Outputs predicted = call(x, {.training = false});
  count(predicted, loss_of(predicted, y, weight), y, weight);
}

Data::Data() = default;
Data::~Data() = default;
Data::Data(const Data& other) = default;
Data::Data(Data&& other) noexcept = default;
Data& Data::operator=(const Data& other) = default;
Data& Data::operator=(Data&& other) noexcept = default;
Data::Data(const Inputs& inputs, const Tensor& labels, const Tensor& weights)
    : x(inputs.tensors()), y(labels), sample_weight(weights) {}

Model::Model() : SealedModel(Key()) {}

Model::Model(Ref<Layer> layer) : SealedModel(Key()) {
  if (!layer) throw ValueError("Model: expected a layer, got an empty Ref");
  state_ = std::make_shared<State>(std::move(layer));
}

Model::Model(const Inputs& inputs, const Inputs& outputs, ModelOptions options)
    : Model(make<layers::Functional>(
          inputs.tensors(), outputs.tensors(),
          FunctionalOptions{.name = std::move(options.name), .trainable = options.trainable})) {
  state_->remember_inputs(inputs.tensors());
}

Model::State& Model::state() const {
  if (state_ == nullptr) throw ValueError("expected a Model with a network, got an empty one");
  return *state_;
}

const Ref<Layer>& Model::network() const& { return state().network; }
Ref<Layer> Model::network() && { return state().network; }

Outputs Model::operator()(const Inputs& inputs, const CallArgs& args) const {
  return state().call(inputs, args);
}

namespace {

/// The result of take() for a network that is a graph.
template <class F>
std::vector<Tensor> of_graph(const Layer& network, std::string_view what, F&& take) {
  std::vector<Tensor> tensors;
  if (const auto* graph = dynamic_cast<const layers::Functional*>(&network)) tensors = take(*graph);
  if (const auto* sequence = dynamic_cast<const layers::Sequential*>(&network)) tensors = take(*sequence);
  if (!tensors.empty()) return tensors;
  throw AttributeError(
      fmt::format("the model {}: expected a model with symbolic {}, got one of layers alone: make it from "
                  "symbolic tensors, or from "
                  "an Input and layers",
                  network.name(), what));
}

}  // namespace

std::vector<Tensor> Model::inputs() const {
  return of_graph(*network(), "inputs", [](const auto& graph) { return graph.inputs(); });
}

std::vector<Tensor> Model::outputs() const {
  return of_graph(*network(), "outputs", [](const auto& graph) { return graph.outputs(); });
}

std::vector<Ref<LayerBase>> Model::layers() const {
  const auto* const graph = dynamic_cast<const layers::Functional*>(network().pointer().get());
  return graph != nullptr ? graph->layers() : network()->sublayers();
}

void Model::build(const Shape& input_shape) const {
  if (!built()) state().build({{input_shape, network()->dtype()}});
}

void Model::reset_states() const {
  const std::function<void(LayerBase&)> visit = [&](LayerBase& layer) {
    auto* const rnn = dynamic_cast<layers::RNN*>(&layer);
    if (rnn != nullptr && rnn->stateful() && rnn->built()) rnn->reset_states();
    for (const Ref<LayerBase>& below : layer.sublayers()) visit(*below);
  };
  visit(*network());
}

Ref<LayerBase> Model::get_layer(std::string_view name) const {
  std::vector<std::string> names;
  for (const Ref<LayerBase>& layer : layers()) {
    if (layer->name() == name) return layer;
    names.push_back(layer->name());
  }
  throw ValueError("the model " + this->name() + ": expected the name of one of its layers, got " +
                   in_quotes(name) + did_you_mean(name, names));
}

Ref<LayerBase> Model::get_layer(Index index) const {
  const std::vector<Ref<LayerBase>> all = layers();
  const Index count = static_cast<Index>(all.size());
  if (index < -count || index >= count) {
    throw ValueError(
        fmt::format("the model {}: expected the index of one of {} layers, got {}", name(), count, index));
  }
  return all[static_cast<std::size_t>(index < 0 ? index + count : index)];
}

void Model::compile(CompileOptions options) { state().compile(std::move(options)); }
bool Model::compiled() const { return state().compiled.has_value(); }
Optimizer Model::optimizer() const { return state().compiled_or_fail().options.optimizer; }
void Model::stop_training() { state().stop = true; }

History Model::fit(const Inputs& inputs, const Tensor& y, FitOptions options) {
  State& state = this->state();
  state.compiled_or_fail();
  Data data(inputs, y, options.sample_weight);
  Index samples = samples_of(data, "fit");
  check_positive("batch_size", options.batch_size);
  check_positive("validation_freq", options.validation_freq);
  const Index validation_batch = options.validation_batch_size.value_or(options.batch_size);
  check_positive("validation_batch_size", validation_batch);
  if (options.epochs < 0 || options.initial_epoch < 0) {
    throw ValueError(fmt::format("fit: expected epochs and initial_epoch >= 0, got {} and {}", options.epochs,
                                 options.initial_epoch));
  }

  Data validation = options.validation_data;
  if (validation) {
    samples_of(validation, "validation_data");
  } else if (const Index kept = training_samples(samples, options.validation_split); kept < samples) {
    validation = rows_of(data, kept, samples);
    data = rows_of(data, 0, kept);
    samples = kept;
  }

  if (!state.shuffle || options.initial_epoch == 0) state.shuffle = next_random_key();
  const RandomKey run = *state.shuffle;
  // Keeps the model alive if the caller's handle is destroyed meanwhile.
  Model self = *this;
  const CallbackScope callbacks(options.callbacks, self);
  const EvaluateOptions how{
      .batch_size = validation_batch, .verbose = 0, .sample_weight = validation.sample_weight};
  const Index steps = batches(samples, options.batch_size);
  const bool many = options.epochs - options.initial_epoch > 1 || options.initial_epoch > 0;
  History history;
  state.stop = false;
  callbacks.call([](Callback& callback) { callback.on_train_begin(); });
  for (Index epoch = options.initial_epoch; epoch < options.epochs && !state.stop; ++epoch) {
    if (options.verbose != 0 && many)
      std::cout << fmt::format("Epoch {}/{}\n", epoch + 1, options.epochs) << std::flush;
    callbacks.call([&](Callback& callback) { callback.on_epoch_begin(epoch); });
    state.reset_metrics();
    std::vector<Index> order;
    if (options.shuffle) {
      // The order depends on the run and the number of the epoch only, so that a later fit() can continue the
      // run.
      order = permutation(samples, {random_bits(run, static_cast<std::uint64_t>(epoch)), run.stream});
    }
    Progress progress(options.verbose, steps);
    for (Index step = 0; step < steps && !state.stop; ++step) {
      callbacks.call([&](Callback& callback) { callback.on_train_batch_begin(step); });
      const Index first = step * options.batch_size;
      const Index last = std::min(samples, first + options.batch_size);
      Data batch;
      if (options.shuffle) {
        const auto rows =
            std::span(order).subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(last - first));
        batch.x = take_rows(data.x, rows);
        batch.y = take_rows(data.y, rows);
        batch.sample_weight = take_rows(data.sample_weight, rows);
      } else {
        batch = rows_of(data, first, last);
      }
      const bool trained = state.train_step(batch.x, batch.y, batch.sample_weight);
      if (!trained && step == 0 && epoch == options.initial_epoch) warn_of_no_weights("fit", *this);
      const Logs logs = state.logs();
      progress.update(step + 1, logs);
      callbacks.call([&](Callback& callback) { callback.on_train_batch_end(step, logs); });
    }
    Logs logs = state.logs();
    if (validation && (epoch + 1) % options.validation_freq == 0) {
      const Logs found = self.evaluate(validation.x, validation.y, how);
      for (const auto& [name, value] : found) logs.set("val_" + name, value);
    }
    callbacks.call([&](Callback& callback) { callback.on_epoch_end(epoch, logs); });
    progress.finish(logs);
    history.epoch.push_back(epoch);
    for (const auto& [name, value] : logs) history.history.get_or_add(name).push_back(value);
  }
  state.compiled->options.optimizer.finalize_variable_values();
  callbacks.call([](Callback& callback) { callback.on_train_end(); });
  return history;
}

Logs Model::evaluate(const Inputs& inputs, const Tensor& y, EvaluateOptions options) const {
  State& state = this->state();
  state.compiled_or_fail();
  const Data data(inputs, y, options.sample_weight);
  const Index samples = samples_of(data, "evaluate");
  check_positive("batch_size", options.batch_size);
  const Index steps = batches(samples, options.batch_size);
  Progress progress(options.verbose, steps);
  state.reset_metrics();
  for (Index step = 0; step < steps; ++step) {
    const Index first = step * options.batch_size;
    const Data batch = rows_of(data, first, std::min(samples, first + options.batch_size));
    state.test_step(batch.x, batch.y, batch.sample_weight);
    progress.update(step + 1, state.logs());
  }
  Logs logs = state.logs();
  progress.finish(logs);
  return logs;
}

Outputs Model::predict(const Inputs& inputs, PredictOptions options) const {
  State& state = this->state();
  const NoGradient no_gradient;
  const WithoutLosses no_losses;
  check_positive("batch_size", options.batch_size);
  const std::vector<Tensor>& x = inputs.tensors();
  std::vector<std::string> names(x.size(), "x");
  const Index samples = common_rows(x, names);
  if (samples < 0) throw ValueError("predict: expected x to have a value, got an empty tensor");
  std::vector<std::vector<Tensor>> parts;  // For each output, those of all batches.
  // No samples are one empty batch, whose outputs have no rows and the right shape.
  for (Index first = 0; first == 0 || first < samples; first += options.batch_size) {
    const std::vector<Tensor> batch = take_rows(x, first, std::min(samples, first + options.batch_size));
    const Outputs outputs = state.call(batch, {.training = false});
    parts.resize(outputs.all().size());
    for (std::size_t i = 0; i < parts.size(); ++i) parts[i].push_back(with_mask(outputs.all()[i], {}));
  }
  std::vector<Tensor> joined;
  for (const std::vector<Tensor>& part : parts) joined.push_back(internal::join_rows(part));
  return Outputs(std::move(joined));
}

Logs Model::train_on_batch(const Inputs& x, const Tensor& y, const Tensor& sample_weight) {
  State& state = this->state();
  state.compiled_or_fail();
  samples_of(Data(x, y, sample_weight), "train_on_batch");
  state.reset_metrics();
  if (!state.train_step(x.tensors(), y, sample_weight)) warn_of_no_weights("train_on_batch", *this);
  return state.logs();
}

Logs Model::test_on_batch(const Inputs& x, const Tensor& y, const Tensor& sample_weight) const {
  State& state = this->state();
  state.compiled_or_fail();
  samples_of(Data(x, y, sample_weight), "test_on_batch");
  state.reset_metrics();
  state.test_step(x.tensors(), y, sample_weight);
  return state.logs();
}

void Model::summary(SummaryOptions options) const { summary(std::cout, options); }
void Model::summary(std::ostream& stream, SummaryOptions options) const { stream << summary_text(options); }

std::ostream& operator<<(std::ostream& stream, const Model& model) {
  return stream << (model ? model.summary_text() : "an empty Model");
}

}  // namespace unspool
