#pragma once

#include <concepts>
#include <cstdint>
#include <iterator>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include <unspool/core/callable.h>
#include <unspool/core/optional_bool.h>
#include <unspool/core/shape.h>
#include <unspool/core/tensor.h>
#include <unspool/data/batch.h>
#include <unspool/data/dataset_options.h>

namespace unspool {

namespace internal {
class DataNode;
class DataPass;
struct DatasetAccess;
}  // namespace internal

/// One pass over a Dataset.
class DatasetIterator {
 public:
  /// Goes on where the other iterator was.
  DatasetIterator(DatasetIterator&& other) noexcept;
  /// Goes on where the other iterator was.
  DatasetIterator& operator=(DatasetIterator&& other) noexcept;
  ~DatasetIterator();

  /// The next element, or nothing at the end of the pass and after it. Rethrows what a function of the
  /// pipeline throws, also if it runs in the thread of Dataset::prefetch(). After an error the pass is at its
  /// end.
  std::optional<Batch> next();
  /// Leaves out as many elements, or all that remain. Returns how many there were. Where elements are rows of
  /// tensors or files, no data is read.
  Index skip(Index count);

 private:
  friend class Dataset;
  explicit DatasetIterator(std::shared_ptr<const internal::DataNode> node, std::uint64_t epoch);
  std::shared_ptr<const internal::DataNode> node_;
  std::shared_ptr<internal::DataPass> pass_;
};

/// A sequence of batches or samples that training reads, as in tf.data: a pipeline that is made step by step,
///   Dataset(x, y).shuffle(1000).map(augment).batch(32).prefetch()
/// and that reads its data when it is iterated. A handle on an immutable pipeline: copies are cheap, and each
/// pass has a state of its own. What a pass yields depends on the seeds and the number of the pass (the
/// epoch) only. Random numbers that functions of the pipeline draw, by random_normal() for instance, come
/// from a generator of the pass, so that they do not depend on what else the program draws.
class Dataset {
 public:
  ///@{
  /// What a source or a step may be made of.
  using Generator = Callable<std::optional<Batch>()>;
  using Map = Callable<Batch(const Batch&)>;
  using Predicate = Callable<bool(const Batch&)>;
  ///@}

  /// Empty: it converts to false.
  Dataset() = default;
  /// The samples of tensors: their parts along the first axis, as tf.data.Dataset.from_tensor_slices. Throws
  /// ValueError if the numbers of samples differ.
  explicit Dataset(NamedList<Tensor> x, NamedList<Tensor> y = {}, NamedList<Tensor> sample_weight = {});
  /// A dataset of the samples of tensors, as the constructor makes it.
  static Dataset from_tensor_slices(NamedList<Tensor> x, NamedList<Tensor> y = {},
                                    NamedList<Tensor> sample_weight = {});
  /// The samples function(0), ..., function(count - 1). They are computed when they are used, so that a
  /// shuffle before batch() moves indices only.
  static Dataset from_function(Index count, Callable<Batch(Index)> function);
  /// The elements that a function returns, without end: from_generator([&] { return Batch{x, y}; }), for
  /// fit() with steps_per_epoch.
  template <class F>
  requires internal::CallableAs<F, Batch>
  static Dataset from_generator(F function) { return endless(std::move(function)); }
  /// The elements that a function returns until it returns nothing. `make` is called at the start of each
  /// pass, with the number of the epoch if it takes one, and returns that function.
  template <class F>
  requires(internal::CallableAs<F, Generator> ||
           internal::CallableAs<F, Generator, std::uint64_t>) static Dataset
      from_generator(F make, std::optional<Index> size = {}) {
    if constexpr (internal::CallableAs<F, Generator, std::uint64_t>) {
      return generated(std::move(make), size);
    } else {
      return generated([make = std::move(make)](std::uint64_t) mutable -> Generator { return make(); }, size);
    }
  }
  /// Elements with the inputs of one dataset, and the inputs of two others as labels and weights. Ends with
  /// the shortest. Throws ValueError, in a pass, if one of them has labels of its own.
  static Dataset zip(const Dataset& x, const Dataset& y, const Dataset& sample_weight = {});

  /// Stacks so many samples along a new first axis. Throws ValueError, in a pass, if their shapes differ.
  Dataset batch(Index batch_size, BatchOptions options = {}) const;
  /// Stacks samples whose first axes, those of time, differ: shorter ones are padded at their ends.
  Dataset padded_batch(Index batch_size, PaddedBatchOptions options = {}) const;
  /// Batches of samples of similar lengths, padded to the longest of each batch, as
  /// tf.data.Dataset.bucket_by_sequence_length. At the end of a pass come the buckets that are not full.
  Dataset bucket_by_length(BucketOptions options) const;
  /// Draws each element from the next `buffer_size` ones. A buffer as large as the data makes each order
  /// equally likely. Elements that are rows of tensors or of files are not read before they are needed: a
  /// large buffer is cheap.
  Dataset shuffle(Index buffer_size, ShuffleOptions options = {}) const;
  /// Draws each element from the next `buffer_size` ones, in an order that follows from the seed.
  Dataset shuffle(Index buffer_size, std::int64_t seed) const;
  /// Each element replaced by what a function makes of it. It takes a Batch; or x and y where each is one
  /// tensor; or x alone. It returns a Batch; of x alone also a tensor, which replaces x.
  template <class F>
  Dataset map(F function) const {
    if constexpr (internal::CallableAs<F, Batch, const Batch&>) {
      return mapped(std::move(function));
    } else if constexpr (internal::CallableAs<F, Batch, const Tensor&, const Tensor&>) {
      return mapped([function = std::move(function)](const Batch& batch) mutable -> Batch {
        return function(only(batch.x, "x"), only(batch.y, "y"));
      });
    } else if constexpr (internal::CallableAs<F, Batch, const Tensor&>) {
      return mapped([function = std::move(function)](const Batch& batch) mutable -> Batch {
        return function(only(batch.x, "x"));
      });
    } else {
      static_assert(internal::CallableAs<F, Tensor, const Tensor&>,
                    "map() expects a function from a Batch, from x and y, or from x, to a Batch");
      return mapped([function = std::move(function)](Batch batch) mutable -> Batch {
        batch.x = Tensor(function(only(batch.x, "x")));
        return batch;
      });
    }
  }
  /// The elements for which a predicate holds.
  Dataset filter(Predicate predicate) const;
  /// So many passes as one, without end if no count is given.
  Dataset repeat(std::optional<Index> count = {}) const;
  /// The first `count` elements.
  Dataset take(Index count) const;
  /// All elements but the first `count`.
  Dataset skip(Index count) const;
  /// Every `shards`-th element, from number `index` on: the part of one of several processes.
  Dataset shard(Index shards, Index index) const;
  /// The elements of this dataset, then those of another.
  Dataset concatenate(const Dataset& other) const;
  /// Keeps the elements of the first full pass in memory and repeats them. A shuffle before it has the order
  /// of epoch 0 in each epoch.
  Dataset cache() const;
  /// Computes up to `buffer_size` elements ahead in a thread of its own, with the same results. The functions
  /// of the pipeline run on that thread. A full buffer is filled again when half of it is used, so a larger
  /// one wakes the thread less often, which counts for batches of microseconds.
  Dataset prefetch(Index buffer_size = 8) const;

  /// A pass. The first one has epoch 0: shuffles and functions that draw random numbers give others for each
  /// epoch, and the same for equal epochs.
  DatasetIterator iterate(std::uint64_t epoch) const;
  /// The next pass: it has the number of passes of this kind so far as its epoch.
  DatasetIterator iterate() const;
  /// The number of elements of a pass if it is known and the pass has an end.
  std::optional<Index> size() const;
  /// Whether a pass has no end.
  bool is_infinite() const;
  /// Whether elements have a batch axis, if that is known: false before batch(), true after it. What
  /// functions return may be either.
  OptionalBool batched() const;
  /// Whether there is a pipeline.
  explicit operator bool() const { return node_ != nullptr; }

  /// The end of a range-based for loop.
  struct End {};
  /// An input iterator over the elements of a pass.
  class Iterator {
   public:
    ///@{
    /// Of an iterator that can be read once.
    using value_type = Batch;
    using difference_type = std::ptrdiff_t;
    using iterator_category = std::input_iterator_tag;
    ///@}
    /// At the first element.
    explicit Iterator(DatasetIterator pass);
    ///@{
    /// The element.
    const Batch& operator*() const { return *element_; }
    const Batch* operator->() const { return element_.get(); }
    ///@}
    /// Moves on.
    Iterator& operator++();
    /// Moves on.
    void operator++(int) { ++*this; }
    /// Whether there is no element.
    friend bool operator==(const Iterator& a, End) { return !a.element_; }

   private:
    DatasetIterator pass_;
    std::shared_ptr<const Batch> element_;
  };
  ///@{
  /// The next pass, as iterate(): `for (const Batch& batch : dataset)`.
  Iterator begin() const { return Iterator(iterate()); }
  End end() const { return {}; }
  ///@}

 private:
  friend struct internal::DatasetAccess;
  explicit Dataset(std::shared_ptr<const internal::DataNode> node) : node_(std::move(node)) {}
  static Dataset endless(Callable<Batch()> function);
  static Dataset generated(Callable<Generator(std::uint64_t)> make, std::optional<Index> size);
  Dataset mapped(Map function) const;
  static const Tensor& only(const NamedList<Tensor>& list, const char* what);
  const std::shared_ptr<const internal::DataNode>& node() const;

  std::shared_ptr<const internal::DataNode> node_;
};

}  // namespace unspool
