#include <algorithm>
#include <iostream>

#include <unspool/autograd/tape.h>
#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/data/internal/rows.h>
#include <unspool/layers/functional.h>
#include <unspool/layers/graph.h>
#include <unspool/layers/registry.h>
#include <unspool/layers/rnn.h>
#include <unspool/layers/sequential.h>
#include <unspool/models/internal/model.h>
#include <unspool/models/internal/stateful.h>
#include <unspool/models/model.h>

namespace unspool {

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
  if (!output_names.empty()) {
    objective.bind(output_names);
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

Model::State::State(Ref<Layer> layer)
    : network(std::move(layer)), base(dynamic_cast<ModelBase*>(network.pointer().get())) {
  if (const auto* graph = dynamic_cast<const layers::Functional*>(network.pointer().get())) {
    input_names = names_of(graph->inputs());
    output_names = names_of(graph->outputs());
  }
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

Model::Model() : SealedModel(Key()) {}
Model::Model(const Model& other) = default;
Model::Model(Model&& other) noexcept = default;
Model& Model::operator=(const Model& other) = default;
Model& Model::operator=(Model&& other) noexcept = default;
Model::~Model() = default;
Layer* Model::operator->() const { return &*network(); }

Model::Model(Ref<Layer> layer) : SealedModel(Key()) {
  if (!layer) throw ValueError("Model: expected a layer, got an empty Ref");
  auto* const base = dynamic_cast<ModelBase*>(layer.pointer().get());
  // As in Keras, where the network is the model: two handles on one network are the same model.
  if (base != nullptr) state_ = std::static_pointer_cast<State>(base->model_.lock());
  if (state_ != nullptr) return;
  state_ = std::make_shared<State>(std::move(layer));
  if (base != nullptr) base->model_ = state_;
}

Model::Model(const Inputs& inputs, const Inputs& outputs, ModelOptions options)
    : Model(make<layers::Functional>(
          inputs.tensors(), outputs.tensors(),
          FunctionalOptions{.name = std::move(options.name), .trainable = options.trainable})) {
  state_->remember_inputs(inputs.tensors());
}

Model::Model(const FunctionalModelOptions& options)
    : Model(options.inputs, options.outputs, {.name = options.name, .trainable = options.trainable}) {}

Model::State& Model::state() const {
  if (state_ == nullptr) throw ValueError("expected a Model with a network, got an empty one");
  return *state_;
}

const Ref<Layer>& Model::network() const& { return state().network; }
Ref<Layer> Model::network() && { return state().network; }

Outputs Model::operator()(const Inputs& inputs, const CallArgs& args) const {
  return state().call(inputs, args);
}

Outputs Model::call_on(const NamedList<Tensor>& x, const CallArgs& args) const {
  return state().call(state().inputs_of(x, "x"), args);
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

Model Model::from_config(const Config& config) {
  if (config.contains("class_name")) return Model(layer_from_config(config));
  if (config.contains("output_layers")) return Model(layers::Functional::from_config(config));
  const Ref<layers::Sequential> sequence = layers::Sequential::from_config(config);
  sequence->connect_layers();
  return Model(sequence);
}

Model clone_model(const Model& model) {
  const Ref<Layer> network = clone(model.network());
  if (auto* const sequence = dynamic_cast<layers::Sequential*>(network.pointer().get()))
    sequence->connect_layers();
  return Model(network);
}

void Model::build(const Shape& input_shape) const {
  if (!built()) state().build({{input_shape, network()->dtype()}});
}

void Model::reset_states() const {
  for (layers::RNN* const rnn : internal::stateful_layers(*network())) {
    if (rnn->built()) rnn->reset_states();
  }
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

void Model::compile(Optimizer optimizer, NamedList<Loss> loss, NamedList<Metrics> metrics) {
  compile({.optimizer = std::move(optimizer), .loss = std::move(loss), .metrics = std::move(metrics)});
}
void Model::compile(CompileOptions options) {
  State& state = this->state();
  if (options.optimizer) options.optimizer = options.optimizer.owned_by(state_);
  state.compile(std::move(options));
}
bool Model::compiled() const { return state().compiled.has_value(); }
Optimizer Model::optimizer() const { return state().compiled_or_fail().options.optimizer; }
void Model::stop_training() { state().stop = true; }
bool Model::stops_training() const { return state().stop; }

void Model::summary(SummaryOptions options) const { summary(std::cout, options); }
void Model::summary(std::ostream& stream, SummaryOptions options) const { stream << summary_text(options); }

std::ostream& operator<<(std::ostream& stream, const Model& model) {
  return stream << (model ? model.summary_text() : "an empty Model");
}

}  // namespace unspool
