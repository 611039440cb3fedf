#include <unspool/models/learning_rate_scheduler.h>
#include <unspool/models/model.h>

namespace unspool {
namespace {

class RateScheduler final : public Callback {
 public:
  explicit RateScheduler(std::function<double(Index, double)> schedule) : schedule_(std::move(schedule)) {}
  void on_epoch_begin(Index epoch) override {
    const Optimizer optimizer = model().optimizer();
    optimizer.set_learning_rate(schedule_(epoch, optimizer.learning_rate()));
  }
  void on_epoch_end(Index, Logs& logs) override {
    logs.set("learning_rate", model().optimizer().learning_rate());
  }

 private:
  std::function<double(Index, double)> schedule_;
};

}  // namespace

std::shared_ptr<Callback> LearningRateScheduler(std::function<double(Index, double)> schedule) {
  return std::make_shared<RateScheduler>(std::move(schedule));
}

}  // namespace unspool
