#include <iostream>

#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/core/make_shared_as.h>
#include <unspool/models/early_stopping.h>
#include <unspool/models/internal/monitor.h>
#include <unspool/models/model.h>

namespace unspool {
namespace {

class Stopping final : public EarlyStoppingCallback {
 public:
  explicit Stopping(EarlyStoppingOptions options)
      : options_(std::move(options)),
        monitor_("EarlyStopping", options_.monitor, options_.mode, options_.min_delta) {
    if (options_.patience < 0) {
      throw ValueError(fmt::format("EarlyStopping: expected patience >= 0, got {}", options_.patience));
    }
  }

  Index stopped_epoch() const override { return stopped_in_.value_or(0); }
  Index best_epoch() const override { return best_epoch_; }
  std::optional<double> best() const override { return best_; }

  void on_train_begin() override {
    monitor_.begin(model());
    best_.reset();
    best_weights_.clear();
    wait_ = best_epoch_ = 0;
    stopped_in_.reset();
  }

  void on_epoch_end(Index epoch, const Logs& logs) override {
    if (epoch < options_.start_from_epoch) return;
    const std::optional<double> now = monitor_.value(logs, model());
    if (!now) return;
    ++wait_;
    if (monitor_.improves(*now, best_)) {
      best_ = now;
      best_epoch_ = epoch;
      if (options_.restore_best_weights) best_weights_ = model().get_weights();
      if (!options_.baseline || monitor_.improves(*now, options_.baseline)) wait_ = 0;
    } else if (wait_ >= options_.patience) {
      stopped_in_ = epoch;
      model().stop_training();
    }
  }

  void on_train_end() override {
    monitor_.warn_if_never_seen("training was not stopped");
    if (stopped_in_ && options_.verbose > 0) {
      std::cout << fmt::format("Epoch {}: early stopping\n", *stopped_in_ + 1);
    }
    if (best_weights_.empty()) return;
    if (options_.verbose > 0) {
      std::cout << fmt::format("Restoring model weights from the end of the best epoch: {}.\n",
                               best_epoch_ + 1);
    }
    model().set_weights(best_weights_);
  }

  Snapshot get_state() const override {
    Snapshot state =
        internal::state_with_best(Config::map({{"best_epoch", best_epoch_}, {"wait", wait_}}), best_);
    for (std::size_t i = 0; i < best_weights_.size(); ++i) {
      state.tensors.push_back({fmt::format("weights/{}", i), best_weights_[i]});
    }
    return state;
  }
  void set_state(const Snapshot& state) override {
    best_ = internal::best_of(state);
    best_epoch_ = state.config["best_epoch"].as<Index>();
    wait_ = state.config["wait"].as<Index>();
    best_weights_.clear();
    for (const NamedTensor& tensor : state.tensors) {
      if (tensor.name.starts_with("weights/")) best_weights_.push_back(tensor.tensor);
    }
  }

 private:
  EarlyStoppingOptions options_;
  internal::Monitor monitor_;
  std::optional<double> best_;
  std::vector<Tensor> best_weights_;
  Index best_epoch_ = 0;
  Index wait_ = 0;
  std::optional<Index> stopped_in_;
};

}  // namespace

std::shared_ptr<EarlyStoppingCallback> EarlyStopping(EarlyStoppingOptions options) {
  return make_shared_as<Callback, Stopping>(std::move(options));
}

}  // namespace unspool
