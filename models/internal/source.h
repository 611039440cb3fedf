#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include <unspool/core/dictionary.h>
#include <unspool/core/random.h>
#include <unspool/data/dataset.h>

namespace unspool::internal {

/// Where the trainer gets its batches from.
class BatchSource {
 public:
  virtual ~BatchSource();
  /// The number of batches in a pass, if it is known.
  virtual std::optional<Index> steps() const = 0;
  /// Starts a pass over the data. Equal numbers give the same batches in the same order.
  virtual void start(Index pass) = 0;
  /// The next batch of the pass; nothing at its end.
  virtual std::optional<Batch> next() = 0;
};

/// The number of samples of tensors. Throws ValueError, which begins with `what`, if there are no inputs, if
/// the numbers differ, or if it is 0 and `may_be_empty` is false.
Index samples_of(const Batch& data, std::string_view what, bool may_be_empty = false);
/// The samples [first, last).
Batch rows_of(const Batch& data, Index first, Index last);
/// The weight of each sample, from the weights of classes. Throws ValueError unless there is one output.
Tensor weights_of_classes(const NamedList<Tensor>& y, const Dictionary<Index, double>& class_weight);

/// Batches of tensors in memory.
class TensorSource final : public BatchSource {
 public:
  /// With a key each pass has an order of its own, which depends on the key, as it is then, and the number of
  /// the pass only. No samples make one empty batch.
  TensorSource(Batch data, Index samples, Index batch_size, const RandomKey* shuffle = nullptr);
  std::optional<Index> steps() const override;
  void start(Index pass) override;
  std::optional<Batch> next() override;

 private:
  Batch data_;
  Index samples_;
  Index batch_size_;
  const RandomKey* shuffle_;
  std::vector<Index> order_;
  Index step_ = 0;
};

/// The elements of a Dataset.
class DatasetSource final : public BatchSource {
 public:
  /// Throws ValueError, which begins with `what`, for samples without a batch axis.
  DatasetSource(Dataset data, Dictionary<Index, double> class_weight, std::string_view what);
  std::optional<Index> steps() const override;
  void start(Index pass) override;
  std::optional<Batch> next() override;

 private:
  Dataset data_;
  Dictionary<Index, double> class_weight_;
  std::optional<DatasetIterator> pass_;
};

}  // namespace unspool::internal
