#include <algorithm>
#include <cmath>
#include <numeric>

#include <unspool/autograd/comparison.h>
#include <unspool/autograd/conversion.h>
#include <unspool/autograd/reduction.h>
#include <unspool/core/error.h>
#include <unspool/core/make_shared_as.h>
#include <unspool/layers/internal/build_budget.h>
#include <unspool/models/internal/metric_kind.h>
#include <unspool/models/metrics/iou.h>

namespace unspool {

namespace {

constexpr std::string_view about_classes_count = "the number of classes";
constexpr std::string_view about_targets = "the classes whose mean is the result";
constexpr std::string_view about_iou_name = "the metric's name";
constexpr std::string_view about_iou_dtype = "the dtype of the result";
constexpr std::string_view about_ignored = "samples with this label do not count";
constexpr std::string_view about_labels = "labels are class numbers, not one-hot";
constexpr std::string_view about_predictions = "predictions are class numbers, not scores";
constexpr std::string_view about_class_axis = "the axis of the classes";

}  // namespace

const Fields& IoUOptions::fields() {
  using O = IoUOptions;
  static const Fields all = fields_of<O>(
      field("num_classes", &O::num_classes, about_classes_count),
      field("target_class_ids", &O::target_class_ids, about_targets), field("name", &O::name, about_iou_name),
      field("dtype", &O::dtype, about_iou_dtype), field("ignore_class", &O::ignore_class, about_ignored),
      field("sparse_y_true", &O::sparse_y_true, about_labels),
      field("sparse_y_pred", &O::sparse_y_pred, about_predictions),
      field("axis", &O::axis, about_class_axis));
  return all;
}

const Fields& BinaryIoUOptions::fields() {
  using O = BinaryIoUOptions;
  static const Fields all =
      fields_of<O>(field("target_class_ids", &O::target_class_ids, about_targets),
                   field("threshold", &O::threshold, "predictions from here on are of class 1"),
                   field("name", &O::name, about_iou_name), field("dtype", &O::dtype, about_iou_dtype));
  return all;
}

const Fields& MeanIoUOptions::fields() {
  using O = MeanIoUOptions;
  static const Fields all = fields_of<O>(
      field("num_classes", &O::num_classes, about_classes_count), field("name", &O::name, about_iou_name),
      field("dtype", &O::dtype, about_iou_dtype), field("ignore_class", &O::ignore_class, about_ignored),
      field("sparse_y_true", &O::sparse_y_true, about_labels),
      field("sparse_y_pred", &O::sparse_y_pred, about_predictions),
      field("axis", &O::axis, about_class_axis));
  return all;
}

const Fields& OneHotIoUOptions::fields() {
  using O = OneHotIoUOptions;
  static const Fields all = fields_of<O>(
      field("num_classes", &O::num_classes, about_classes_count),
      field("target_class_ids", &O::target_class_ids, about_targets), field("name", &O::name, about_iou_name),
      field("dtype", &O::dtype, about_iou_dtype), field("ignore_class", &O::ignore_class, about_ignored),
      field("sparse_y_pred", &O::sparse_y_pred, about_predictions),
      field("axis", &O::axis, about_class_axis));
  return all;
}

const Fields& OneHotMeanIoUOptions::fields() {
  using O = OneHotMeanIoUOptions;
  static const Fields all = fields_of<O>(
      field("num_classes", &O::num_classes, about_classes_count), field("name", &O::name, about_iou_name),
      field("dtype", &O::dtype, about_iou_dtype), field("ignore_class", &O::ignore_class, about_ignored),
      field("sparse_y_pred", &O::sparse_y_pred, about_predictions),
      field("axis", &O::axis, about_class_axis));
  return all;
}

namespace {

/// What these metrics have in common.
struct Intersection {
  Index classes = 2;
  std::vector<Index> targets = {};
  std::optional<Index> ignored = std::nullopt;
  bool sparse_labels = true;
  bool sparse_predictions = true;
  int axis = -1;
  std::optional<double> threshold = std::nullopt;
  DType dtype = float32;
};

std::vector<Index> all_classes(Index count) {
  internal::BuildBudget::take_state({std::max(count, Index{0})});
  std::vector<Index> all(static_cast<std::size_t>(std::max(count, Index{0})));
  std::iota(all.begin(), all.end(), Index{0});
  return all;
}

Intersection intersection_of(const IoUOptions& o) {
  return {o.num_classes, o.target_class_ids, o.ignore_class, o.sparse_y_true, o.sparse_y_pred,
          o.axis,        std::nullopt,       o.dtype};
}
Intersection intersection_of(const BinaryIoUOptions& o) {
  return {.targets = o.target_class_ids, .threshold = o.threshold, .dtype = o.dtype};
}
Intersection intersection_of(const MeanIoUOptions& o) {
  return {o.num_classes,   all_classes(o.num_classes),
          o.ignore_class,  o.sparse_y_true,
          o.sparse_y_pred, o.axis,
          std::nullopt,    o.dtype};
}
Intersection intersection_of(const OneHotIoUOptions& o) {
  return {o.num_classes, o.target_class_ids, o.ignore_class, false, o.sparse_y_pred,
          o.axis,        std::nullopt,       o.dtype};
}
Intersection intersection_of(const OneHotMeanIoUOptions& o) {
  return {
      o.num_classes, all_classes(o.num_classes), o.ignore_class, false, o.sparse_y_pred, o.axis, std::nullopt,
      o.dtype};
}

class IntersectionOverUnion : public MetricBase {
 public:
  IntersectionOverUnion(std::string name, Intersection what)
      : MetricBase(std::move(name)), what_(std::move(what)) {
    if (what_.classes < 1) {
      throw ValueError(MetricBase::name() + ": expected num_classes >= 1, got " +
                       std::to_string(what_.classes));
    }
    for (const Index target : what_.targets) {
      if (target >= 0 && target < what_.classes) continue;
      throw ValueError(MetricBase::name() + ": expected target_class_ids in [0, " +
                       std::to_string(what_.classes) + "), got " + std::to_string(target));
    }
    add_variable("total_confusion_matrix", {what_.classes, what_.classes});
  }

  void update_state(const Tensor& y_true, const Tensor& y_pred, const Tensor& sample_weight) override {
    const Tensor y = what_.sparse_labels ? y_true : Tensor(argmax(y_true, what_.axis));
    Tensor p = what_.sparse_predictions ? y_pred : Tensor(argmax(y_pred, what_.axis));
    if (what_.threshold) p = cast(cast(y_pred, float32) >= *what_.threshold, int32);
    if (y.size() != p.size()) {
      throw ValueError(name() + ": expected as many labels as predictions, got " + describe(y_true) +
                       " and " + describe(y_pred));
    }
    const std::vector<double> labels = y.to_vector<double>();
    const std::vector<double> predictions = p.to_vector<double>();
    const std::vector<double> weights = internal::weights_of_elements(name(), sample_weight, p.shape());
    const auto count = static_cast<std::size_t>(what_.classes);
    std::vector<double> matrix(count * count);
    const auto in_range = [&](double x) { return x > -1 && x < static_cast<double>(what_.classes); };
    for (std::size_t i = 0; i < labels.size(); ++i) {
      const double weight = weights.empty() ? 1 : weights[i];
      if (weight == 0 || !in_range(labels[i]) || !in_range(predictions[i])) continue;
      const double label = std::trunc(labels[i]);
      if (what_.ignored && label == static_cast<double>(*what_.ignored)) continue;
      matrix[static_cast<std::size_t>(label) * count + static_cast<std::size_t>(predictions[i])] += weight;
    }
    internal::add_to(variables()[0], matrix);
  }

  Tensor result() const override {
    const std::vector<double> matrix = internal::elements_of(variables()[0]);
    const auto count = static_cast<std::size_t>(what_.classes);
    double total = 0;
    double occurring = 0;
    for (const Index target : what_.targets) {
      const auto k = static_cast<std::size_t>(target);
      double all = -matrix[k * count + k];
      for (std::size_t i = 0; i < count; ++i) all += matrix[k * count + i] + matrix[i * count + k];
      if (all <= 1e-9) continue;
      total += matrix[k * count + k] / (all + 1e-7);
      ++occurring;
    }
    return Tensor::scalar(total / (occurring + 1e-7), is_floating(what_.dtype) ? what_.dtype : float32);
  }
  OptionalBool more_is_better() const override { return true; }

 private:
  Intersection what_;
};

template <class O>
constexpr std::string_view iou_name = "";
template <>
constexpr std::string_view iou_name<IoUOptions> = "IoU";
template <>
constexpr std::string_view iou_name<BinaryIoUOptions> = "BinaryIoU";
template <>
constexpr std::string_view iou_name<MeanIoUOptions> = "MeanIoU";
template <>
constexpr std::string_view iou_name<OneHotIoUOptions> = "OneHotIoU";
template <>
constexpr std::string_view iou_name<OneHotMeanIoUOptions> = "OneHotMeanIoU";

template <class O>
class IoUMetric final : public IntersectionOverUnion {
 public:
  using Options = O;
  explicit IoUMetric(O options)
      : IntersectionOverUnion(internal::metric_name(options.name, iou_name<O>), intersection_of(options)),
        options_(std::move(options)) {
    options_.name = name();
  }
  Config get_config() const override { return to_config(options_); }

 private:
  O options_;
};

template <class O>
Metric made_iou(O options) {
  return Metric(make_shared_as<MetricBase, IoUMetric<O>>(std::move(options)));
}

}  // namespace

Metric internal::make_iou(const IoUOptions& options) { return made_iou(options); }
Metric internal::make_binary_iou(const BinaryIoUOptions& options) { return made_iou(options); }
Metric internal::make_mean_iou(const MeanIoUOptions& options) { return made_iou(options); }
Metric internal::make_one_hot_iou(const OneHotIoUOptions& options) { return made_iou(options); }
Metric internal::make_one_hot_mean_iou(const OneHotMeanIoUOptions& options) { return made_iou(options); }

void internal::add_iou_metrics(MetricEntries& entries) {
  add_metric_class<IoUMetric<IoUOptions>>(entries, "IoU", "iou");
  add_metric_class<IoUMetric<BinaryIoUOptions>>(entries, "BinaryIoU", "binary_iou");
  add_metric_class<IoUMetric<MeanIoUOptions>>(entries, "MeanIoU", "mean_iou");
  add_metric_class<IoUMetric<OneHotIoUOptions>>(entries, "OneHotIoU", "one_hot_iou");
  add_metric_class<IoUMetric<OneHotMeanIoUOptions>>(entries, "OneHotMeanIoU", "one_hot_mean_iou");
}

}  // namespace unspool
