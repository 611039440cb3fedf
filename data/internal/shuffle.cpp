#include <limits>
#include <utility>

#include <unspool/core/make_shared_as.h>
#include <unspool/core/random.h>
#include <unspool/data/internal/nodes.h>

namespace unspool::internal {

namespace {

/// As in tf.data: a buffer is filled, and each element is drawn from it and replaced by the next one.
class ShuffleNode final : public DataStep {
 public:
  ShuffleNode(NodePointer upstream, Index buffer_size, std::uint64_t seed, bool each_epoch)
      : DataStep(std::move(upstream)), buffer_size_(buffer_size), seed_(seed), each_epoch_(each_epoch) {}
  std::unique_ptr<DataPass> pass(std::uint64_t epoch) const override {
    return std::make_unique<Pass>(*this, epoch);
  }

 private:
  class Pass final : public DataPass {
   public:
    Pass(const ShuffleNode& node, std::uint64_t epoch)
        : node_(node),
          upstream_(node.upstream().pass(epoch)),
          key_{random_bits({node.seed_, 0}, node.each_epoch_ ? epoch : 0), 0} {}

    bool next(Item& item) override {
      while (!ended_ && static_cast<Index>(buffer_.size()) < node_.buffer_size_) {
        if (!upstream_->next(buffer_.emplace_back())) {
          buffer_.pop_back();
          ended_ = true;
        }
      }
      if (buffer_.empty()) return false;
      std::swap(buffer_[below(buffer_.size())], buffer_.back());
      item = std::move(buffer_.back());
      buffer_.pop_back();
      return true;
    }

   private:
    std::size_t below(std::uint64_t count) {
      // Values above the largest multiple of `count` would make small remainders more likely.
      std::uint64_t bits;
      std::uint64_t remainder;
      do {
        bits = random_bits(key_, drawn_++);
        remainder = bits % count;
      } while (bits - remainder > std::numeric_limits<std::uint64_t>::max() - (count - 1));
      return remainder;
    }

    const ShuffleNode& node_;
    std::unique_ptr<DataPass> upstream_;
    std::vector<Item> buffer_;
    RandomKey key_;
    std::uint64_t drawn_ = 0;
    bool ended_ = false;
  };

  Index buffer_size_;
  std::uint64_t seed_;
  bool each_epoch_;
};

}  // namespace

NodePointer shuffle_node(NodePointer upstream, Index buffer_size, std::uint64_t seed, bool each_epoch) {
  return make_shared_as<DataNode, ShuffleNode>(std::move(upstream), buffer_size, seed, each_epoch);
}

}  // namespace unspool::internal
