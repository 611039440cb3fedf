#include <cmath>
#include <iostream>

#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/models/early_stopping.h>
#include <unspool/models/model.h>

namespace unspool {
namespace {

/// Whether larger values of this name in the logs are better. Throws ValueError if no metric tells.
bool more_is_better(const Model& model, const std::string& monitor) {
  const std::string name = monitor.starts_with("val_") ? monitor.substr(4) : monitor;
  const OptionalBool told = model.more_is_better(name);
  if (told.has_value()) return told;
  throw ValueError(
      fmt::format("EarlyStopping: expected the mode \"max\" or \"min\" for {}, got \"auto\": the metric does "
                  "not tell which is better",
                  in_quotes(monitor)));
}

class Stopping final : public Callback {
 public:
  explicit Stopping(EarlyStoppingOptions options) : options_(std::move(options)) {
    if (options_.mode != "auto" && options_.mode != "min" && options_.mode != "max") {
      throw ValueError("EarlyStopping: expected the mode \"auto\", \"min\" or \"max\", got " +
                       in_quotes(options_.mode));
    }
    if (options_.patience < 0) {
      throw ValueError(fmt::format("EarlyStopping: expected patience >= 0, got {}", options_.patience));
    }
  }

  void on_train_begin() override {
    more_is_better_ =
        options_.mode == "auto" ? more_is_better(model(), options_.monitor) : options_.mode == "max";
    best_.reset();
    best_weights_.clear();
    wait_ = best_epoch_ = 0;
    stopped_in_.reset();
    seen_ = missed_ = false;
  }

  void on_epoch_end(Index epoch, Logs& logs) override {
    if (epoch < options_.start_from_epoch) return;
    if (!logs.contains(options_.monitor)) {
      check_monitor(logs);
      missed_ = true;
      return;
    }
    seen_ = true;
    const double now = logs[options_.monitor];
    ++wait_;
    if (!best_ || is_better(now, *best_)) {
      best_ = now;
      best_epoch_ = epoch;
      if (options_.restore_best_weights) best_weights_ = model().get_weights();
      if (!options_.baseline || is_better(now, *options_.baseline)) wait_ = 0;
    } else if (wait_ >= options_.patience) {
      stopped_in_ = epoch;
      model().stop_training();
    }
  }

  void on_train_end() override {
    if (missed_ && !seen_) {
      std::cerr << fmt::format(
          "EarlyStopping: {} was never in the logs, so training was not stopped; give fit() validation_data "
          "or a "
          "validation_split\n",
          in_quotes(options_.monitor));
    }
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

 private:
  bool is_better(double now, double before) const {
    const double delta = std::abs(options_.min_delta);
    return more_is_better_ ? now - delta > before : now + delta < before;
  }

  void check_monitor(const Logs& logs) const {
    const std::string& name = options_.monitor;
    if (name.starts_with("val_") && logs.contains(name.substr(4))) return;
    throw ValueError(fmt::format("EarlyStopping: expected a name in the logs ({}), got {}{}",
                                 fmt::join(logs.names(), ", "), in_quotes(name),
                                 did_you_mean(name, logs.names())));
  }

  EarlyStoppingOptions options_;
  bool more_is_better_ = false;
  std::optional<double> best_;
  std::vector<Tensor> best_weights_;
  Index best_epoch_ = 0;
  Index wait_ = 0;
  std::optional<Index> stopped_in_;
  bool seen_ = false;
  bool missed_ = false;
};

}  // namespace

std::shared_ptr<Callback> EarlyStopping(EarlyStoppingOptions options) {
  return std::make_shared<Stopping>(std::move(options));
}

}  // namespace unspool
