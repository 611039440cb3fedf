#include <algorithm>
#include <string>
#include <string_view>

#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/core/random.h>
#include <unspool/data/dataset.h>
#include <unspool/data/internal/nodes.h>

namespace unspool {

using internal::DataNode;
using internal::NodePointer;

namespace {

void check_at_least(Index least, Index value, std::string_view where, std::string_view name) {
  if (value < least)
    throw ValueError(fmt::format("Dataset::{}: expected {} >= {}, got {}", where, name, least, value));
}

std::uint64_t new_seed() { return random_bits(next_random_key(), 0); }

}  // namespace

DatasetIterator::DatasetIterator(std::shared_ptr<const DataNode> node, std::uint64_t epoch)
    : node_(std::move(node)), pass_(node_->pass(epoch)) {}
DatasetIterator::DatasetIterator(DatasetIterator&& other) noexcept = default;
DatasetIterator& DatasetIterator::operator=(DatasetIterator&& other) noexcept {
  // A pass must end before its node.
  pass_ = std::move(other.pass_);
  node_ = std::move(other.node_);
  return *this;
}
DatasetIterator::~DatasetIterator() { pass_.reset(); }

std::optional<Batch> DatasetIterator::next() {
  if (!pass_) return {};
  // Until the element is complete, the pass counts as ended: an error leaves it so.
  std::shared_ptr<internal::DataPass> pass = std::move(pass_);
  internal::Item item;
  if (!pass->next(item)) return {};
  Batch element = internal::value_of(*node_, std::move(item));
  pass_ = std::move(pass);
  return element;
}

Index DatasetIterator::skip(Index count) {
  Index skipped = 0;
  std::shared_ptr<internal::DataPass> pass = std::move(pass_);
  for (; pass && skipped < count; ++skipped) {
    internal::Item item;
    if (!pass->next(item)) return skipped;
  }
  pass_ = std::move(pass);
  return skipped;
}

Dataset::Dataset(NamedList<Tensor> x, NamedList<Tensor> y, NamedList<Tensor> sample_weight)
    : node_(internal::tensors_node({std::move(x), std::move(y), std::move(sample_weight)})) {}

Dataset Dataset::from_tensor_slices(NamedList<Tensor> x, NamedList<Tensor> y,
                                    NamedList<Tensor> sample_weight) {
  return Dataset(std::move(x), std::move(y), std::move(sample_weight));
}

Dataset Dataset::from_function(Index count, Callable<Batch(Index)> function) {
  check_at_least(0, count, "from_function", "count");
  if (!function) throw ValueError("Dataset::from_function: expected a function, got an empty one");
  return Dataset(internal::function_node(count, std::move(function), new_seed()));
}

Dataset Dataset::endless(Callable<Batch()> function) {
  return generated(
      [function = std::move(function)](std::uint64_t) -> Generator {
        return [function]() -> std::optional<Batch> { return function(); };
      },
      std::nullopt);
}
Dataset Dataset::generated(Callable<Generator(std::uint64_t)> make, std::optional<Index> size) {
  if (size) check_at_least(0, *size, "from_generator", "size");
  return Dataset(internal::generator_node(std::move(make), size, new_seed()));
}

Dataset Dataset::zip(const Dataset& x, const Dataset& y, const Dataset& sample_weight) {
  return Dataset(internal::zip_node(x.node(), y.node(), sample_weight ? sample_weight.node() : nullptr));
}

Dataset Dataset::batch(Index batch_size, BatchOptions options) const {
  check_at_least(1, batch_size, "batch", "batch_size");
  return Dataset(internal::batch_node(node(), batch_size, options.drop_remainder));
}

Dataset Dataset::padded_batch(Index batch_size, PaddedBatchOptions options) const {
  check_at_least(1, batch_size, "padded_batch", "batch_size");
  if (options.length) check_at_least(0, *options.length, "padded_batch", "length");
  return Dataset(internal::padded_batch_node(node(), batch_size, options));
}

Dataset Dataset::bucket_by_length(BucketOptions options) const {
  if (!std::is_sorted(options.boundaries.begin(), options.boundaries.end()))
    throw ValueError("Dataset::bucket_by_length: expected boundaries in increasing order");
  const std::size_t buckets = options.boundaries.size() + 1;
  if (options.batch_sizes.size() == 1) options.batch_sizes.resize(buckets, options.batch_sizes.front());
  if (options.batch_sizes.size() != buckets) {
    throw ValueError(
        fmt::format("Dataset::bucket_by_length: expected one batch size, or {} for {} boundaries, got {}",
                    buckets, options.boundaries.size(), options.batch_sizes.size()));
  }
  for (const Index size : options.batch_sizes) check_at_least(1, size, "bucket_by_length", "batch_sizes");
  return Dataset(internal::bucket_node(node(), std::move(options)));
}

Dataset Dataset::shuffle(Index buffer_size, ShuffleOptions options) const {
  check_at_least(1, buffer_size, "shuffle", "buffer_size");
  const std::uint64_t seed = options.seed ? static_cast<std::uint64_t>(*options.seed) : new_seed();
  return Dataset(internal::shuffle_node(node(), buffer_size, seed, options.reshuffle_each_iteration));
}

Dataset Dataset::shuffle(Index buffer_size, std::int64_t seed) const {
  return shuffle(buffer_size, {.seed = seed});
}

Dataset Dataset::mapped(Map function) const {
  if (!function) throw ValueError("Dataset::map: expected a function, got an empty one");
  return Dataset(internal::map_node(node(), std::move(function), new_seed()));
}

Dataset Dataset::filter(Predicate predicate) const {
  if (!predicate) throw ValueError("Dataset::filter: expected a function, got an empty one");
  return Dataset(internal::filter_node(node(), std::move(predicate), new_seed()));
}

Dataset Dataset::repeat(std::optional<Index> count) const {
  if (count) check_at_least(0, *count, "repeat", "count");
  return Dataset(internal::repeat_node(node(), count));
}

Dataset Dataset::take(Index count) const {
  check_at_least(0, count, "take", "count");
  return Dataset(internal::range_node(node(), 0, count, 1));
}

Dataset Dataset::skip(Index count) const {
  check_at_least(0, count, "skip", "count");
  return Dataset(internal::range_node(node(), count, DataNode::infinite, 1));
}

Dataset Dataset::shard(Index shards, Index index) const {
  check_at_least(1, shards, "shard", "shards");
  check_at_least(0, index, "shard", "index");
  if (index >= shards)
    throw ValueError(fmt::format("Dataset::shard: expected index < shards = {}, got {}", shards, index));
  return Dataset(internal::range_node(node(), index, DataNode::infinite, shards));
}

Dataset Dataset::concatenate(const Dataset& other) const {
  return Dataset(internal::concatenate_node(node(), other.node()));
}

Dataset Dataset::cache() const { return Dataset(internal::cache_node(node())); }

Dataset Dataset::prefetch(Index buffer_size) const {
  check_at_least(1, buffer_size, "prefetch", "buffer_size");
  return Dataset(internal::prefetch_node(node(), buffer_size));
}

DatasetIterator Dataset::iterate(std::uint64_t epoch) const { return DatasetIterator(node(), epoch); }
DatasetIterator Dataset::iterate() const { return iterate(node()->next_epoch()); }

std::optional<Index> Dataset::size() const {
  const std::optional<Index> count = node()->count();
  return count == DataNode::infinite ? std::nullopt : count;
}

bool Dataset::is_infinite() const { return node()->count() == DataNode::infinite; }
OptionalBool Dataset::batched() const { return node()->batched(); }

const Tensor& Dataset::only(const NamedList<Tensor>& list, const char* what) {
  if (list.size() != 1)
    throw ValueError(
        fmt::format("Dataset::map: expected one tensor {}, got {}: take a Batch", what, list.size()));
  return list[0];
}

const std::shared_ptr<const DataNode>& Dataset::node() const {
  if (!node_) throw ValueError("expected a Dataset with a source, got an empty one");
  return node_;
}

Dataset::Iterator::Iterator(DatasetIterator pass) : pass_(std::move(pass)) { ++*this; }
Dataset::Iterator& Dataset::Iterator::operator++() {
  std::optional<Batch> next = pass_.next();
  element_ = next ? std::make_shared<const Batch>(*std::move(next)) : nullptr;
  return *this;
}

}  // namespace unspool
