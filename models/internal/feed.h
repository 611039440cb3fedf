#pragma once

#include <optional>

#include <unspool/models/internal/source.h>

namespace unspool::internal {

/// The batches of one epoch after the other. Without steps_per_epoch an epoch is a pass over the data. With
/// it epochs share a pass, as in Keras: an epoch goes on where the last one stopped; where the data end in
/// the middle of an epoch the epoch ends, too, and the next one starts a new pass.
class Feed {
 public:
  Feed(BatchSource& source, std::optional<Index> steps_per_epoch, Index initial_epoch);
  /// Starts the next epoch.
  void start(Index epoch);
  /// The next batch of the epoch; nothing at its end.
  std::optional<Batch> next();
  /// The number of batches in an epoch, if it is known.
  std::optional<Index> steps() const;

 private:
  void start_pass();

  BatchSource& source_;
  std::optional<Index> steps_per_epoch_;
  Index pass_ = 0;  ///< The number of the next pass.
  bool in_pass_ = false;
  Index seen_ = 0;  ///< Batches of the pass.
  Index done_ = 0;  ///< Batches of the epoch.
  bool warned_ = false;
};

}  // namespace unspool::internal
