#pragma once

#include <atomic>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <utility>

#include <unspool/core/optional_bool.h>
#include <unspool/core/shape.h>
#include <unspool/data/batch.h>

namespace unspool::internal {

/// An element on its way through a pipeline: a row of a source, which is read when it is needed, or a value.
struct Item {
  Index row = 0;
  std::uint64_t epoch = 0;       ///< Of the source that the row belongs to.
  std::unique_ptr<Batch> value;  ///< Null for a row.
};

/// Samples that can be read in any order. Several threads may read.
class RowSource {
 public:
  virtual ~RowSource() = default;
  /// The samples of these items, which are rows, stacked along a new first axis.
  virtual Batch gather(std::span<const Item> items) const = 0;
  /// One sample.
  virtual Batch row(const Item& item) const;
};

/// The state of one pass over the elements of a node.
class DataPass {
 public:
  virtual ~DataPass() = default;
  /// Writes the next element; false at the end. Not called again after that, nor after an exception.
  virtual bool next(Item& item) = 0;
};

/// A step of a pipeline, or its source. Immutable, but for what cache() keeps.
class DataNode {
 public:
  /// The number of elements of a node that never ends.
  static constexpr Index infinite = std::numeric_limits<Index>::max();

  virtual ~DataNode() = default;
  /// The node outlives the pass.
  virtual std::unique_ptr<DataPass> pass(std::uint64_t epoch) const = 0;
  /// Where the rows of its items are; null if items are values.
  virtual const RowSource* rows() const { return nullptr; }
  /// The number of elements if it is known, or infinite.
  virtual std::optional<Index> count() const = 0;
  virtual OptionalBool batched() const = 0;

  /// The number of calls so far.
  std::uint64_t next_epoch() const { return epochs_.fetch_add(1, std::memory_order_relaxed); }

 private:
  mutable std::atomic<std::uint64_t> epochs_{0};
};

using NodePointer = std::shared_ptr<const DataNode>;

/// A node whose elements are, in another order or number, those of one other node.
class DataStep : public DataNode {
 public:
  explicit DataStep(NodePointer upstream) : upstream_(std::move(upstream)) {}
  const RowSource* rows() const override { return upstream_->rows(); }
  std::optional<Index> count() const override { return upstream_->count(); }
  OptionalBool batched() const override { return upstream_->batched(); }
  const DataNode& upstream() const { return *upstream_; }

 private:
  NodePointer upstream_;
};

/// The element of an item of this node.
Batch value_of(const DataNode& node, Item&& item);

}  // namespace unspool::internal
