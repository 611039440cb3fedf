#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include <unspool/core/callable.h>
#include <unspool/core/shape.h>
#include <unspool/data/batch.h>

namespace unspool {

/// The arguments of Dataset::batch().
struct BatchOptions {
  bool drop_remainder = false;  ///< Whether to leave out a last batch that is smaller.
};

/// The arguments of Dataset::padded_batch().
struct PaddedBatchOptions {
  double padding_value = 0;          ///< For x and y. Masking(0) and Embedding with mask_zero expect 0.
  std::optional<Index> length = {};  ///< Pads to this length, not to the longest sample of the batch.
  /// Whether to attach a mask to x, (batch, time), which layers use as they do that of Masking. Then the
  /// padding value may be a value of the data, too.
  bool mask = false;
  /// Whether to make sample weights, (batch, time), that are 0 for the padding of y.
  bool weights = false;
  bool drop_remainder = false;  ///< Whether to leave out a last batch that is smaller.
};

/// The arguments of Dataset::shuffle().
struct ShuffleOptions {
  /// Equal seeds give equal orders. Default: from the process-wide generator, see set_random_seed().
  std::optional<std::int64_t> seed = {};
  bool reshuffle_each_iteration = true;  ///< Whether each epoch has an order of its own.
};

/// The arguments of Dataset::bucket_by_length().
struct BucketOptions {
  /// The upper bounds of the lengths of all buckets but the last: {10, 20} makes buckets of lengths below 10,
  /// from 10 to 19, and from 20 on.
  std::vector<Index> boundaries = {};
  /// The batch size of each bucket, one more than boundaries; one number stands for all.
  std::vector<Index> batch_sizes = {};
  /// The length of a sample. Default: the size of the first axis of its first input.
  Callable<Index(const Batch&)> length = {};
  PaddedBatchOptions padding = {};  ///< How the samples of a batch are padded.
};

}  // namespace unspool
