#include <utility>

#include <unspool/core/internal/random.h>
#include <unspool/core/make_shared_as.h>
#include <unspool/core/random.h>
#include <unspool/data/internal/nodes.h>

namespace unspool::internal {

namespace {

class MapNode final : public DataNode {
 public:
  MapNode(NodePointer upstream, Callable<Batch(const Batch&)> function, std::uint64_t seed)
      : upstream_(std::move(upstream)), function_(std::move(function)), seed_(seed) {}
  std::unique_ptr<DataPass> pass(std::uint64_t epoch) const override {
    return std::make_unique<Pass>(*this, epoch);
  }
  std::optional<Index> count() const override { return upstream_->count(); }
  OptionalBool batched() const override { return upstream_->batched(); }

 private:
  class Pass final : public DataPass {
   public:
    Pass(const MapNode& node, std::uint64_t epoch)
        : node_(node), upstream_(node.upstream_->pass(epoch)), random_(random_bits({node.seed_, 0}, epoch)) {}
    bool next(Item& item) override {
      Item before;
      if (!upstream_->next(before)) return false;
      const Batch element = value_of(*node_.upstream_, std::move(before));
      const RandomScope scope(random_);
      item.value = std::make_unique<Batch>(node_.function_(element));
      return true;
    }

   private:
    const MapNode& node_;
    std::unique_ptr<DataPass> upstream_;
    SeedGenerator random_;
  };

  NodePointer upstream_;
  Callable<Batch(const Batch&)> function_;
  std::uint64_t seed_;
};

class FilterNode final : public DataStep {
 public:
  FilterNode(NodePointer upstream, Callable<bool(const Batch&)> predicate, std::uint64_t seed)
      : DataStep(std::move(upstream)), predicate_(std::move(predicate)), seed_(seed) {}
  std::unique_ptr<DataPass> pass(std::uint64_t epoch) const override {
    return std::make_unique<Pass>(*this, epoch);
  }
  const RowSource* rows() const override { return nullptr; }
  std::optional<Index> count() const override { return {}; }

 private:
  class Pass final : public DataPass {
   public:
    Pass(const FilterNode& node, std::uint64_t epoch)
        : node_(node), upstream_(node.upstream().pass(epoch)), random_(random_bits({node.seed_, 0}, epoch)) {}
    bool next(Item& item) override {
      for (;;) {
        Item before;
        if (!upstream_->next(before)) return false;
        auto element = std::make_unique<Batch>(value_of(node_.upstream(), std::move(before)));
        const RandomScope scope(random_);
        if (!node_.predicate_(*element)) continue;
        item.value = std::move(element);
        return true;
      }
    }

   private:
    const FilterNode& node_;
    std::unique_ptr<DataPass> upstream_;
    SeedGenerator random_;
  };

  Callable<bool(const Batch&)> predicate_;
  std::uint64_t seed_;
};

}  // namespace

NodePointer map_node(NodePointer upstream, Callable<Batch(const Batch&)> function, std::uint64_t seed) {
  return make_shared_as<DataNode, MapNode>(std::move(upstream), std::move(function), seed);
}

NodePointer filter_node(NodePointer upstream, Callable<bool(const Batch&)> predicate, std::uint64_t seed) {
  return make_shared_as<DataNode, FilterNode>(std::move(upstream), std::move(predicate), seed);
}

}  // namespace unspool::internal
