#include <algorithm>

#include <unspool/autograd/comparison.h>
#include <unspool/autograd/conversion.h>
#include <unspool/autograd/creation.h>
#include <unspool/autograd/indexing.h>
#include <unspool/autograd/reduction.h>
#include <unspool/autograd/shaping.h>
#include <unspool/models/internal/accuracy.h>
#include <unspool/models/internal/metric_kind.h>
#include <unspool/models/metrics/accuracy.h>

namespace unspool {

const Fields& BinaryAccuracyOptions::fields() {
  using O = BinaryAccuracyOptions;
  static const Fields all = fields_of<O>(field("name", &O::name, "the metric's name"),
                                         field("dtype", &O::dtype, "the dtype of the result"),
                                         field("threshold", &O::threshold, "a prediction above it means 1"));
  return all;
}

const Fields& TopKOptions::fields() {
  using O = TopKOptions;
  static const Fields all = fields_of<O>(field("k", &O::k, "how many of the largest predictions count"),
                                         field("name", &O::name, "the metric's name"),
                                         field("dtype", &O::dtype, "the dtype of the result"));
  return all;
}

const Fields& SparseTopKOptions::fields() {
  using O = SparseTopKOptions;
  static const Fields all = fields_of<O>(
      field("k", &O::k, "how many of the largest predictions count"),
      field("name", &O::name, "the metric's name"), field("dtype", &O::dtype, "the dtype of the result"),
      field("from_sorted_ids", &O::from_sorted_ids, "y_pred are class numbers, best first").unless_default());
  return all;
}

namespace {

Tensor as_numbers(const Tensor& x) { return cast(x, float32); }

/// Integer labels of the shape of the predictions without their last axis.
Tensor labels_of_classes(const Tensor& y, const Tensor& p) {
  const Tensor labels = cast(y, int32);
  return labels.rank() == p.rank() && labels.shape().back() == 1 ? squeeze(labels, {-1}) : labels;
}

/// Whether fewer than k predictions are larger than that of the label.
Tensor in_top_k(const Tensor& labels, const Tensor& p, Index k) {
  const Tensor right = take_along_axis(p, expand_dims(labels, -1), -1);
  return as_numbers(sum(p > right, {-1}) < static_cast<double>(k));
}

constexpr internal::MeanKind<MetricOptions> equal_accuracy{
    .name = "Accuracy", .call = [](const MetricOptions&, const Tensor& y, const Tensor& p) {
      const auto [labels, predicted] = internal::aligned(y, p);
      return as_numbers(equal(labels, predicted));
    }};

constexpr internal::MeanKind<MetricOptions> sparse_categorical_accuracy{
    .name = "SparseCategoricalAccuracy", .call = [](const MetricOptions&, const Tensor& y, const Tensor& p) {
      return as_numbers(equal(argmax(p, -1), labels_of_classes(y, p)));
    }};

constexpr internal::MeanKind<MetricOptions> categorical_accuracy{
    .name = "CategoricalAccuracy", .call = [](const MetricOptions&, const Tensor& y, const Tensor& p) {
      return as_numbers(equal(argmax(p, -1), argmax(y, -1)));
    }};

constexpr internal::MeanKind<BinaryAccuracyOptions> binary_accuracy{
    .name = "BinaryAccuracy",
    .call = [](const BinaryAccuracyOptions& options, const Tensor& y, const Tensor& p) {
      const auto [labels, predicted] = internal::aligned(y, p);
      return as_numbers(equal(cast(predicted > options.threshold, labels.dtype()), labels));
    }};

constexpr internal::MeanKind<TopKOptions> top_k_accuracy{
    .name = "TopKCategoricalAccuracy",
    .call = [](const TopKOptions& options, const Tensor& y, const Tensor& p) {
      return in_top_k(argmax(y, -1), p, options.k);
    }};

constexpr internal::MeanKind<SparseTopKOptions> sparse_top_k_accuracy{
    .name = "SparseTopKCategoricalAccuracy",
    .call = [](const SparseTopKOptions& options, const Tensor& y, const Tensor& p) {
      const Tensor labels = labels_of_classes(y, p);
      if (!options.from_sorted_ids) return in_top_k(labels, p, options.k);
      const Index count = std::min(options.k, p.shape().back());
      const Tensor best = gather(cast(p, int32), arange(0, static_cast<double>(count), 1, int32), -1);
      return as_numbers(any(equal(best, expand_dims(labels, -1)), {-1}));
    }};

}  // namespace

internal::Problem internal::problem_of(const Tensor& y, const Tensor& p) {
  if (p.rank() < 2 || p.shape().back() == 1) return Problem::binary;
  return y.rank() < p.rank() || y.shape().back() == 1 ? Problem::sparse_categorical : Problem::categorical;
}

Tensor internal::fitting_accuracy(const Tensor& y, const Tensor& p) {
  switch (problem_of(y, p)) {
    case Problem::binary:
      return binary_accuracy.call({}, y, p);
    case Problem::sparse_categorical:
      return sparse_categorical_accuracy.call({}, y, p);
    default:
      return categorical_accuracy.call({}, y, p);
  }
}

Metric internal::make_accuracy(const MetricOptions& options) { return made_metric(equal_accuracy, options); }
Metric internal::make_sparse_categorical_accuracy(const MetricOptions& options) {
  return made_metric(sparse_categorical_accuracy, options);
}
Metric internal::make_categorical_accuracy(const MetricOptions& options) {
  return made_metric(categorical_accuracy, options);
}
Metric internal::make_binary_accuracy(const BinaryAccuracyOptions& options) {
  return made_metric(binary_accuracy, options);
}
Metric internal::make_top_k_categorical_accuracy(const TopKOptions& options) {
  return made_metric(top_k_accuracy, options);
}
Metric internal::make_sparse_top_k_categorical_accuracy(const SparseTopKOptions& options) {
  return made_metric(sparse_top_k_accuracy, options);
}

void internal::add_accuracies(MetricEntries& entries) {
  for (const auto* kind : {&equal_accuracy, &sparse_categorical_accuracy, &categorical_accuracy}) {
    add_mean_kind(entries, *kind);
  }
  add_mean_kind(entries, binary_accuracy);
  add_mean_kind(entries, top_k_accuracy);
  add_mean_kind(entries, sparse_top_k_accuracy);
}

}  // namespace unspool
