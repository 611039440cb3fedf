#include <algorithm>
#include <cmath>
#include <iostream>
#include <string>
#include <utility>

#include <unspool/autograd/conversion.h>
#include <unspool/autograd/tape.h>
#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/models/internal/model.h>

namespace unspool {

using internal::Objective;
using internal::TensorList;

namespace {

TensorList in_order_of(const std::vector<std::string>& names, const NamedList<Tensor>& given,
                       std::string_view what) {
  TensorList tensors;
  tensors.reserve(given.size());
  bool named = false;
  for (const auto& entry : given.entries()) {
    named = named || !entry.name.empty();
    tensors.push_back(entry.value);
  }
  if (!named && (names.empty() || tensors.size() == names.size())) return tensors;
  if (!names.empty()) return given.in_order_of(names, what);
  const auto& entries = given.entries();
  const auto entry =
      std::find_if(entries.begin(), entries.end(), [](const auto& e) { return !e.name.empty(); });
  throw ValueError(
      fmt::format("{}: expected tensors in order, since the model is not made from symbolic tensors and its "
                  "inputs and outputs have no names, got one with the name {}",
                  what, in_quotes(entry->name)));
}

/// Throws ValueError if a tensor has an element that is not finite. `what` are the inputs, for instance;
/// `loss` is the loss of the batch.
void check_finite(std::string_view what, const NamedList<Tensor>& list, double loss) {
  for (const auto& entry : list.entries()) {
    if (!entry.value || !is_floating(entry.value.dtype()) || entry.value.rank() == 0) continue;
    const std::vector<double> values = cast(entry.value, float64).to_vector<double>();
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (std::isfinite(values[i])) continue;
      const std::size_t samples = static_cast<std::size_t>(entry.value.shape().front());
      throw ValueError(
          fmt::format("the loss is {}, and {}{} has {} in sample {} of the batch: replace it, or mask "
                      "it (the weights have not changed)",
                      loss, what, entry.name.empty() ? "" : fmt::format("[\"{}\"]", entry.name), values[i],
                      i / (values.size() / samples)));
    }
  }
}

}  // namespace

TensorList Model::State::inputs_of(const NamedList<Tensor>& x, std::string_view what) const {
  // Layers say best how many inputs they expect in order.
  const auto& given = x.entries();
  const bool named = std::any_of(given.begin(), given.end(), [](const auto& e) { return !e.name.empty(); });
  TensorList inputs = in_order_of(named ? input_names : std::vector<std::string>(), x, what);
  for (std::size_t i = 0; named && i < inputs.size(); ++i) {
    if (inputs[i]) continue;
    std::vector<std::string> names;
    for (const auto& entry : given) {
      if (entry.value) names.push_back(entry.name);
    }
    throw ValueError(fmt::format("{}: expected a value for each of the inputs {}, got none for {}, only {}",
                                 what, internal::joined(input_names, ", "), in_quotes(input_names[i]),
                                 internal::joined(names, ", ")));
  }
  return inputs;
}

TensorList Model::State::labels_of(const NamedList<Tensor>& y, std::string_view what) const {
  return in_order_of(output_names, y, what);
}

void Model::State::bind(std::size_t outputs) {
  Objective& objective = this->objective();
  if (objective.output_count() == outputs) return;
  std::vector<std::string> names;
  for (std::size_t i = 0; i < outputs; ++i) names.push_back(fmt::format("output_{}", i));
  objective.bind(names);
}

Model::State::Ordered Model::State::order(const Batch& batch, std::size_t outputs) const {
  const auto complete = [&](TensorList& list, std::string_view what) {
    if (list.empty()) list.resize(outputs);
    if (list.size() != outputs) {
      throw ValueError(fmt::format("the model {}: expected {} tensor{} of {}, one for each output, got {}",
                                   network->name(), outputs, outputs == 1 ? "" : "s", what, list.size()));
    }
  };
  Ordered ordered{labels_of(batch.y, "y"), {}};
  complete(ordered.y, "labels y");
  const NamedList<Tensor>& weights = batch.sample_weight;
  if (weights.size() == 1 && weights.entries().front().name.empty()) {
    ordered.sample_weight.assign(outputs, weights.entries().front().value);
  } else {
    ordered.sample_weight = labels_of(weights, "sample_weight");
    complete(ordered.sample_weight, "sample weights");
  }
  return ordered;
}

Logs Model::State::train_step(Model& self, const Batch& batch) {
  const CompileOptions& options = compiled_or_fail().options;
  if (options.train_step) return options.train_step(self, batch);
  return base != nullptr ? base->train_step(batch) : default_train_step(batch);
}

Logs Model::State::test_step(Model& self, const Batch& batch) {
  const CompileOptions& options = compiled_or_fail().options;
  if (options.test_step) return options.test_step(self, batch);
  return base != nullptr ? base->test_step(batch) : default_test_step(batch);
}

Outputs Model::State::predict_step(const Batch& batch) {
  return base != nullptr ? base->predict_step(batch) : call(inputs_of(batch.x, "x"), {.training = false});
}

bool Model::State::own_train_step() const { return base != nullptr || compiled_or_fail().options.train_step; }
bool Model::State::own_test_step() const { return base != nullptr || compiled_or_fail().options.test_step; }

Logs Model::State::default_train_step(const Batch& batch) {
  GradientTape tape;
  const Outputs predicted = call(inputs_of(batch.x, "x"), {.training = true});
  if (base != nullptr) {
    const Tensor loss = base->compute_loss(batch, predicted);
    descend(tape, loss, batch);
    return base->compute_metrics(batch, predicted, loss);
  }
  bind(predicted.all().size());
  const Ordered ordered = order(batch, predicted.all().size());
  Objective& objective = compiled->objective;
  const Objective::Losses losses =
      objective.losses(predicted.all(), ordered.y, ordered.sample_weight, network->losses(), network->name());
  descend(tape, losses.total, batch);
  objective.update(predicted.all(), losses, ordered.y, ordered.sample_weight);
  return objective.logs();
}

Logs Model::State::default_test_step(const Batch& batch) {
  const NoGradient guard;
  const Outputs predicted = call(inputs_of(batch.x, "x"), {.training = false});
  if (base != nullptr) return base->compute_metrics(batch, predicted, base->compute_loss(batch, predicted));
  bind(predicted.all().size());
  const Ordered ordered = order(batch, predicted.all().size());
  Objective& objective = compiled->objective;
  objective.update(
      predicted.all(),
      objective.losses(predicted.all(), ordered.y, ordered.sample_weight, network->losses(), network->name()),
      ordered.y, ordered.sample_weight);
  return objective.logs();
}

void Model::State::descend(GradientTape& tape, const Tensor& loss, const Batch& batch) {
  // Before any weight has changed: the model can be trained on once the data are right.
  if (const double value = loss.item<double>(); !std::isfinite(value)) {
    check_finite("x", batch.x, value);
    check_finite("y", batch.y, value);
    check_finite("sample_weight", batch.sample_weight, value);
  }
  const std::vector<Variable> variables = network->trainable_weights();
  if (variables.empty()) return;
  if (!tape.recorded(loss)) {
    throw ValueError("the loss of the model " + network->name() +
                     ": expected one that depends on the trainable weights, got one that does not: compute "
                     "it from y_pred, by operations that have a gradient");
  }
  const Optimizer& optimizer = compiled->options.optimizer;
  optimizer.apply_gradients(tape.gradient(optimizer.scale_loss(loss), variables), variables);
}

Tensor Model::State::objective_loss(const Batch& batch, const Outputs& predicted) {
  bind(predicted.all().size());
  const Ordered ordered = order(batch, predicted.all().size());
  Objective::Losses losses = compiled->objective.losses(predicted.all(), ordered.y, ordered.sample_weight,
                                                        network->losses(), network->name());
  output_losses_ = std::move(losses.each);
  return losses.total;
}

Logs Model::State::objective_logs(const Batch& batch, const Outputs& predicted, const Tensor& loss) {
  bind(predicted.all().size());
  Objective& objective = compiled->objective;
  Objective::Losses losses{loss, std::exchange(output_losses_, {})};
  losses.each.resize(predicted.all().size());
  // Without metrics the labels may be whatever the step of the user's own expects.
  const Ordered ordered = objective.has_metrics() ? order(batch, predicted.all().size()) : Ordered();
  objective.update(predicted.all(), losses, ordered.y, ordered.sample_weight);
  return objective.logs();
}

std::vector<Optimizer> Model::State::own_optimizers() const {
  return base != nullptr ? base->optimizers() : std::vector<Optimizer>();
}

void Model::State::reset_metrics() {
  if (compiled) compiled->objective.reset();
  output_losses_.clear();
  if (base != nullptr) base->reset_metrics();
}

void Model::State::warn_if_nothing_to_train(std::string_view what) const {
  if (own_train_step() || !network->trainable_weights().empty()) return;
  std::cerr << fmt::format("{}: the model {} has no trainable weights, so nothing is trained\n", what,
                           network->name());
}

Tensor Model::compute_loss(const Batch& batch, const Outputs& y_pred) const {
  State& state = this->state();
  return state.base != nullptr ? state.base->compute_loss(batch, y_pred)
                               : state.objective_loss(batch, y_pred);
}

Logs Model::compute_metrics(const Batch& batch, const Outputs& y_pred, const Tensor& loss) const {
  State& state = this->state();
  return state.base != nullptr ? state.base->compute_metrics(batch, y_pred, loss)
                               : state.objective_logs(batch, y_pred, loss);
}

void Model::reset_metrics() const { state().reset_metrics(); }

OptionalBool Model::more_is_better(std::string_view name) const {
  State& state = this->state();
  if (state.base != nullptr) {
    for (const Metric& metric : state.base->metrics()) {
      if (metric.name() == name) return metric->more_is_better();
    }
  }
  return state.objective().more_is_better(name);
}

ModelBase::ModelBase(LayerOptions options) : Layer(std::move(options)) {}

Model ModelBase::model() const {
  const std::shared_ptr<void> state = model_.lock();
  if (state == nullptr) {
    throw ValueError("the network " + name() +
                     ": expected one that is part of a model, got one alone: make it with "
                     "Model(make<MyModel>(...)), and call compile()");
  }
  return ModelAccess::of(std::static_pointer_cast<Model::State>(state));
}

Logs ModelBase::train_step(const Batch& batch) {
  return ModelAccess::state(model()).default_train_step(batch);
}
Logs ModelBase::test_step(const Batch& batch) { return ModelAccess::state(model()).default_test_step(batch); }
Outputs ModelBase::predict_step(const Batch& batch) { return (*this)(batch.x, {.training = false}); }

Tensor ModelBase::compute_loss(const Batch& batch, const Outputs& y_pred) {
  return ModelAccess::state(model()).objective_loss(batch, y_pred);
}
Logs ModelBase::compute_metrics(const Batch& batch, const Outputs& y_pred, const Tensor& loss) {
  return ModelAccess::state(model()).objective_logs(batch, y_pred, loss);
}

std::vector<Metric> ModelBase::metrics() { return {}; }
std::vector<Optimizer> ModelBase::optimizers() { return {}; }
void ModelBase::reset_metrics() {
  for (const Metric& metric : metrics()) metric.reset_state();
}

Outputs ModelBase::call_on(const NamedList<Tensor>& x, const CallArgs& args) {
  Model::State& state = ModelAccess::state(model());
  return state.call(state.inputs_of(x, "x"), args);
}

Model ModelAccess::of(const std::shared_ptr<Model::State>& state) {
  Model model;
  model.state_ = state;
  return model;
}

}  // namespace unspool
