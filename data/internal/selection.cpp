#include <algorithm>
#include <utility>

#include <unspool/core/make_shared_as.h>
#include <unspool/data/internal/nodes.h>

namespace unspool::internal {

namespace {

/// The epoch of pass number k of a node that is repeated.
std::uint64_t epoch_of(std::uint64_t epoch, std::optional<Index> times, std::uint64_t k) {
  return times ? epoch * static_cast<std::uint64_t>(*times) + k : (epoch << 32) + k;
}

class RepeatNode final : public DataStep {
 public:
  RepeatNode(NodePointer upstream, std::optional<Index> times)
      : DataStep(std::move(upstream)), times_(times) {}
  std::unique_ptr<DataPass> pass(std::uint64_t epoch) const override {
    return std::make_unique<Pass>(*this, epoch);
  }
  std::optional<Index> count() const override {
    const std::optional<Index> one = upstream().count();
    if (!times_) return one == 0 ? std::optional<Index>(0) : std::optional(infinite);
    Index all = 0;
    if (!one || *one == infinite) return one;
    return __builtin_mul_overflow(*one, *times_, &all) ? std::nullopt : std::optional(all);
  }

 private:
  class Pass final : public DataPass {
   public:
    Pass(const RepeatNode& node, std::uint64_t epoch) : node_(node), epoch_(epoch) {}
    bool next(Item& item) override {
      const std::optional<Index> times = node_.times_;
      while (!times || started_ < static_cast<std::uint64_t>(*times) || upstream_) {
        if (!upstream_) {
          upstream_ = node_.upstream().pass(epoch_of(epoch_, times, started_++));
          empty_ = true;
        }
        if (upstream_->next(item)) {
          empty_ = false;
          return true;
        }
        upstream_.reset();
        // Else an endless repetition of nothing would never return.
        if (empty_ && !times) return false;
      }
      return false;
    }

   private:
    const RepeatNode& node_;
    std::uint64_t epoch_;
    std::uint64_t started_ = 0;
    std::unique_ptr<DataPass> upstream_;
    bool empty_ = false;
  };

  std::optional<Index> times_;
};

class RangeNode final : public DataStep {
 public:
  RangeNode(NodePointer upstream, Index first, Index last, Index step)
      : DataStep(std::move(upstream)), first_(first), last_(last), step_(step) {}
  std::unique_ptr<DataPass> pass(std::uint64_t epoch) const override {
    return std::make_unique<Pass>(*this, epoch);
  }
  std::optional<Index> count() const override {
    std::optional<Index> all = upstream().count();
    if (!all) return all;
    const Index last = std::min(*all, last_);
    if (last == infinite) return infinite;
    return last <= first_ ? 0 : (last - first_ - 1) / step_ + 1;
  }

 private:
  class Pass final : public DataPass {
   public:
    Pass(const RangeNode& node, std::uint64_t epoch)
        : node_(node), upstream_(node.upstream().pass(epoch)), wanted_(node.first_) {}
    bool next(Item& item) override {
      if (wanted_ >= node_.last_) return false;
      for (; at_ < wanted_; ++at_) {
        Item skipped;
        if (!upstream_->next(skipped)) return false;
      }
      if (!upstream_->next(item)) return false;
      ++at_;
      wanted_ = wanted_ > infinite - node_.step_ ? infinite : wanted_ + node_.step_;
      return true;
    }

   private:
    const RangeNode& node_;
    std::unique_ptr<DataPass> upstream_;
    Index at_ = 0;
    Index wanted_;
  };

  Index first_;
  Index last_;
  Index step_;
};

class ConcatenateNode final : public DataNode {
 public:
  ConcatenateNode(NodePointer first, NodePointer second) : parts_{std::move(first), std::move(second)} {}
  std::unique_ptr<DataPass> pass(std::uint64_t epoch) const override {
    return std::make_unique<Pass>(*this, epoch);
  }
  std::optional<Index> count() const override {
    Index all = 0;
    for (const NodePointer& part : parts_) {
      const std::optional<Index> one = part->count();
      if (!one || *one == infinite) return one;
      all += *one;
    }
    return all;
  }
  OptionalBool batched() const override {
    const OptionalBool first = parts_[0]->batched();
    const OptionalBool second = parts_[1]->batched();
    return first.has_value() && second.has_value() && first.value_or(false) == second.value_or(false)
               ? first
               : OptionalBool();
  }

 private:
  class Pass final : public DataPass {
   public:
    Pass(const ConcatenateNode& node, std::uint64_t epoch)
        : node_(node), epoch_(epoch), upstream_(node.parts_[0]->pass(epoch)) {}
    bool next(Item& item) override {
      for (;;) {
        Item one;
        if (upstream_->next(one)) {
          item.value = std::make_unique<Batch>(value_of(*node_.parts_[part_], std::move(one)));
          return true;
        }
        if (part_ == 1) return false;
        upstream_ = node_.parts_[++part_]->pass(epoch_);
      }
    }

   private:
    const ConcatenateNode& node_;
    std::uint64_t epoch_;
    std::size_t part_ = 0;
    std::unique_ptr<DataPass> upstream_;
  };

  NodePointer parts_[2];
};

}  // namespace

NodePointer repeat_node(NodePointer upstream, std::optional<Index> times) {
  return make_shared_as<DataNode, RepeatNode>(std::move(upstream), times);
}

NodePointer range_node(NodePointer upstream, Index first, Index last, Index step) {
  return make_shared_as<DataNode, RangeNode>(std::move(upstream), first, last, step);
}

NodePointer concatenate_node(NodePointer first, NodePointer second) {
  return make_shared_as<DataNode, ConcatenateNode>(std::move(first), std::move(second));
}

}  // namespace unspool::internal
