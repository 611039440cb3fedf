#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <unspool/models/internal/callback_list.h>
#include <unspool/models/internal/fit_run.h>
#include <unspool/models/internal/interrupt.h>
#include <unspool/models/internal/source.h>
#include <unspool/models/model.h>

namespace unspool::internal {

class Feed;

/// What fit() runs over.
struct FitPlan {
  Index epochs = 1;
  Index initial_epoch = 0;
  std::optional<Index> steps_per_epoch = {};
  BatchSource* validation = nullptr;  ///< Null without validation.
  std::optional<Index> validation_steps = {};
  Index validation_freq = 1;
};

/// Runs the steps of a model over the batches of a source, and calls the hooks of callbacks. It neither
/// prints nor records: callbacks do.
class Trainer {
 public:
  Trainer(Model& model, const CallbackList& callbacks) : model_(model), callbacks_(callbacks) {}

  /// Returns whether Ctrl-C ended training.
  bool fit(BatchSource& source, const FitPlan& plan);
  Logs evaluate(BatchSource& source, std::optional<Index> steps);
  Outputs predict(BatchSource& source, std::optional<Index> steps);

 private:
  /// The logs of the last step; nothing if Ctrl-C cut the epoch off.
  std::optional<Logs> train_epoch(Feed& feed, FitRun& run, const InterruptScope& interrupt);
  /// Skips the batches that were done before, and gives the metrics what they had counted.
  void skip_batches(Feed& feed, FitRun& run);
  /// Gives the callbacks what they remembered in the run that goes on.
  void restore_callbacks(const FitRun& run) const;
  /// Skips the epochs that were done before.
  void skip_epochs(Feed& feed, FitRun& run, const FitPlan& plan);
  /// The logs of the last step; nothing if Ctrl-C cut the evaluation off.
  std::optional<Logs> test(BatchSource& source, std::optional<Index> steps, const InterruptScope* interrupt);

  Model& model_;
  const CallbackList& callbacks_;
  Index first_epoch_ = 0;
  /// Where Ctrl-C ended training; empty if it did not.
  std::string stopped_;
};

}  // namespace unspool::internal
