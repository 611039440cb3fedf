#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/core/internal/random.h>
#include <unspool/core/make_shared_as.h>
#include <unspool/core/random.h>
#include <unspool/data/internal/nodes.h>
#include <unspool/data/internal/rows.h>
#include <unspool/data/internal/stack.h>

namespace unspool::internal {

namespace {

class RowsPass final : public DataPass {
 public:
  RowsPass(Index count, std::uint64_t epoch) : count_(count), epoch_(epoch) {}
  bool next(Item& item) override {
    if (at_ == count_) return false;
    item.row = at_++;
    item.epoch = epoch_;
    return true;
  }

 private:
  Index at_ = 0;
  Index count_;
  std::uint64_t epoch_;
};

class RowsNode final : public DataNode {
 public:
  RowsNode(Index count, std::unique_ptr<const RowSource> rows) : count_(count), rows_(std::move(rows)) {}
  std::unique_ptr<DataPass> pass(std::uint64_t epoch) const override {
    return std::make_unique<RowsPass>(count_, epoch);
  }
  const RowSource* rows() const override { return rows_.get(); }
  std::optional<Index> count() const override { return count_; }
  OptionalBool batched() const override { return false; }

 private:
  Index count_;
  std::unique_ptr<const RowSource> rows_;
};

class TensorRows final : public RowSource {
 public:
  explicit TensorRows(Batch tensors) : tensors_(std::move(tensors)) {}
  Batch gather(std::span<const Item> items) const override {
    std::vector<Index> rows;
    rows.reserve(items.size());
    for (const Item& item : items) rows.push_back(item.row);
    return transformed(tensors_, [&](const Tensor& tensor) { return take_rows(tensor, rows); });
  }

 private:
  Batch tensors_;
};

class FunctionRows final : public RowSource {
 public:
  FunctionRows(Callable<Batch(Index)> function, std::uint64_t seed)
      : function_(std::move(function)), seed_(seed) {}
  Batch gather(std::span<const Item> items) const override {
    std::vector<Batch> samples;
    samples.reserve(items.size());
    for (const Item& item : items) samples.push_back(row(item));
    return stack(samples);
  }
  Batch row(const Item& item) const override {
    // What the function draws depends on the epoch and the row, not on the order in which rows are read.
    SeedGenerator generator(random_bits({seed_, item.epoch}, static_cast<std::uint64_t>(item.row)));
    const RandomScope scope(generator);
    return function_(item.row);
  }

 private:
  Callable<Batch(Index)> function_;
  std::uint64_t seed_;
};

class GeneratorPass final : public DataPass {
 public:
  GeneratorPass(const Callable<ElementFunction(std::uint64_t)>& make, std::uint64_t seed, std::uint64_t epoch)
      : random_(random_bits({seed, 0}, epoch)) {
    const RandomScope scope(random_);
    generator_ = make(epoch);
    if (!generator_)
      throw ValueError("Dataset::from_generator: expected a function for the pass, got an empty one");
  }
  bool next(Item& item) override {
    const RandomScope scope(random_);
    std::optional<Batch> element = generator_();
    if (!element) return false;
    item.value = std::make_unique<Batch>(*std::move(element));
    return true;
  }

 private:
  SeedGenerator random_;
  ElementFunction generator_;
};

class GeneratorNode final : public DataNode {
 public:
  GeneratorNode(Callable<ElementFunction(std::uint64_t)> make, std::optional<Index> count, std::uint64_t seed)
      : make_(std::move(make)), count_(count), seed_(seed) {}
  std::unique_ptr<DataPass> pass(std::uint64_t epoch) const override {
    return std::make_unique<GeneratorPass>(make_, seed_, epoch);
  }
  std::optional<Index> count() const override { return count_; }
  OptionalBool batched() const override { return {}; }

 private:
  Callable<ElementFunction(std::uint64_t)> make_;
  std::optional<Index> count_;
  std::uint64_t seed_;
};

class ZipNode final : public DataNode {
 public:
  explicit ZipNode(std::vector<NodePointer> parts) : parts_(std::move(parts)) {}
  std::unique_ptr<DataPass> pass(std::uint64_t epoch) const override {
    return std::make_unique<Pass>(parts_, epoch);
  }
  std::optional<Index> count() const override {
    Index least = infinite;
    for (const NodePointer& part : parts_) {
      const std::optional<Index> count = part->count();
      if (!count) return {};
      least = std::min(least, *count);
    }
    return least;
  }
  OptionalBool batched() const override { return parts_.front()->batched(); }

 private:
  class Pass final : public DataPass {
   public:
    Pass(const std::vector<NodePointer>& parts, std::uint64_t epoch) : parts_(parts) {
      for (const NodePointer& part : parts) passes_.push_back(part->pass(epoch));
    }
    bool next(Item& item) override {
      auto element = std::make_unique<Batch>();
      NamedList<Tensor> Batch::*const members[] = {&Batch::x, &Batch::y, &Batch::sample_weight};
      for (std::size_t i = 0; i < passes_.size(); ++i) {
        Item one;
        if (!passes_[i]->next(one)) return false;
        Batch part = value_of(*parts_[i], std::move(one));
        if (!part.y.empty() || !part.sample_weight.empty()) {
          throw ValueError(fmt::format(
              "Dataset::zip: expected elements with x only, got labels or weights in dataset {}", i));
        }
        (*element).*members[i] = std::move(part.x);
      }
      item.value = std::move(element);
      return true;
    }

   private:
    const std::vector<NodePointer>& parts_;
    std::vector<std::unique_ptr<DataPass>> passes_;
  };

  std::vector<NodePointer> parts_;
};

/// All tensors of a list with names for errors: "x", "x[1]".
void add_named(const NamedList<Tensor>& list, std::string_view what, std::vector<Tensor>& tensors,
               std::vector<std::string>& names) {
  for (std::size_t i = 0; i < list.size(); ++i) {
    tensors.push_back(list[i]);
    names.push_back(list.size() == 1 ? std::string(what) : fmt::format("{}[{}]", what, i));
    if (!list[i] || list[i].is_abstract()) {
      throw ValueError(fmt::format("Dataset: {}: expected a tensor with elements, got {}", names.back(),
                                   describe(list[i])));
    }
  }
}

}  // namespace

NodePointer rows_node(Index count, std::unique_ptr<const RowSource> rows) {
  return make_shared_as<DataNode, RowsNode>(count, std::move(rows));
}

NodePointer tensors_node(const Batch& tensors) {
  std::vector<Tensor> all;
  std::vector<std::string> names;
  add_named(tensors.x, "x", all, names);
  if (all.empty()) throw ValueError("Dataset: expected x to have a value, got an empty list");
  add_named(tensors.y, "y", all, names);
  add_named(tensors.sample_weight, "sample_weight", all, names);
  const Index count = common_rows(all, names);
  return rows_node(count, std::make_unique<TensorRows>(tensors));
}

NodePointer function_node(Index count, Callable<Batch(Index)> function, std::uint64_t seed) {
  return rows_node(count, std::make_unique<FunctionRows>(std::move(function), seed));
}

NodePointer generator_node(Callable<ElementFunction(std::uint64_t)> make, std::optional<Index> count,
                           std::uint64_t seed) {
  return make_shared_as<DataNode, GeneratorNode>(std::move(make), count, seed);
}

NodePointer zip_node(NodePointer x, NodePointer y, NodePointer weights) {
  std::vector<NodePointer> parts{std::move(x), std::move(y)};
  if (weights) parts.push_back(std::move(weights));
  return make_shared_as<DataNode, ZipNode>(std::move(parts));
}

}  // namespace unspool::internal
