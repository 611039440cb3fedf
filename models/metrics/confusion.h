#pragma once

#include <optional>
#include <string>
#include <vector>

#include <unspool/core/options_handle.h>
#include <unspool/models/metric_base.h>

/// \file
/// Metrics of binary decisions: a prediction above a threshold is positive. Each element of labels and
/// predictions is a decision; labels other than 0 are positive.

namespace unspool {

/// No threshold, one, or several, for each of which there is a result.
class Thresholds {
 public:
  /// The default of the metric.
  Thresholds() = default;
  /// One.
  Thresholds(double threshold);
  ///@{
  /// Several.
  Thresholds(std::initializer_list<double> thresholds);
  Thresholds(std::vector<double> thresholds);
  ///@}
  ///@{
  /// The thresholds as they were given.
  const std::vector<double>& list() const& { return list_; }
  std::vector<double> list() && { return std::move(list_); }
  ///@}
  /// Whether they are a list in configs.
  bool is_list() const { return is_list_; }

 private:
  std::vector<double> list_;
  bool is_list_ = false;
};

/// Thresholds are null, a number or a list in configs.
template <>
struct ConfigValue<Thresholds> {
  static constexpr std::string_view name = "Thresholds";
  static Config to(const Thresholds& value);
  static Thresholds from(const Config& config);
};

struct CountOptions;
struct PrecisionOptions;
struct SensitivityAtSpecificityOptions;
struct SpecificityAtSensitivityOptions;
struct PrecisionAtRecallOptions;
struct RecallAtPrecisionOptions;

namespace internal {
Metric make_true_positives(const CountOptions& options);
Metric make_false_positives(const CountOptions& options);
Metric make_true_negatives(const CountOptions& options);
Metric make_false_negatives(const CountOptions& options);
Metric make_precision(const PrecisionOptions& options);
Metric make_recall(const PrecisionOptions& options);
Metric make_sensitivity_at_specificity(const SensitivityAtSpecificityOptions& options);
Metric make_specificity_at_sensitivity(const SpecificityAtSensitivityOptions& options);
Metric make_precision_at_recall(const PrecisionAtRecallOptions& options);
Metric make_recall_at_precision(const RecallAtPrecisionOptions& options);
}  // namespace internal

/// Arguments of TruePositives, FalsePositives, TrueNegatives and FalseNegatives.
struct CountOptions {
  Thresholds thresholds = {};  ///< In [0, 1]. Default: 0.5.
  std::string name = {};       ///< The name in the logs.
  DType dtype = float32;       ///< Of the result.

  static const Fields& fields();
};
///@{
/// The sum of the weights of the decisions of one kind.
using TruePositives = OptionsHandle<internal::make_true_positives>;
using FalsePositives = OptionsHandle<internal::make_false_positives>;
using TrueNegatives = OptionsHandle<internal::make_true_negatives>;
using FalseNegatives = OptionsHandle<internal::make_false_negatives>;
///@}

/// Arguments of Precision and Recall.
struct PrecisionOptions {
  Thresholds thresholds = {};                    ///< In [0, 1]. Default: 0.5; none with top_k.
  std::optional<Index> top_k = std::nullopt;     ///< Only the largest k predictions of a sample are positive.
  std::optional<Index> class_id = std::nullopt;  ///< Only this class counts.
  std::string name = {};                         ///< The name in the logs.
  DType dtype = float32;                         ///< Of the result.

  static const Fields& fields();
};
/// The fraction of positive predictions that are right.
using Precision = OptionsHandle<internal::make_precision>;
/// The fraction of positive labels that are predicted.
using Recall = OptionsHandle<internal::make_recall>;

/// Arguments of SensitivityAtSpecificity.
struct SensitivityAtSpecificityOptions {
  required<double> specificity;                  ///< In [0, 1].
  Index num_thresholds = 200;                    ///< How many, evenly in [0, 1].
  std::optional<Index> class_id = std::nullopt;  ///< Only this class counts.
  std::string name = {};                         ///< The name in the logs.
  DType dtype = float32;                         ///< Of the result.

  static const Fields& fields();
};
/// The largest sensitivity (recall) at thresholds where the specificity is at least the given one.
using SensitivityAtSpecificity = OptionsHandle<internal::make_sensitivity_at_specificity>;

/// Arguments of SpecificityAtSensitivity.
struct SpecificityAtSensitivityOptions {
  required<double> sensitivity;                  ///< In [0, 1].
  Index num_thresholds = 200;                    ///< How many, evenly in [0, 1].
  std::optional<Index> class_id = std::nullopt;  ///< Only this class counts.
  std::string name = {};                         ///< The name in the logs.
  DType dtype = float32;                         ///< Of the result.

  static const Fields& fields();
};
/// The largest specificity at thresholds where the sensitivity (recall) is at least the given one.
using SpecificityAtSensitivity = OptionsHandle<internal::make_specificity_at_sensitivity>;

/// Arguments of PrecisionAtRecall.
struct PrecisionAtRecallOptions {
  required<double> recall;                       ///< In [0, 1].
  Index num_thresholds = 200;                    ///< How many, evenly in [0, 1].
  std::optional<Index> class_id = std::nullopt;  ///< Only this class counts.
  std::string name = {};                         ///< The name in the logs.
  DType dtype = float32;                         ///< Of the result.

  static const Fields& fields();
};
/// The largest precision at thresholds where the recall is at least the given one.
using PrecisionAtRecall = OptionsHandle<internal::make_precision_at_recall>;

/// Arguments of RecallAtPrecision.
struct RecallAtPrecisionOptions {
  required<double> precision;                    ///< In [0, 1].
  Index num_thresholds = 200;                    ///< How many, evenly in [0, 1].
  std::optional<Index> class_id = std::nullopt;  ///< Only this class counts.
  std::string name = {};                         ///< The name in the logs.
  DType dtype = float32;                         ///< Of the result.

  static const Fields& fields();
};
/// The largest recall at thresholds where the precision is at least the given one.
using RecallAtPrecision = OptionsHandle<internal::make_recall_at_precision>;

}  // namespace unspool
