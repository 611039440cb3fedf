#pragma once

#include <optional>
#include <vector>

#include <unspool/data/batch.h>
#include <unspool/models/internal/callback_list.h>
#include <unspool/serialization/snapshot.h>

namespace unspool::internal {

/// A call of fit() that runs.
struct FitRun {
  /// What it goes on with, in place of its first epoch and batch.
  struct Resume {
    Index epoch = 0;
    Index batch = 0;
    std::vector<Tensor> metrics = {};
    std::vector<Snapshot> callbacks = {};
  };

  enum class Phase {
    starting,  ///< In on_train_begin().
    between,   ///< In on_epoch_begin() or on_train_batch_begin(): all is done with the batch before.
    busy,
  };

  const CallbackList& callbacks;
  Phase phase = Phase::starting;
  Index epoch = 0;  ///< The epoch that runs.
  Index batch = 0;  ///< The number of batches of the epoch that are done.
  /// The batch of the step that runs or has just run; null outside of steps and on_train_batch_end().
  const Batch* data = nullptr;
  std::optional<Resume> resume = {};
};

}  // namespace unspool::internal
