#include <iostream>

#include <unspool/core/internal/format.h>
#include <unspool/models/internal/feed.h>

namespace unspool::internal {

Feed::Feed(BatchSource& source, std::optional<Index> steps_per_epoch, Index initial_epoch)
    : source_(source), steps_per_epoch_(steps_per_epoch) {
  const std::optional<Index> size = source_.steps();
  if (!steps_per_epoch_ || initial_epoch == 0 || !size || *size == 0) {
    pass_ = initial_epoch;
    return;
  }
  // Where a run from epoch 0 would be.
  const Index epochs_per_pass = (*size + *steps_per_epoch_ - 1) / *steps_per_epoch_;
  pass_ = initial_epoch / epochs_per_pass;
  const Index skipped = initial_epoch % epochs_per_pass * *steps_per_epoch_;
  if (skipped == 0) return;
  start_pass();
  while (seen_ < skipped && source_.next()) ++seen_;
}

void Feed::start_pass() {
  source_.start(pass_++);
  in_pass_ = true;
  seen_ = 0;
}

void Feed::start(Index epoch) {
  done_ = 0;
  if (!steps_per_epoch_) {
    pass_ = epoch;
    start_pass();
  } else if (!in_pass_) {
    start_pass();
  }
}

std::optional<Batch> Feed::next() {
  if (!in_pass_ || done_ == steps_per_epoch_) return {};
  std::optional<Batch> batch = source_.next();
  if (!batch && steps_per_epoch_ && done_ == 0 && seen_ > 0) {
    // The last epoch took all data, whose number was not known.
    start_pass();
    batch = source_.next();
  }
  if (!batch) {
    in_pass_ = false;
    if (steps_per_epoch_ && !warned_) {
      std::cerr << fmt::format(
          "fit: expected {} batches for an epoch (steps_per_epoch), got {}, so the epoch ended early: use a "
          "Dataset with repeat(), or fewer steps_per_epoch\n",
          *steps_per_epoch_, done_);
      warned_ = true;
    }
    return {};
  }
  ++seen_;
  ++done_;
  if (seen_ == source_.steps() && done_ == steps_per_epoch_) in_pass_ = false;
  return batch;
}

std::optional<Index> Feed::steps() const { return steps_per_epoch_ ? steps_per_epoch_ : source_.steps(); }

}  // namespace unspool::internal
