#pragma once

#include <memory>

#include <unspool/models/callback.h>

namespace unspool {

/// Keras' arguments of TerminateOnNaN().
struct TerminateOnNaNOptions {
  /// Whether fit() throws RuntimeError in place of stopping with a message.
  bool raise_error = false;
};

/// A callback that stops training after a batch whose loss is NaN or infinite. The message says which layer
/// was the first to give such a value; to that end the outputs of all layers are kept until the end of the
/// batch.
std::shared_ptr<Callback> TerminateOnNaN(TerminateOnNaNOptions options = {});

}  // namespace unspool
