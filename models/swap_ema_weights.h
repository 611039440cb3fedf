#pragma once

#include <memory>

#include <unspool/models/callback.h>

namespace unspool {

/// Keras' arguments of SwapEMAWeights().
struct SwapEMAWeightsOptions {
  /// Whether the model also has the averages from the end of an epoch to the start of the next one, so that
  /// callbacks that come later, such as ModelCheckpoint(), see them.
  bool swap_on_epoch = false;
};

/// A callback that evaluates and predicts with the moving averages of the weights, which the optimizer keeps
/// with use_ema, and puts the trained weights back for the next step. fit() throws ValueError if the
/// optimizer keeps no averages.
std::shared_ptr<Callback> SwapEMAWeights(SwapEMAWeightsOptions options = {});

}  // namespace unspool
