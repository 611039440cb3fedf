#include <mutex>
#include <utility>

#include <unspool/core/make_shared_as.h>
#include <unspool/data/internal/nodes.h>

namespace unspool::internal {

namespace {

using Elements = std::vector<Batch>;

class CacheNode final : public DataNode {
 public:
  explicit CacheNode(NodePointer upstream) : upstream_(std::move(upstream)) {}
  std::unique_ptr<DataPass> pass(std::uint64_t) const override { return std::make_unique<Pass>(*this); }
  std::optional<Index> count() const override { return upstream_->count(); }
  OptionalBool batched() const override { return upstream_->batched(); }

 private:
  class Pass final : public DataPass {
   public:
    explicit Pass(const CacheNode& node) : node_(node), kept_(node.kept()) {
      // Whichever pass is the first to be complete, it must not decide which order is kept.
      if (!kept_) upstream_ = node.upstream_->pass(0);
    }
    bool next(Item& item) override {
      if (kept_) {
        if (at_ == kept_->size()) return false;
        item.value = std::make_unique<Batch>((*kept_)[at_++]);
        return true;
      }
      Item one;
      if (!upstream_->next(one)) {
        node_.keep(std::move(read_));
        return false;
      }
      item.value = std::make_unique<Batch>(value_of(*node_.upstream_, std::move(one)));
      read_.push_back(*item.value);
      return true;
    }

   private:
    const CacheNode& node_;
    std::shared_ptr<const Elements> kept_;
    std::size_t at_ = 0;
    std::unique_ptr<DataPass> upstream_;
    Elements read_;
  };

  std::shared_ptr<const Elements> kept() const {
    const std::lock_guard lock(mutex_);
    return kept_;
  }
  void keep(Elements elements) const {
    const std::lock_guard lock(mutex_);
    if (!kept_) kept_ = std::make_shared<const Elements>(std::move(elements));
  }

  NodePointer upstream_;
  mutable std::mutex mutex_;
  mutable std::shared_ptr<const Elements> kept_;
};

}  // namespace

NodePointer cache_node(NodePointer upstream) {
  return make_shared_as<DataNode, CacheNode>(std::move(upstream));
}

}  // namespace unspool::internal
