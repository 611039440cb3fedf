#pragma once

#include <functional>
#include <memory>

#include <unspool/models/callback.h>

namespace unspool {

/// A callback that sets the learning rate to schedule(epoch, current rate) at the start of each epoch, and
/// adds "learning_rate" to the logs.
std::shared_ptr<Callback> LearningRateScheduler(
    std::function<double(Index epoch, double learning_rate)> schedule);

}  // namespace unspool
