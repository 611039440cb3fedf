#include <iostream>

#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/core/make_shared_as.h>
#include <unspool/models/learning_rate_scheduler.h>
#include <unspool/models/model.h>

namespace unspool {
namespace {

using RateSchedule = Callable<double(Index, double)>;

class RateScheduler final : public Callback {
 public:
  RateScheduler(RateSchedule schedule, LearningRateSchedulerOptions options)
      : schedule_(std::move(schedule)), options_(options) {
    if (!schedule_) throw ValueError("LearningRateScheduler: expected a schedule, got an empty function");
  }
  void on_epoch_begin(Index epoch) override {
    const Optimizer optimizer = model().optimizer();
    const double rate = schedule_(epoch, optimizer.learning_rate());
    optimizer.set_learning_rate(rate);
    if (options_.verbose > 0) {
      std::cout << fmt::format("\nEpoch {}: LearningRateScheduler setting learning rate to {}.\n", epoch + 1,
                               rate);
    }
  }
  void on_epoch_end(Index, Logs& logs) override {
    logs.set("learning_rate", model().optimizer().learning_rate());
  }

 private:
  RateSchedule schedule_;
  LearningRateSchedulerOptions options_;
};

}  // namespace

std::shared_ptr<Callback> LearningRateScheduler(RateSchedule schedule, LearningRateSchedulerOptions options) {
  return make_shared_as<Callback, RateScheduler>(std::move(schedule), options);
}

}  // namespace unspool
