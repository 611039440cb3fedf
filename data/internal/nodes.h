#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include <unspool/core/callable.h>
#include <unspool/data/dataset_options.h>
#include <unspool/data/internal/node.h>

/// The sources and steps of pipelines. Arguments are checked by Dataset.
namespace unspool::internal {

/// Returns the elements of a pass, then nothing.
using ElementFunction = Callable<std::optional<Batch>()>;

/// The rows 0, ..., count - 1 of a source.
NodePointer rows_node(Index count, std::unique_ptr<const RowSource> rows);
NodePointer tensors_node(const Batch& tensors);
NodePointer function_node(Index count, Callable<Batch(Index)> function, std::uint64_t seed);
NodePointer generator_node(Callable<ElementFunction(std::uint64_t)> make, std::optional<Index> count,
                           std::uint64_t seed);
/// `weights` may be null.
NodePointer zip_node(NodePointer x, NodePointer y, NodePointer weights);

NodePointer batch_node(NodePointer upstream, Index size, bool drop_remainder);
NodePointer padded_batch_node(NodePointer upstream, Index size, const PaddedBatchOptions& options);
/// `batch_sizes` has one more than `boundaries`.
NodePointer bucket_node(NodePointer upstream, BucketOptions options);
NodePointer shuffle_node(NodePointer upstream, Index buffer_size, std::uint64_t seed, bool each_epoch);
NodePointer map_node(NodePointer upstream, Callable<Batch(const Batch&)> function, std::uint64_t seed);
NodePointer filter_node(NodePointer upstream, Callable<bool(const Batch&)> predicate, std::uint64_t seed);
NodePointer repeat_node(NodePointer upstream, std::optional<Index> times);
/// The elements first, first + step, ... below `last`.
NodePointer range_node(NodePointer upstream, Index first, Index last, Index step);
NodePointer concatenate_node(NodePointer first, NodePointer second);
NodePointer cache_node(NodePointer upstream);
NodePointer prefetch_node(NodePointer upstream, Index buffer_size);

}  // namespace unspool::internal
