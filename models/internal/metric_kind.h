#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <unspool/core/make_shared_as.h>
#include <unspool/models/internal/loss_kind.h>
#include <unspool/models/metric_base.h>

namespace unspool::internal {

/// The sum of the values of samples, each times its weight, and the sum of the weights.
struct WeightedSum {
  double total = 0;
  double count = 0;
};
/// Each sample counts once, as the mean of its values. `weights` (empty: all 1) has the shape of the values
/// or of their leading axes. `name` is that of the metric, for errors.
WeightedSum weighted_mean(const std::string& name, const Tensor& values, const Tensor& weights);
/// The sum of all values, each times its weight.
double weighted_sum(const std::string& name, const Tensor& values, const Tensor& weights);

/// Weights of samples, times the mask.
Tensor weights_with_mask(const Tensor& weights, const Tensor& mask);
/// A weight for each element of a tensor of this shape, in row-major order; empty for no weights. `weights`
/// has this shape or that of its leading axes. `name` is that of the metric, for errors.
std::vector<double> weights_of_elements(const std::string& name, const Tensor& weights, const Shape& shape);
/// Adds numbers to the elements of a float64 variable.
void add_to(const Variable& variable, const std::vector<double>& values);
/// The elements of a float64 variable.
std::vector<double> elements_of(const Variable& variable);
/// numerator / denominator, or 0 for a denominator of 0.
inline double divide_no_nan(double numerator, double denominator) {
  return denominator == 0 ? 0 : numerator / denominator;
}
/// A tensor of these numbers; of rank 0 if `is_number`.
Tensor result_of(const std::vector<double>& values, DType dtype, bool is_number);
/// The name in the logs: `given`, or else `log_name`, or else the class name in snake case.
std::string metric_name(const std::string& given, std::string_view class_name,
                        std::string_view log_name = {});

/// The mean, over samples, of what a function gives for each of them.
class MeanOf : public MetricBase {
 public:
  MeanOf(std::string name, Function function, DType dtype = float32, bool root = false);
  void update_state(const Tensor& y_true, const Tensor& y_pred, const Tensor& sample_weight) override;
  Tensor result() const override;

 protected:
  void add(const WeightedSum& batch);

 private:
  Function function_;
  DType dtype_;
  bool root_;
  Variable total_ = add_variable("total");
  Variable count_ = add_variable("count");
};

/// What a built-in metric is that is a mean over samples. Its options are of type O.
template <class O>
struct MeanKind {
  /// The name of the class in configs. The name in snake case stands for it, too.
  std::string_view name;
  Tensor (*call)(const O&, const Tensor& y_true, const Tensor& y_pred);
  bool more_is_better = true;
  /// Further names, separated by spaces.
  std::string_view aliases = {};
  /// The name in the logs; empty: the name in snake case.
  std::string_view log_name = {};
  /// Whether the result is the square root of the mean.
  bool root = false;
};

template <class O>
class BuiltInMean final : public MeanOf {
 public:
  using Options = O;
  BuiltInMean(const MeanKind<O>& kind, const O& options)
      : MeanOf(
            metric_name(options.name, kind.name, kind.log_name),
            [&kind, options](const Tensor& y, const Tensor& p) { return kind.call(options, y, p); },
            options.dtype, kind.root),
        kind_(kind),
        options_(options) {
    options_.name = name();
  }
  std::string class_name() const override { return std::string(kind_.name); }
  Config get_config() const override { return to_config(options_); }
  OptionalBool more_is_better() const override { return kind_.more_is_better; }

 private:
  const MeanKind<O>& kind_;
  O options_;
};

template <class O>
Metric made_metric(const MeanKind<O>& kind, const O& options) {
  return Metric(make_shared_as<MetricBase, BuiltInMean<O>>(kind, options));
}

using MetricEntries = std::vector<Registry<MetricBase>::Entry>;

/// Adds the names of a kind, which must live as long as the program.
template <class O>
void add_mean_kind(MetricEntries& entries, const MeanKind<O>& kind) {
  add_names(entries, kind.name, kind.aliases, typeid(BuiltInMean<O>),
            [&kind](const Config& config) -> std::shared_ptr<MetricBase> {
              return make_shared_as<MetricBase, BuiltInMean<O>>(kind, from_config<O>(config));
            });
}
/// Adds the names of a class that is made from T::Options.
template <class T>
void add_metric_class(MetricEntries& entries, std::string_view name, std::string_view aliases = {}) {
  add_names(entries, name, aliases, typeid(T), &made_from_config<MetricBase, T>);
}

///@{
/// The built-in metrics of a header.
void add_accuracies(MetricEntries& entries);
void add_mean_metrics(MetricEntries& entries);
void add_confusion_metrics(MetricEntries& entries);
void add_auc(MetricEntries& entries);
void add_f_scores(MetricEntries& entries);
void add_iou_metrics(MetricEntries& entries);
void add_r2_score(MetricEntries& entries);
void add_edit_distance(MetricEntries& entries);
///@}

}  // namespace unspool::internal
