#include <algorithm>
#include <cmath>
#include <iostream>
#include <string>
#include <utility>

#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/core/make_shared_as.h>
#include <unspool/models/internal/callback_list.h>
#include <unspool/models/internal/history_recorder.h>
#include <unspool/models/internal/model.h>
#include <unspool/models/internal/progress_bar.h>
#include <unspool/models/internal/stateful.h>
#include <unspool/models/internal/trainer.h>

namespace unspool {

using internal::BatchSource;
using internal::CallbackList;
using internal::DatasetSource;
using internal::TensorSource;

namespace {

void check_positive(std::string_view name, std::optional<Index> value) {
  if (value && *value < 1) throw ValueError(fmt::format("expected {} >= 1, got {}", name, *value));
}

/// Throws ValueError for names of inputs or outputs that the model does not have.
void check_names(const Model::State& state, const Batch& data, std::string_view what) {
  state.inputs_of(data.x, what);
  state.labels_of(data.y, fmt::format("{}: y", what));
  if (!data.sample_weight.alone())
    state.labels_of(data.sample_weight, fmt::format("{}: sample_weight", what));
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

void check(const FitOptions& options) {
  check_positive("batch_size", options.batch_size);
  check_positive("validation_freq", options.validation_freq);
  check_positive("validation_batch_size", options.validation_batch_size);
  check_positive("steps_per_epoch", options.steps_per_epoch);
  check_positive("validation_steps", options.validation_steps);
  if (options.epochs < 0 || options.initial_epoch < 0) {
    throw ValueError(fmt::format("fit: expected epochs and initial_epoch >= 0, got {} and {}", options.epochs,
                                 options.initial_epoch));
  }
}

Index validation_batch_size(const FitOptions& options) {
  return options.validation_batch_size.value_or(options.batch_size);
}

/// A source of tensors, checked for stateful layers. `steps` is the number of batches to use if not all.
std::unique_ptr<BatchSource> source_of(const Model::State& state, std::string_view what, Batch data,
                                       Index batch_size, std::optional<Index> steps = {},
                                       const RandomKey* shuffle = nullptr) {
  const Index samples = internal::samples_of(data, what);
  internal::check_stateful(what, *state.network, samples, batch_size, steps);
  return std::make_unique<TensorSource>(std::move(data), samples, batch_size, shuffle);
}

/// What to validate on, unless it is a part of the training data; null if nothing.
std::unique_ptr<BatchSource> validation_source(const Model::State& state, const FitOptions& options) {
  constexpr std::string_view what = "validation_data";
  const ValidationData& given = options.validation_data;
  if (given.dataset()) {
    if (given.dataset().is_infinite() && !options.validation_steps) {
      throw ValueError("fit: expected validation_steps for validation_data without an end");
    }
    internal::check_stateful(what, *state.network, given.dataset(), options.validation_steps);
    return std::make_unique<DatasetSource>(given.dataset(), Dictionary<Index, double>(), what);
  }
  if (!given) return nullptr;
  if (!state.own_test_step()) check_names(state, given.tensors(), what);
  return source_of(state, what, given.tensors(), validation_batch_size(options), options.validation_steps);
}

/// The runs of one call of fit(): sources, callbacks, trainer.
History run_fit(const Model& model, BatchSource& source, BatchSource* validation, const FitOptions& options) {
  // Keeps the model alive if the caller's handle is destroyed meanwhile.
  Model self = model;
  Model::State& state = ModelAccess::state(self);
  CallbackList callbacks("fit", options.callbacks, self);
  History history;
  callbacks.add(make_shared_as<Callback, internal::HistoryRecorder>(history));
  const auto& own = options.callbacks.all();
  const bool shown =
      std::any_of(own.begin(), own.end(), [](const auto& each) { return each->shows_progress(); });
  if (options.verbose != 0 && !shown) callbacks.add(make_shared_as<Callback, internal::ProgressBar>());
  callbacks.set_params({.epochs = options.epochs,
                        .steps = options.steps_per_epoch ? options.steps_per_epoch : source.steps(),
                        .verbose = options.verbose,
                        .metrics = state.objective().names()});
  internal::Trainer trainer(self, callbacks);
  history.interrupted = trainer.fit(source, {.epochs = options.epochs,
                                             .initial_epoch = options.initial_epoch,
                                             .steps_per_epoch = options.steps_per_epoch,
                                             .validation = validation,
                                             .validation_steps = options.validation_steps,
                                             .validation_freq = options.validation_freq});
  return history;
}

/// Callbacks of evaluate() and predict().
CallbackParams params_of(const BatchSource& source, int verbose, std::optional<Index> steps,
                         std::vector<std::string> metrics) {
  return {.epochs = 1,
          .steps = steps ? steps : source.steps(),
          .verbose = verbose,
          .metrics = std::move(metrics)};
}

Logs run_evaluate(const Model& model, BatchSource& source, const EvaluateOptions& options) {
  Model self = model;
  CallbackList callbacks("evaluate", options.callbacks, self);
  if (options.verbose != 0) callbacks.add(make_shared_as<Callback, internal::ProgressBar>());
  callbacks.set_params(
      params_of(source, options.verbose, options.steps, ModelAccess::state(self).objective().names()));
  return internal::Trainer(self, callbacks).evaluate(source, options.steps);
}

Outputs run_predict(const Model& model, BatchSource& source, const PredictOptions& options) {
  Model self = model;
  CallbackList callbacks("predict", options.callbacks, self);
  if (options.verbose != 0) callbacks.add(make_shared_as<Callback, internal::ProgressBar>());
  callbacks.set_params(params_of(source, options.verbose, options.steps, {}));
  return internal::Trainer(self, callbacks).predict(source, options.steps);
}

}  // namespace

History Model::fit(const NamedList<Tensor>& x, const NamedList<Tensor>& y, FitOptions options) {
  State& state = this->state();
  state.compiled_or_fail();
  check(options);
  Batch data{x, y, options.sample_weight};
  if (!state.own_train_step()) check_names(state, data, "fit");
  const Index samples = internal::samples_of(data, "fit");
  std::unique_ptr<BatchSource> validation = validation_source(state, options);
  if (const Index kept = validation ? samples : training_samples(samples, options.validation_split);
      kept < samples) {
    validation = source_of(state, "fit", internal::rows_of(data, kept, samples),
                           validation_batch_size(options), options.validation_steps);
    data = internal::rows_of(data, 0, kept);
  }
  if (!options.class_weight.empty()) {
    if (!options.sample_weight.empty()) {
      throw ValueError("fit: expected class_weight or sample_weight, got both");
    }
    data.sample_weight = internal::weights_of_classes(data.y, options.class_weight);
  }
  if (!state.shuffle || options.initial_epoch == 0) state.shuffle = next_random_key();
  const std::unique_ptr<BatchSource> source = source_of(state, "fit", std::move(data), options.batch_size, {},
                                                        options.shuffle ? &*state.shuffle : nullptr);
  return run_fit(*this, *source, validation.get(), options);
}

History Model::fit_dataset(const Dataset& data, FitOptions options) {
  State& state = this->state();
  state.compiled_or_fail();
  check(options);
  if (options.validation_split != 0 || !options.sample_weight.empty()) {
    throw ValueError(
        "fit: expected neither validation_split nor sample_weight for a Dataset: give validation_data, and "
        "weights in the Dataset");
  }
  DatasetSource source(data, options.class_weight, "fit");
  if (data.is_infinite() && !options.steps_per_epoch) {
    throw ValueError("fit: expected steps_per_epoch for a Dataset without an end");
  }
  internal::check_stateful("fit", *state.network, data);
  const std::unique_ptr<BatchSource> validation = validation_source(state, options);
  return run_fit(*this, source, validation.get(), options);
}

Logs Model::evaluate(const NamedList<Tensor>& x, const NamedList<Tensor>& y, EvaluateOptions options) const {
  State& state = this->state();
  state.compiled_or_fail();
  check_positive("batch_size", options.batch_size);
  check_positive("steps", options.steps);
  Batch data{x, y, options.sample_weight};
  if (!state.own_test_step()) check_names(state, data, "evaluate");
  const std::unique_ptr<BatchSource> source =
      source_of(state, "evaluate", std::move(data), options.batch_size, options.steps);
  return run_evaluate(*this, *source, options);
}

Logs Model::evaluate_dataset(const Dataset& data, EvaluateOptions options) const {
  state().compiled_or_fail();
  check_positive("steps", options.steps);
  if (!options.sample_weight.empty()) {
    throw ValueError("evaluate: expected no sample_weight for a Dataset: it has its own");
  }
  DatasetSource source(data, {}, "evaluate");
  if (data.is_infinite() && !options.steps) {
    throw ValueError("evaluate: expected steps for a Dataset without an end");
  }
  internal::check_stateful("evaluate", *state().network, data, options.steps);
  return run_evaluate(*this, source, options);
}

Outputs Model::predict(const NamedList<Tensor>& x, PredictOptions options) const {
  const State& state = this->state();
  check_positive("batch_size", options.batch_size);
  check_positive("steps", options.steps);
  if (state.base == nullptr) state.inputs_of(x, "predict");
  Batch data{x, {}, {}};
  const Index samples = internal::samples_of(data, "predict", true);
  internal::check_stateful("predict", *state.network, samples, options.batch_size, options.steps);
  // No samples are one empty batch, whose outputs have no rows and the right shape.
  TensorSource source(std::move(data), samples, options.batch_size);
  return run_predict(*this, source, options);
}

Outputs Model::predict_dataset(const Dataset& data, PredictOptions options) const {
  state();
  check_positive("steps", options.steps);
  DatasetSource source(data, {}, "predict");
  if (data.is_infinite() && !options.steps) {
    throw ValueError("predict: expected steps for a Dataset without an end");
  }
  internal::check_stateful("predict", *state().network, data, options.steps);
  return run_predict(*this, source, options);
}

Logs Model::train_on_batch(const NamedList<Tensor>& x, const NamedList<Tensor>& y,
                           const NamedList<Tensor>& sample_weight,
                           const Dictionary<Index, double>& class_weight) {
  State& state = this->state();
  state.compiled_or_fail();
  Batch batch{x, y, sample_weight};
  if (!state.own_train_step()) check_names(state, batch, "train_on_batch");
  internal::samples_of(batch, "train_on_batch");
  if (!class_weight.empty()) {
    if (!sample_weight.empty()) {
      throw ValueError("train_on_batch: expected class_weight or sample_weight, got both");
    }
    batch.sample_weight = internal::weights_of_classes(y, class_weight);
  }
  state.reset_metrics();
  Model self = *this;
  Logs logs = state.train_step(self, batch);
  state.warn_if_nothing_to_train("train_on_batch");
  return logs;
}

Logs Model::test_on_batch(const NamedList<Tensor>& x, const NamedList<Tensor>& y,
                          const NamedList<Tensor>& sample_weight) const {
  State& state = this->state();
  state.compiled_or_fail();
  const Batch batch{x, y, sample_weight};
  if (!state.own_test_step()) check_names(state, batch, "test_on_batch");
  internal::samples_of(batch, "test_on_batch");
  state.reset_metrics();
  Model self = *this;
  return state.test_step(self, batch);
}

Outputs Model::predict_on_batch(const NamedList<Tensor>& x) const {
  const NoGradient no_gradient;
  const WithoutLosses no_losses;
  State& state = this->state();
  const Batch batch{x, {}, {}};
  internal::samples_of(batch, "predict_on_batch", true);
  std::vector<Tensor> outputs = state.predict_step(batch).all();
  for (Tensor& output : outputs) output = with_mask(output, {});
  return Outputs(std::move(outputs));
}

}  // namespace unspool
