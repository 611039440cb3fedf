#include <algorithm>
#include <cmath>
#include <span>
#include <string>
#include <utility>

#include <unspool/autograd/conversion.h>
#include <unspool/autograd/reduction.h>
#include <unspool/autograd/shaping.h>
#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/data/internal/rows.h>
#include <unspool/models/internal/source.h>

namespace unspool::internal {

namespace {

/// The list with take(tensor) in place of each tensor.
template <class F>
NamedList<Tensor> each_of(const NamedList<Tensor>& list, F&& take) {
  if (list.alone()) return take(list.entries().front().value);
  std::vector<NamedList<Tensor>::Entry> entries;
  entries.reserve(list.entries().size());
  for (const auto& entry : list.entries()) entries.push_back({entry.name, take(entry.value)});
  return entries;
}

template <class F>
Batch each_of(const Batch& batch, F&& take) {
  return {each_of(batch.x, take), each_of(batch.y, take), each_of(batch.sample_weight, take)};
}

}  // namespace

BatchSource::~BatchSource() = default;

Index samples_of(const Batch& data, std::string_view what, bool may_be_empty) {
  std::vector<Tensor> all;
  std::vector<std::string> names;
  const auto add = [&](std::string_view of, const NamedList<Tensor>& list) {
    const auto& entries = list.entries();
    for (std::size_t i = 0; i < entries.size(); ++i) {
      all.push_back(entries[i].value);
      if (!entries[i].name.empty()) {
        names.push_back(fmt::format("{}[\"{}\"]", of, entries[i].name));
      } else {
        names.push_back(entries.size() == 1 ? std::string(of) : fmt::format("{}[{}]", of, i));
      }
    }
  };
  add("x", data.x);
  if (all.empty() || std::any_of(all.begin(), all.end(), [](const Tensor& x) { return !x; })) {
    throw ValueError(fmt::format("{}: expected x to have a value, got an empty tensor", what));
  }
  add("y", data.y);
  add("sample_weight", data.sample_weight);
  const Index samples = common_rows(all, names);
  if (samples == 0 && !may_be_empty) {
    throw ValueError(
        fmt::format("{}: expected at least one sample, got x of {}", what, describe(all.front())));
  }
  return samples;
}

Batch rows_of(const Batch& data, Index first, Index last) {
  return each_of(data, [&](const Tensor& tensor) { return take_rows(tensor, first, last); });
}

Tensor weights_of_classes(const NamedList<Tensor>& y, const Dictionary<Index, double>& class_weight) {
  if (y.size() != 1 || !y.entries().front().value) {
    throw ValueError(
        fmt::format("class_weight: expected the labels of one output, got those of {}", y.size()));
  }
  Tensor labels = y.entries().front().value;
  if (labels.rank() > 1 && labels.shape().back() > 1) {
    labels = argmax(labels, -1);
  } else if (labels.rank() > 1) {
    labels = squeeze(labels, {-1});
  }
  std::vector<float> weights;
  for (const double label : cast(labels, float64).to_vector<double>()) {
    const double* const weight = class_weight.find(std::llround(label));
    weights.push_back(weight == nullptr ? 1.0F : static_cast<float>(*weight));
  }
  return Tensor::from(weights, labels.shape());
}

TensorSource::TensorSource(Batch data, Index samples, Index batch_size, const RandomKey* shuffle)
    : data_(std::move(data)),
      samples_(samples),
      // No larger than the data, so that sums with it do not overflow.
      batch_size_(std::min(batch_size, std::max<Index>(samples, 1))),
      shuffle_(shuffle) {}

std::optional<Index> TensorSource::steps() const {
  return samples_ == 0 ? 1 : (samples_ + batch_size_ - 1) / batch_size_;
}

void TensorSource::start(Index pass) {
  step_ = 0;
  if (shuffle_ != nullptr) {
    order_ =
        permutation(samples_, {random_bits(*shuffle_, static_cast<std::uint64_t>(pass)), shuffle_->stream});
  }
}

std::optional<Batch> TensorSource::next() {
  if (step_ == *steps()) return {};
  const Index first = step_++ * batch_size_;
  const Index last = std::min(samples_, first + batch_size_);
  if (shuffle_ == nullptr) return rows_of(data_, first, last);
  const std::span<const Index> rows = std::span<const Index>(order_).subspan(
      static_cast<std::size_t>(first), static_cast<std::size_t>(last - first));
  return each_of(data_, [&](const Tensor& tensor) { return take_rows(tensor, rows); });
}

DatasetSource::DatasetSource(Dataset data, Dictionary<Index, double> class_weight, std::string_view what)
    : data_(std::move(data)), class_weight_(std::move(class_weight)) {
  if (!data_) throw ValueError(fmt::format("{}: expected a Dataset, got an empty one", what));
  if (const OptionalBool batched = data_.batched(); batched.has_value() && !batched) {
    throw ValueError(fmt::format(
        "{}: expected a Dataset of batches, got one of single samples: call .batch(32) on it", what));
  }
}

std::optional<Index> DatasetSource::steps() const { return data_.size(); }

void DatasetSource::start(Index pass) {
  // Ends the thread of a pass before the next one starts.
  pass_.reset();
  pass_.emplace(data_.iterate(static_cast<std::uint64_t>(pass)));
}

std::optional<Batch> DatasetSource::next() {
  std::optional<Batch> batch = pass_->next();
  if (batch && !class_weight_.empty()) batch->sample_weight = weights_of_classes(batch->y, class_weight_);
  return batch;
}

}  // namespace unspool::internal
