#include <algorithm>
#include <utility>

#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/core/make_shared_as.h>
#include <unspool/data/internal/nodes.h>
#include <unspool/data/internal/stack.h>

namespace unspool::internal {

namespace {

Index batches_of(Index count, Index size, bool drop_remainder) {
  return drop_remainder ? count / size : count / size + (count % size != 0 ? 1 : 0);
}

/// Moves the elements of items out of them, whose rows are read from `rows`.
std::vector<Batch> values_of(std::span<Item> items, const DataNode& node) {
  std::vector<Batch> samples;
  samples.reserve(items.size());
  for (Item& item : items) samples.push_back(value_of(node, std::move(item)));
  return samples;
}

/// Batches of so many elements; `Combine` makes a batch of a span of items.
template <class Combine>
class BatchNode final : public DataNode {
 public:
  BatchNode(NodePointer upstream, Index size, bool drop_remainder, Combine combine)
      : upstream_(std::move(upstream)),
        size_(size),
        drop_remainder_(drop_remainder),
        combine_(std::move(combine)) {}
  std::unique_ptr<DataPass> pass(std::uint64_t epoch) const override {
    return std::make_unique<Pass>(*this, epoch);
  }
  std::optional<Index> count() const override {
    const std::optional<Index> count = upstream_->count();
    return count && *count != infinite ? batches_of(*count, size_, drop_remainder_) : count;
  }
  OptionalBool batched() const override { return true; }

 private:
  class Pass final : public DataPass {
   public:
    Pass(const BatchNode& node, std::uint64_t epoch) : node_(node), upstream_(node.upstream_->pass(epoch)) {}
    bool next(Item& item) override {
      if (ended_) return false;
      items_.clear();
      while (static_cast<Index>(items_.size()) < node_.size_ && !ended_) {
        if (!upstream_->next(items_.emplace_back())) {
          items_.pop_back();
          ended_ = true;
        }
      }
      if (items_.empty() || (node_.drop_remainder_ && static_cast<Index>(items_.size()) < node_.size_))
        return false;
      item.value = std::make_unique<Batch>(node_.combine_(*node_.upstream_, std::span(items_)));
      return true;
    }

   private:
    const BatchNode& node_;
    std::unique_ptr<DataPass> upstream_;
    std::vector<Item> items_;
    bool ended_ = false;
  };

  NodePointer upstream_;
  Index size_;
  bool drop_remainder_;
  Combine combine_;
};

template <class Combine>
NodePointer batches(NodePointer upstream, Index size, bool drop_remainder, Combine combine) {
  return make_shared_as<DataNode, BatchNode<Combine>>(std::move(upstream), size, drop_remainder,
                                                      std::move(combine));
}

Padding padding_of(const PaddedBatchOptions& options) {
  return {options.padding_value, options.length, options.mask, options.weights};
}

Index length_of(const Batch& sample) {
  if (sample.x.empty() || !sample.x[0] || sample.x[0].rank() == 0) {
    throw ValueError(
        fmt::format("bucket_by_length: expected samples whose first input has a time axis, got {}: give "
                    ".length, a function",
                    sample.x.empty() ? "no input" : describe(sample.x[0])));
  }
  return sample.x[0].shape().front();
}

class BucketNode final : public DataNode {
 public:
  BucketNode(NodePointer upstream, BucketOptions options)
      : upstream_(std::move(upstream)),
        options_(std::move(options)),
        padding_(padding_of(options_.padding)) {}
  std::unique_ptr<DataPass> pass(std::uint64_t epoch) const override {
    return std::make_unique<Pass>(*this, epoch);
  }
  std::optional<Index> count() const override {
    return upstream_->count() == infinite ? std::optional(infinite) : std::nullopt;
  }
  OptionalBool batched() const override { return true; }

 private:
  class Pass final : public DataPass {
   public:
    Pass(const BucketNode& node, std::uint64_t epoch)
        : node_(node), upstream_(node.upstream_->pass(epoch)), buckets_(node.options_.batch_sizes.size()) {}

    bool next(Item& item) override {
      const BucketOptions& options = node_.options_;
      while (!ended_) {
        Item one;
        if (!upstream_->next(one)) {
          ended_ = true;
          break;
        }
        Batch sample = value_of(*node_.upstream_, std::move(one));
        const Index length = options.length ? options.length(sample) : length_of(sample);
        const auto k = static_cast<std::size_t>(
            std::upper_bound(options.boundaries.begin(), options.boundaries.end(), length) -
            options.boundaries.begin());
        buckets_[k].push_back(std::move(sample));
        if (static_cast<Index>(buckets_[k].size()) == options.batch_sizes[k]) return take(buckets_[k], item);
      }
      if (options.padding.drop_remainder) return false;
      const auto rest =
          std::find_if(buckets_.begin(), buckets_.end(), [](const auto& bucket) { return !bucket.empty(); });
      return rest != buckets_.end() && take(*rest, item);
    }

   private:
    bool take(std::vector<Batch>& bucket, Item& item) {
      item.value = std::make_unique<Batch>(stack_padded(bucket, node_.padding_));
      bucket.clear();
      return true;
    }

    const BucketNode& node_;
    std::unique_ptr<DataPass> upstream_;
    std::vector<std::vector<Batch>> buckets_;
    bool ended_ = false;
  };

  NodePointer upstream_;
  BucketOptions options_;
  Padding padding_;
};

}  // namespace

NodePointer batch_node(NodePointer upstream, Index size, bool drop_remainder) {
  if (upstream->rows() != nullptr) {
    return batches(std::move(upstream), size, drop_remainder,
                   [](const DataNode& node, std::span<Item> items) { return node.rows()->gather(items); });
  }
  return batches(std::move(upstream), size, drop_remainder,
                 [](const DataNode& node, std::span<Item> items) { return stack(values_of(items, node)); });
}

NodePointer padded_batch_node(NodePointer upstream, Index size, const PaddedBatchOptions& options) {
  return batches(std::move(upstream), size, options.drop_remainder,
                 [padding = padding_of(options)](const DataNode& node, std::span<Item> items) {
                   return stack_padded(values_of(items, node), padding);
                 });
}

NodePointer bucket_node(NodePointer upstream, BucketOptions options) {
  return make_shared_as<DataNode, BucketNode>(std::move(upstream), std::move(options));
}

}  // namespace unspool::internal
