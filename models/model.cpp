#include <algorithm>
#include <cmath>
#include <functional>
#include <iostream>
#include <numeric>

#include <unspool/autograd/arithmetic.h>
#include <unspool/autograd/conversion.h>
#include <unspool/autograd/recorder.h>
#include <unspool/autograd/reduction.h>
#include <unspool/autograd/shaping.h>
#include <unspool/autograd/tape.h>
#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/layers/functional.h>
#include <unspool/layers/graph.h>
#include <unspool/layers/rnn.h>
#include <unspool/layers/sequential.h>
#include <unspool/models/internal/model.h>
#include <unspool/models/internal/progress.h>
#include <unspool/data/internal/rows.h>
#include <unspool/models/model.h>

namespace unspool {

using internal::common_rows;
using internal::Progress;
using internal::take_rows;
using internal::TensorList;

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

/// Inputs, labels and weights in the order of a model's inputs and outputs.
struct Samples {
  TensorList x;
  TensorList y;
  TensorList sample_weight;

  Samples rows(Index first, Index last) const {
    return {take_rows(x, first, last), take_rows(y, first, last), take_rows(sample_weight, first, last)};
  }
  Samples rows(std::span<const Index> rows) const {
    return {take_rows(x, rows), take_rows(y, rows), take_rows(sample_weight, rows)};
  }
};

Samples in_order(const Model::State& state, const NamedList<Tensor>& x, const NamedList<Tensor>& y,
                 const NamedList<Tensor>& weights, std::string_view what) {
  Samples samples{state.inputs_of(x, what), state.labels_of(y, fmt::format("{}: y", what)), {}};
  if (weights.alone()) {
    samples.sample_weight =
        TensorList(std::max<std::size_t>(samples.y.size(), 1), weights.entries().front().value);
  } else {
    samples.sample_weight = state.labels_of(weights, fmt::format("{}: sample_weight", what));
  }
  return samples;
}

/// The number of samples. Throws ValueError if lengths differ or there are none.
Index samples_of(const Samples& data, std::string_view what) {
  TensorList all = data.x;
  std::vector<std::string> names;
  const auto name = [&](std::string_view of, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i)
      names.push_back(count == 1 ? std::string(of) : fmt::format("{}[{}]", of, i));
  };
  if (all.empty() || std::any_of(all.begin(), all.end(), [](const Tensor& x) { return !x; })) {
    throw ValueError(fmt::format("{}: expected x to have a value, got an empty tensor", what));
  }
  name("x", data.x.size());
  name("y", data.y.size());
  name("sample_weight", data.sample_weight.size());
  all.insert(all.end(), data.y.begin(), data.y.end());
  all.insert(all.end(), data.sample_weight.begin(), data.sample_weight.end());
  const Index samples = common_rows(all, names);
  if (samples == 0)
    throw ValueError(
        fmt::format("{}: expected at least one sample, got x of {}", what, describe(data.x.front())));
  return samples;
}

/// Throws ValueError if a stateful layer cannot take batches of this size, a smaller last one among them.
void check_stateful(std::string_view what, const LayerBase& layer, Index samples, Index batch_size) {
  if (samples == 0) return;
  for (const Ref<LayerBase>& below : layer.sublayers()) check_stateful(what, *below, samples, batch_size);
  const auto* const rnn = dynamic_cast<const layers::RNN*>(&layer);
  if (rnn == nullptr || !rnn->stateful()) return;
  if (!rnn->states().empty()) {
    const Index wanted = rnn->states().front().shape().front();
    if (std::min(samples, batch_size) != wanted) {
      throw ValueError(
          fmt::format("{}: expected batch_size = {}, for which the stateful layer {} was built, got "
                      "batch_size = {} for {} samples",
                      what, wanted, rnn->name(), batch_size, samples));
    }
  }
  if (samples > batch_size && samples % batch_size != 0) {
    throw ValueError(
        fmt::format("{}: expected a number of samples that batch_size = {} divides, since the layer {} is "
                    "stateful, got {}: leave out "
                    "the last {}, or take another batch_size",
                    what, batch_size, rnn->name(), samples, samples % batch_size));
  }
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

/// The weight of each sample, from the weights of classes.
Tensor weights_of_classes(const TensorList& y, const std::map<Index, double>& class_weight) {
  if (y.size() != 1 || !y.front()) {
    throw ValueError(
        fmt::format("class_weight: expected the labels of one output, got those of {}", y.size()));
  }
  Tensor labels = y.front();
  if (labels.rank() > 1 && labels.shape().back() > 1) {
    labels = argmax(labels, -1);
  } else if (labels.rank() > 1) {
    labels = squeeze(labels, {-1});
  }
  std::vector<float> weights;
  for (const double label : cast(labels, float64).to_vector<double>()) {
    const auto found = class_weight.find(std::llround(label));
    weights.push_back(found == class_weight.end() ? 1.0F : static_cast<float>(found->second));
  }
  return Tensor::from(weights, labels.shape());
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
  if (!options.optimizer) throw ValueError("compile: expected an optimizer, got an empty one");
  internal::Objective objective(options);
  const std::vector<std::string> names = output_names();
  if (!names.empty()) {
    objective.bind(names);
  } else if (objective.fits_one_output()) {
    objective.bind({"output"});
  }
  compiled = Compiled{std::move(options), std::move(objective)};
}

namespace {

/// The names of the layers that symbolic tensors come from; a number makes a repeated one unique.
std::vector<std::string> names_of(const TensorList& symbolic) {
  std::vector<std::string> names;
  for (const Tensor& tensor : symbolic) {
    const std::string base = GraphNode::of(tensor)->name();
    std::string name = base;
    for (int i = 1; std::find(names.begin(), names.end(), name) != names.end(); ++i) {
      name = fmt::format("{}_{}", base, i);
    }
    names.push_back(std::move(name));
  }
  return names;
}

}  // namespace

std::vector<std::string> Model::State::input_names() const {
  if (const auto* graph = dynamic_cast<const layers::Functional*>(network.pointer().get())) {
    return names_of(graph->inputs());
  }
  return {};
}

std::vector<std::string> Model::State::output_names() const {
  if (const auto* graph = dynamic_cast<const layers::Functional*>(network.pointer().get())) {
    return names_of(graph->outputs());
  }
  return {};
}

namespace {

TensorList in_order_of(const std::vector<std::string>& names, const NamedList<Tensor>& given,
                       std::string_view what) {
  if (!names.empty()) return given.in_order_of(names, what);
  TensorList tensors;
  for (const auto& entry : given.entries()) {
    if (!entry.name.empty()) {
      throw ValueError(
          fmt::format("{}: expected tensors in order, since the model is not made from symbolic tensors and "
                      "its inputs and "
                      "outputs have no names, got one with the name {}",
                      what, in_quotes(entry.name)));
    }
    tensors.push_back(entry.value);
  }
  return tensors;
}

}  // namespace

TensorList Model::State::inputs_of(const NamedList<Tensor>& x, std::string_view what) const {
  // Layers say best which inputs they expect in order.
  const auto& given = x.entries();
  const bool named = std::any_of(given.begin(), given.end(), [](const auto& e) { return !e.name.empty(); });
  return in_order_of(named ? input_names() : std::vector<std::string>(), x, what);
}

TensorList Model::State::labels_of(const NamedList<Tensor>& y, std::string_view what) const {
  return in_order_of(output_names(), y, what);
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

internal::Objective::Losses Model::State::losses_of(const Outputs& predicted, TensorList& y,
                                                    TensorList& weights) {
  internal::Objective& objective = compiled->objective;
  const std::size_t count = predicted.all().size();
  if (objective.output_count() != count) {
    std::vector<std::string> names;
    for (std::size_t i = 0; i < count; ++i) names.push_back(fmt::format("output_{}", i));
    objective.bind(names);
  }
  const auto fit = [&](TensorList& list, std::string_view what) {
    if (list.empty()) list.resize(count);
    if (list.size() != count) {
      throw ValueError(fmt::format("the model {}: expected {} for {} outputs, got {}", network->name(), what,
                                   count, list.size()));
    }
  };
  if (weights.size() == 1) weights.resize(count, weights.front());
  fit(y, "labels y");
  fit(weights, "sample weights");
  return objective.losses(predicted.all(), y, weights, network->losses(), network->name());
}

bool Model::State::train_step(const TensorList& x, const TensorList& y_given,
                              const TensorList& weights_given) {
  TensorList y = y_given;
  TensorList weights = weights_given;
  GradientTape tape;
  const Outputs predicted = call(x, {.training = true});
  const internal::Objective::Losses losses = losses_of(predicted, y, weights);
  const std::vector<Variable> variables = network->trainable_weights();
  if (!variables.empty()) {
    const Optimizer& optimizer = compiled->options.optimizer;
    const std::vector<Tensor> gradients = tape.gradient(optimizer.scale_loss(losses.total), variables);
    optimizer.apply_gradients(gradients, variables);
  }
  compiled->objective.update(predicted.all(), losses, y, weights);
  return !variables.empty();
}

void Model::State::test_step(const TensorList& x, const TensorList& y_given,
                             const TensorList& weights_given) {
  TensorList y = y_given;
  TensorList weights = weights_given;
  const NoGradient guard;
  const Outputs predicted = call(x, {.training = false});
  compiled->objective.update(predicted.all(), losses_of(predicted, y, weights), y, weights);
}

Data::Data() = default;
Data::~Data() = default;
Data::Data(const Data& other) = default;
Data::Data(Data&& other) noexcept = default;
Data& Data::operator=(const Data& other) = default;
Data& Data::operator=(Data&& other) noexcept = default;
Data::Data(NamedList<Tensor> inputs, NamedList<Tensor> labels, NamedList<Tensor> weights)
    : x(std::move(inputs)), y(std::move(labels)), sample_weight(std::move(weights)) {}

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

namespace {

Logs evaluated(Model::State& state, const Samples& data, Index batch_size, Progress& progress) {
  const Index samples = samples_of(data, "evaluate");
  internal::Objective& objective = state.objective();
  objective.reset();
  const Index steps = batches(samples, batch_size);
  for (Index step = 0; step < steps; ++step) {
    const Index first = step * batch_size;
    const Samples batch = data.rows(first, std::min(samples, first + batch_size));
    state.test_step(batch.x, batch.y, batch.sample_weight);
    progress.update(step + 1, objective.logs());
  }
  Logs logs = objective.logs();
  progress.finish(logs);
  return logs;
}

}  // namespace

History Model::fit(const NamedList<Tensor>& x, const NamedList<Tensor>& y, FitOptions options) {
  State& state = this->state();
  internal::Objective& objective = state.objective();
  Samples data = in_order(state, x, y, options.sample_weight, "fit");
  Index samples = samples_of(data, "fit");
  check_positive("batch_size", options.batch_size);
  check_positive("validation_freq", options.validation_freq);
  const Index validation_batch = options.validation_batch_size.value_or(options.batch_size);
  check_positive("validation_batch_size", validation_batch);
  if (options.epochs < 0 || options.initial_epoch < 0) {
    throw ValueError(fmt::format("fit: expected epochs and initial_epoch >= 0, got {} and {}", options.epochs,
                                 options.initial_epoch));
  }

  Samples validation;
  if (options.validation_data) {
    const Data& given = options.validation_data;
    validation = in_order(state, given.x, given.y, given.sample_weight, "validation_data");
    samples_of(validation, "validation_data");
  } else if (const Index kept = training_samples(samples, options.validation_split); kept < samples) {
    validation = data.rows(kept, samples);
    data = data.rows(0, kept);
    samples = kept;
  }
  if (!options.class_weight.empty()) {
    if (!options.sample_weight.empty())
      throw ValueError("fit: expected class_weight or sample_weight, got both");
    data.sample_weight = {weights_of_classes(data.y, options.class_weight)};
  }

  check_stateful("fit", *state.network, samples, options.batch_size);
  if (!validation.x.empty()) {
    check_stateful("validation_data", *state.network, validation.x.front().shape().front(), validation_batch);
  }
  if (!state.shuffle || options.initial_epoch == 0) state.shuffle = next_random_key();
  const RandomKey run = *state.shuffle;
  // Keeps the model alive if the caller's handle is destroyed meanwhile.
  Model self = *this;
  const CallbackScope callbacks(options.callbacks, self);
  const Index steps = batches(samples, options.batch_size);
  const bool many = options.epochs - options.initial_epoch > 1 || options.initial_epoch > 0;
  History history;
  state.stop = false;
  callbacks.call([](Callback& callback) { callback.on_train_begin(); });
  for (Index epoch = options.initial_epoch; epoch < options.epochs && !state.stop; ++epoch) {
    if (options.verbose != 0 && many)
      std::cout << fmt::format("Epoch {}/{}\n", epoch + 1, options.epochs) << std::flush;
    callbacks.call([&](Callback& callback) { callback.on_epoch_begin(epoch); });
    objective.reset();
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
      const Samples batch = options.shuffle
                                ? data.rows(std::span(order).subspan(static_cast<std::size_t>(first),
                                                                     static_cast<std::size_t>(last - first)))
                                : data.rows(first, last);
      const bool trained = state.train_step(batch.x, batch.y, batch.sample_weight);
      if (!trained && step == 0 && epoch == options.initial_epoch) warn_of_no_weights("fit", *this);
      const Logs logs = objective.logs();
      progress.update(step + 1, logs);
      callbacks.call([&](Callback& callback) { callback.on_train_batch_end(step, logs); });
    }
    Logs logs = objective.logs();
    if (!validation.x.empty() && (epoch + 1) % options.validation_freq == 0) {
      Progress silent(0, 0);
      const Logs found = evaluated(state, validation, validation_batch, silent);
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

Logs Model::evaluate(const NamedList<Tensor>& x, const NamedList<Tensor>& y, EvaluateOptions options) const {
  State& state = this->state();
  state.compiled_or_fail();
  const Samples data = in_order(state, x, y, options.sample_weight, "evaluate");
  check_positive("batch_size", options.batch_size);
  const Index samples = samples_of(data, "evaluate");
  check_stateful("evaluate", *state.network, samples, options.batch_size);
  Progress progress(options.verbose, batches(samples, options.batch_size));
  return evaluated(state, data, options.batch_size, progress);
}

Outputs Model::predict(const NamedList<Tensor>& inputs, PredictOptions options) const {
  State& state = this->state();
  const NoGradient no_gradient;
  const WithoutLosses no_losses;
  check_positive("batch_size", options.batch_size);
  const TensorList x = state.inputs_of(inputs, "predict");
  std::vector<std::string> names(x.size(), "x");
  const Index samples = common_rows(x, names);
  if (samples < 0) throw ValueError("predict: expected x to have a value, got an empty tensor");
  check_stateful("predict", *state.network, samples, options.batch_size);
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

Logs Model::train_on_batch(const NamedList<Tensor>& x, const NamedList<Tensor>& y,
                           const NamedList<Tensor>& sample_weight) {
  State& state = this->state();
  internal::Objective& objective = state.objective();
  const Samples data = in_order(state, x, y, sample_weight, "train_on_batch");
  samples_of(data, "train_on_batch");
  objective.reset();
  if (!state.train_step(data.x, data.y, data.sample_weight)) warn_of_no_weights("train_on_batch", *this);
  return objective.logs();
}

Logs Model::test_on_batch(const NamedList<Tensor>& x, const NamedList<Tensor>& y,
                          const NamedList<Tensor>& sample_weight) const {
  State& state = this->state();
  internal::Objective& objective = state.objective();
  const Samples data = in_order(state, x, y, sample_weight, "test_on_batch");
  samples_of(data, "test_on_batch");
  objective.reset();
  state.test_step(data.x, data.y, data.sample_weight);
  return objective.logs();
}

void Model::summary(SummaryOptions options) const { summary(std::cout, options); }
void Model::summary(std::ostream& stream, SummaryOptions options) const { stream << summary_text(options); }

std::ostream& operator<<(std::ostream& stream, const Model& model) {
  return stream << (model ? model.summary_text() : "an empty Model");
}

}  // namespace unspool
