#pragma once

#include <string>
#include <utility>

#include <unspool/core/options_handle.h>
#include <unspool/core/tensor.h>
#include <unspool/models/metric_base.h>

/// \file
/// Means and sums of values, and metrics that are means over samples.

namespace unspool {

/// The weighted mean of values: mean.update_state(values, weights).
class Mean {
 public:
  /// A name for the logs.
  explicit Mean(std::string name = "mean") : name_(std::move(name)) {}
  ///@{
  /// The name in the logs; a copy for temporaries.
  const std::string& name() const& { return name_; }
  std::string name() && { return std::move(name_); }
  ///@}
  /// Adds a batch. Each sample counts once, as the mean of its values. Values with weight 0 are ignored, even
  /// if they are NaN.
  void update_state(const Tensor& values, const Tensor& sample_weight = {});
  /// Adds one value.
  void update_state(double value, double sample_weight = 1) {
    total_ += value * sample_weight;
    count_ += sample_weight;
  }
  /// The mean; 0 before the first value.
  double result() const { return count_ == 0 ? 0 : total_ / count_; }
  /// Removes all values.
  void reset_state() { total_ = count_ = 0; }
  /// The sum of the values, each times its weight.
  double total() const { return total_; }
  /// The sum of the weights.
  double count() const { return count_; }
  /// Continues from these sums.
  void set_state(double total, double count) {
    total_ = total;
    count_ = count;
  }

 private:
  std::string name_;
  double total_ = 0;
  double count_ = 0;
};

/// The weighted sum of values: sum.update_state(values, weights).
class Sum {
 public:
  /// A name for the logs.
  explicit Sum(std::string name = "sum") : name_(std::move(name)) {}
  ///@{
  /// The name in the logs; a copy for temporaries.
  const std::string& name() const& { return name_; }
  std::string name() && { return std::move(name_); }
  ///@}
  /// Adds the values of a batch. Values with weight 0 are ignored, even if they are NaN.
  void update_state(const Tensor& values, const Tensor& sample_weight = {});
  /// The sum; 0 before the first value.
  double result() const { return total_; }
  /// Removes all values.
  void reset_state() { total_ = 0; }

 private:
  std::string name_;
  double total_ = 0;
};

struct VectorMetricOptions;

namespace internal {
Metric make_root_mean_squared_error(const MetricOptions& options);
Metric make_log_cosh_error(const MetricOptions& options);
Metric make_pearson_correlation(const VectorMetricOptions& options);
Metric make_concordance_correlation(const VectorMetricOptions& options);
Metric make_metric_cosine_similarity(const VectorMetricOptions& options);
}  // namespace internal

/// sqrt(mean((y_true - y_pred)^2)) of all elements, also called "rmse".
using RootMeanSquaredError = OptionsHandle<internal::make_root_mean_squared_error>;
/// mean(log(cosh(y_pred - y_true))).
using LogCoshError = OptionsHandle<internal::make_log_cosh_error>;

/// Arguments of metrics of vectors.
struct VectorMetricOptions {
  std::string name = {};  ///< The name in the logs.
  DType dtype = float32;  ///< Of the result.
  int axis = -1;          ///< The axis of a vector's elements.

  static const Fields& fields();
};
/// Pearson's correlation of labels and predictions along an axis, as a mean over samples.
using PearsonCorrelation = OptionsHandle<internal::make_pearson_correlation>;
/// Lin's concordance correlation coefficient along an axis, as a mean over samples.
using ConcordanceCorrelation = OptionsHandle<internal::make_concordance_correlation>;

namespace metrics {
/// The cosine of the angle between y_true and y_pred: "cosine_similarity" as a metric. The loss
/// CosineSimilarity() has the other sign, as in Keras.
using CosineSimilarity = OptionsHandle<internal::make_metric_cosine_similarity>;
}  // namespace metrics

}  // namespace unspool
