#include <algorithm>
#include <iostream>
#include <utility>
#include <vector>

#include <unspool/autograd/tape.h>
#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/data/internal/rows.h>
#include <unspool/models/internal/feed.h>
#include <unspool/models/internal/kept_model.h>
#include <unspool/models/internal/model.h>
#include <unspool/models/internal/stateful.h>
#include <unspool/models/internal/trainer.h>

namespace unspool::internal {

namespace {

/// Says which call of fit() runs, while it lives.
class RunScope {
 public:
  RunScope(Model::State& state, FitRun& run) : state_(state), outer_(std::exchange(state.run, &run)) {}
  ~RunScope() { state_.run = outer_; }
  RunScope(const RunScope&) = delete;
  RunScope& operator=(const RunScope&) = delete;

 private:
  Model::State& state_;
  FitRun* outer_;
};

}  // namespace

void Trainer::skip_batches(Feed& feed, FitRun& run) {
  const FitRun::Resume resume = *std::exchange(run.resume, {});
  std::optional<Batch> last;
  for (run.batch = 0; run.batch < resume.batch; ++run.batch) {
    last = feed.next();
    if (!last) {
      throw ValueError(
          fmt::format("fit: expected the data of the run that goes on, with {} batches or more, got {}",
                      resume.batch, run.batch));
    }
  }
  if (!last) return;
  Model::State& state = ModelAccess::state(model_);
  // Some metrics know the shape of their state after a batch only.
  if (!state.fits_metrics_state(resume.metrics)) {
    const KeptStates states(*state.network);
    const KeptGenerators generators(*state.network);
    state.test_step(model_, *last);
  }
  state.set_metrics_state(resume.metrics);
}

std::optional<Logs> Trainer::train_epoch(Feed& feed, FitRun& run, const InterruptScope& interrupt) {
  Model::State& state = ModelAccess::state(model_);
  state.reset_metrics();
  feed.start(run.epoch);
  run.batch = 0;
  if (run.resume) skip_batches(feed, run);
  const Index epoch = run.epoch;
  Index& step = run.batch;
  Logs logs;
  while (!state.stop) {
    const std::optional<Batch> batch = feed.next();
    if (!batch) break;
    Logs none;
    run.phase = FitRun::Phase::between;
    callbacks_.call([&](Callback& callback) { callback.on_train_batch_begin(step, none); });
    run.phase = FitRun::Phase::busy;
    run.data = &*batch;
    logs = state.train_step(model_, *batch);
    if (step == 0 && epoch == first_epoch_) state.warn_if_nothing_to_train("fit");
    callbacks_.call([&](Callback& callback) { callback.on_train_batch_end(step, logs); });
    run.data = nullptr;
    ++step;
    if (interrupt.interrupted()) {
      stopped_ = fmt::format("after batch {} of epoch {}", step, epoch + 1);
      return {};
    }
  }
  if (step == 0 && !state.stop) throw ValueError("fit: expected at least one batch, got none");
  return logs;
}

void Trainer::restore_callbacks(const FitRun& run) const {
  const FitRun::Resume& resume = *run.resume;
  for (std::size_t i = 0; i < resume.callbacks.size(); ++i) {
    const Snapshot& state = resume.callbacks[i];
    if (!state.config.is_null() || !state.tensors.empty()) callbacks_.all()[i]->set_state(state);
  }
}

void Trainer::skip_epochs(Feed& feed, FitRun& run, const FitPlan& plan) {
  run.epoch = run.resume->epoch;
  if (!plan.steps_per_epoch) return;
  // Epochs share passes over the data, so the batches of the epochs before are read.
  for (Index epoch = first_epoch_; epoch < std::min(run.epoch, plan.epochs); ++epoch) {
    feed.start(epoch);
    while (feed.next()) {
    }
  }
}

bool Trainer::fit(BatchSource& source, const FitPlan& plan) {
  Model::State& state = ModelAccess::state(model_);
  const InterruptScope interrupt;
  state.stop = false;
  FitRun run{.callbacks = callbacks_};
  const RunScope scope(state, run);
  Logs logs;
  callbacks_.call([&](Callback& callback) { callback.on_train_begin(logs); });
  first_epoch_ = run.epoch = plan.initial_epoch;
  if (run.resume) restore_callbacks(run);
  Feed feed(source, plan.steps_per_epoch, first_epoch_);
  if (run.resume) skip_epochs(feed, run, plan);
  for (Index& epoch = run.epoch; epoch < plan.epochs && !state.stop; ++epoch) {
    if (interrupt.interrupted()) {
      stopped_ = fmt::format("before epoch {}", epoch + 1);
      break;
    }
    run.batch = run.resume ? run.resume->batch : 0;
    Logs none;
    run.phase = FitRun::Phase::between;
    callbacks_.call([&](Callback& callback) { callback.on_epoch_begin(epoch, none); });
    run.phase = FitRun::Phase::busy;
    std::optional<Logs> trained = train_epoch(feed, run, interrupt);
    if (!trained) break;
    if (plan.validation != nullptr && (epoch + 1) % plan.validation_freq == 0) {
      // Training goes on from the states that it stopped with.
      const KeptStates kept(*state.network);
      const std::optional<Logs> found = test(*plan.validation, plan.validation_steps, &interrupt);
      if (!found) break;
      for (const auto& [name, value] : *found) trained->set("val_" + name, value);
    }
    logs = std::move(*trained);
    callbacks_.call([&](Callback& callback) { callback.on_epoch_end(epoch, logs); });
  }
  state.compiled_or_fail().options.optimizer.finalize_variable_values();
  callbacks_.call([&](Callback& callback) { callback.on_train_end(logs); });
  // Not earlier: a callback may have had the terminal for itself.
  if (!stopped_.empty()) {
    std::cerr << fmt::format("fit: stopped by Ctrl-C {}; the model keeps the weights that it has\n",
                             stopped_);
  }
  return interrupt.interrupted();
}

std::optional<Logs> Trainer::test(BatchSource& source, std::optional<Index> steps,
                                  const InterruptScope* interrupt) {
  Model::State& state = ModelAccess::state(model_);
  Logs logs;
  callbacks_.call([&](Callback& callback) { callback.on_test_begin(logs); });
  state.reset_metrics();
  source.start(0);
  for (Index step = 0; step != steps; ++step) {
    const std::optional<Batch> batch = source.next();
    if (!batch) {
      if (step == 0) throw ValueError("evaluate: expected at least one batch, got none");
      break;
    }
    Logs none;
    callbacks_.call([&](Callback& callback) { callback.on_test_batch_begin(step, none); });
    logs = state.test_step(model_, *batch);
    callbacks_.call([&](Callback& callback) { callback.on_test_batch_end(step, logs); });
    if (interrupt != nullptr && interrupt->interrupted()) {
      stopped_ = "in validation";
      return {};
    }
  }
  callbacks_.call([&](Callback& callback) { callback.on_test_end(logs); });
  return logs;
}

Logs Trainer::evaluate(BatchSource& source, std::optional<Index> steps) {
  return *test(source, steps, nullptr);
}

Outputs Trainer::predict(BatchSource& source, std::optional<Index> steps) {
  Model::State& state = ModelAccess::state(model_);
  const NoGradient no_gradient;
  const WithoutLosses no_losses;
  Logs logs;
  callbacks_.call([&](Callback& callback) { callback.on_predict_begin(logs); });
  source.start(0);
  std::vector<std::vector<Tensor>> parts;  // For each output, those of all batches.
  for (Index step = 0; step != steps; ++step) {
    const std::optional<Batch> batch = source.next();
    if (!batch) break;
    callbacks_.call([&](Callback& callback) { callback.on_predict_batch_begin(step, logs); });
    const Outputs outputs = state.predict_step(*batch);
    parts.resize(outputs.all().size());
    for (std::size_t i = 0; i < parts.size(); ++i) parts[i].push_back(with_mask(outputs.all()[i], {}));
    callbacks_.call([&](Callback& callback) {
      callback.set_outputs(&outputs);
      callback.on_predict_batch_end(step, logs);
      callback.set_outputs(nullptr);
    });
  }
  if (parts.empty()) throw ValueError("predict: expected at least one batch, got none");
  std::vector<Tensor> joined;
  for (const std::vector<Tensor>& part : parts) joined.push_back(join_rows(part));
  callbacks_.call([&](Callback& callback) { callback.on_predict_end(logs); });
  return Outputs(std::move(joined));
}

}  // namespace unspool::internal
