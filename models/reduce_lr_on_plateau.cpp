#include <algorithm>
#include <iostream>
#include <optional>

#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/core/make_shared_as.h>
#include <unspool/models/internal/monitor.h>
#include <unspool/models/model.h>
#include <unspool/models/reduce_lr_on_plateau.h>

namespace unspool {
namespace {

class PlateauReducer final : public Callback {
 public:
  explicit PlateauReducer(ReduceLROnPlateauOptions options)
      : options_(std::move(options)),
        monitor_("ReduceLROnPlateau", options_.monitor, options_.mode, options_.min_delta) {
    if (!(options_.factor < 1)) {
      throw ValueError(fmt::format("ReduceLROnPlateau: expected factor < 1, got {}", options_.factor));
    }
  }

  void on_train_begin() override {
    monitor_.begin(model());
    best_.reset();
    wait_ = cooldown_ = 0;
  }

  void on_epoch_end(Index epoch, Logs& logs) override {
    logs.set("learning_rate", model().optimizer().learning_rate());
    const std::optional<double> now = monitor_.value(logs, model());
    if (!now) return;
    if (cooldown_ > 0) {
      --cooldown_;
      wait_ = 0;
    }
    if (monitor_.improves(*now, best_)) {
      best_ = now;
      wait_ = 0;
    } else if (cooldown_ == 0 && ++wait_ >= options_.patience) {
      reduce(epoch);
    }
  }

  void on_train_end() override { monitor_.warn_if_never_seen("the learning rate was not reduced"); }

  Snapshot get_state() const override {
    return internal::state_with_best(Config::map({{"wait", wait_}, {"cooldown", cooldown_}}), best_);
  }
  void set_state(const Snapshot& state) override {
    best_ = internal::best_of(state);
    wait_ = state.config["wait"].as<Index>();
    cooldown_ = state.config["cooldown"].as<Index>();
  }

 private:
  void reduce(Index epoch) {
    const Optimizer optimizer = model().optimizer();
    const double before = optimizer.learning_rate();
    if (!(before > static_cast<double>(static_cast<float>(options_.min_lr)))) return;
    const double rate = std::max(before * options_.factor, options_.min_lr);
    optimizer.set_learning_rate(rate);
    if (options_.verbose > 0) {
      std::cout << fmt::format("\nEpoch {}: ReduceLROnPlateau reducing learning rate to {}.\n", epoch + 1,
                               rate);
    }
    cooldown_ = options_.cooldown;
    wait_ = 0;
  }

  ReduceLROnPlateauOptions options_;
  internal::Monitor monitor_;
  std::optional<double> best_;
  Index wait_ = 0;
  Index cooldown_ = 0;
};

}  // namespace

std::shared_ptr<Callback> ReduceLROnPlateau(ReduceLROnPlateauOptions options) {
  return make_shared_as<Callback, PlateauReducer>(std::move(options));
}

}  // namespace unspool
