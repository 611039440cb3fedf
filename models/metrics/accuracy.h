#pragma once

#include <string>

#include <unspool/core/options_handle.h>
#include <unspool/models/metric_base.h>

/// \file
/// Fractions of right predictions.

namespace unspool {

struct BinaryAccuracyOptions;
struct TopKOptions;
struct SparseTopKOptions;

namespace internal {
Metric make_accuracy(const MetricOptions& options);
Metric make_sparse_categorical_accuracy(const MetricOptions& options);
Metric make_categorical_accuracy(const MetricOptions& options);
Metric make_binary_accuracy(const BinaryAccuracyOptions& options);
Metric make_top_k_categorical_accuracy(const TopKOptions& options);
Metric make_sparse_top_k_categorical_accuracy(const SparseTopKOptions& options);
}  // namespace internal

/// The fraction of predictions that are equal to the labels. The name "accuracy" means, as in Keras, the one
/// of BinaryAccuracy, CategoricalAccuracy and SparseCategoricalAccuracy that fits labels and predictions.
using Accuracy = OptionsHandle<internal::make_accuracy>;
/// The fraction of samples whose largest prediction is that of the true class, for labels 0, 1, ...
using SparseCategoricalAccuracy = OptionsHandle<internal::make_sparse_categorical_accuracy>;
/// The fraction of samples whose largest prediction is that of the true class, for one-hot labels.
using CategoricalAccuracy = OptionsHandle<internal::make_categorical_accuracy>;

/// Arguments of BinaryAccuracy.
struct BinaryAccuracyOptions {
  std::string name = {};   ///< The name in the logs.
  DType dtype = float32;   ///< Of the result.
  double threshold = 0.5;  ///< A prediction above it means 1.

  static const Fields& fields();
};
/// The fraction of predictions on the correct side of a threshold.
using BinaryAccuracy = OptionsHandle<internal::make_binary_accuracy>;

/// Arguments of TopKCategoricalAccuracy.
struct TopKOptions {
  Index k = 5;            ///< How many of the largest predictions count.
  std::string name = {};  ///< The name in the logs.
  DType dtype = float32;  ///< Of the result.

  static const Fields& fields();
};
/// The fraction of samples whose true class is among the k with the largest predictions, for one-hot labels.
/// Predictions equal to that of the true class do not count against it.
using TopKCategoricalAccuracy = OptionsHandle<internal::make_top_k_categorical_accuracy>;

/// Arguments of SparseTopKCategoricalAccuracy.
struct SparseTopKOptions {
  Index k = 5;                   ///< How many of the largest predictions count.
  std::string name = {};         ///< The name in the logs.
  DType dtype = float32;         ///< Of the result.
  bool from_sorted_ids = false;  ///< Whether y_pred are not scores but class numbers, best first.

  static const Fields& fields();
};
/// TopKCategoricalAccuracy for labels 0, 1, ...
using SparseTopKCategoricalAccuracy = OptionsHandle<internal::make_sparse_top_k_categorical_accuracy>;

}  // namespace unspool
