#include <iostream>
#include <utility>
#include <vector>

#include <unspool/autograd/tape.h>
#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/data/internal/rows.h>
#include <unspool/models/internal/feed.h>
#include <unspool/models/internal/model.h>
#include <unspool/models/internal/stateful.h>
#include <unspool/models/internal/trainer.h>

namespace unspool::internal {

std::optional<Logs> Trainer::train_epoch(Feed& feed, Index epoch, const InterruptScope& interrupt) {
  Model::State& state = ModelAccess::state(model_);
  state.reset_metrics();
  feed.start(epoch);
  Logs logs;
  Index step = 0;
  while (!state.stop) {
    const std::optional<Batch> batch = feed.next();
    if (!batch) break;
    Logs none;
    callbacks_.call([&](Callback& callback) { callback.on_train_batch_begin(step, none); });
    logs = state.train_step(model_, *batch);
    if (step == 0 && epoch == first_epoch_) state.warn_if_nothing_to_train("fit");
    callbacks_.call([&](Callback& callback) { callback.on_train_batch_end(step, logs); });
    ++step;
    if (interrupt.interrupted()) {
      std::cerr << fmt::format(
          "fit: stopped by Ctrl-C after batch {} of epoch {}; the model keeps the weights that it has\n",
          step, epoch + 1);
      return {};
    }
  }
  if (step == 0 && !state.stop) throw ValueError("fit: expected at least one batch, got none");
  return logs;
}

void Trainer::fit(BatchSource& source, const FitPlan& plan) {
  Model::State& state = ModelAccess::state(model_);
  const InterruptScope interrupt;
  state.stop = false;
  state.initial_epoch.reset();
  Logs logs;
  callbacks_.call([&](Callback& callback) { callback.on_train_begin(logs); });
  first_epoch_ = state.initial_epoch.value_or(plan.initial_epoch);
  Feed feed(source, plan.steps_per_epoch, first_epoch_);
  for (Index epoch = first_epoch_; epoch < plan.epochs && !state.stop; ++epoch) {
    Logs none;
    callbacks_.call([&](Callback& callback) { callback.on_epoch_begin(epoch, none); });
    std::optional<Logs> trained = train_epoch(feed, epoch, interrupt);
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
      std::cerr << "fit: stopped by Ctrl-C in validation; the model keeps the weights that it has\n";
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
