#pragma once

#include <unspool/models/callback.h>

namespace unspool::internal {

/// Records the logs of each epoch.
class HistoryRecorder final : public Callback {
 public:
  explicit HistoryRecorder(History& history) : history_(history) {}
  void on_epoch_end(Index epoch, const Logs& logs) override {
    history_.epoch.push_back(epoch);
    for (const auto& [name, value] : logs) history_.history.get_or_add(name).push_back(value);
  }
  Snapshot get_state() const override;
  void set_state(const Snapshot& state) override;

 private:
  History& history_;
};

}  // namespace unspool::internal
