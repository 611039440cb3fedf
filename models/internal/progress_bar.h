#pragma once

#include <optional>

#include <unspool/models/callback.h>
#include <unspool/models/internal/progress.h>

namespace unspool::internal {

/// Prints the progress of a run, as the argument `verbose` says.
class ProgressBar final : public Callback {
 public:
  void on_train_begin() override { in_fit_ = true; }
  void on_epoch_begin(Index epoch) override;
  void on_train_batch_end(Index batch, const Logs& logs) override { update(batch, logs); }
  void on_epoch_end(Index, const Logs& logs) override { finish(logs); }
  void on_train_end() override { progress_.reset(); }

  // Validation within fit() is silent.
  void on_test_begin() override {
    if (!in_fit_) start();
  }
  void on_test_batch_end(Index batch, const Logs& logs) override {
    if (!in_fit_) update(batch, logs);
  }
  void on_test_end(const Logs& logs) override {
    if (!in_fit_) finish(logs);
  }

  void on_predict_begin() override { start(); }
  void on_predict_batch_end(Index batch, const Logs& logs) override { update(batch, logs); }
  void on_predict_end(const Logs& logs) override { finish(logs); }

 private:
  void start();
  void update(Index batch, const Logs& logs);
  void finish(const Logs& logs);

  bool in_fit_ = false;
  Index done_ = 0;
  std::optional<Index> steps_;  ///< Known from the end of the first epoch on.
  std::optional<Progress> progress_;
};

}  // namespace unspool::internal
