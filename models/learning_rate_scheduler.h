#pragma once

#include <memory>

#include <unspool/core/callable.h>
#include <unspool/models/callback.h>

namespace unspool {

/// Keras' arguments of LearningRateScheduler(), after the schedule.
struct LearningRateSchedulerOptions {
  int verbose = 0;  ///< 1: prints each learning rate.
};

/// A callback that sets the learning rate to schedule(epoch, current rate) at the start of each epoch, and
/// adds "learning_rate" to the logs. Throws ValueError for an empty schedule; fit() throws TypeError if the
/// optimizer has a schedule of its own.
std::shared_ptr<Callback> LearningRateScheduler(Callable<double(Index epoch, double learning_rate)> schedule,
                                                LearningRateSchedulerOptions options = {});

}  // namespace unspool
