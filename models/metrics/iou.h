#pragma once

#include <optional>
#include <string>
#include <vector>

#include <unspool/core/options_handle.h>
#include <unspool/models/metric_base.h>

/// \file
/// Intersection over union of classes: true positives / (true positives + false positives + false negatives).
/// Labels and predictions out of range do not count. Sample weights need not be integers, unlike in Keras.

namespace unspool {

struct IoUOptions;
struct BinaryIoUOptions;
struct MeanIoUOptions;
struct OneHotIoUOptions;
struct OneHotMeanIoUOptions;

namespace internal {
Metric make_iou(const IoUOptions& options);
Metric make_binary_iou(const BinaryIoUOptions& options);
Metric make_mean_iou(const MeanIoUOptions& options);
Metric make_one_hot_iou(const OneHotIoUOptions& options);
Metric make_one_hot_mean_iou(const OneHotMeanIoUOptions& options);
}  // namespace internal

/// Arguments of IoU.
struct IoUOptions {
  required<Index> num_classes;                       ///< How many classes there are.
  required<std::vector<Index>> target_class_ids;     ///< Whose mean is the result.
  std::string name = {};                             ///< The name in the logs.
  DType dtype = float32;                             ///< Of the result.
  std::optional<Index> ignore_class = std::nullopt;  ///< Samples with this label do not count.
  bool sparse_y_true = true;                         ///< Whether labels are class numbers, not one-hot.
  bool sparse_y_pred = true;                         ///< Whether predictions are class numbers, not scores.
  int axis = -1;                                     ///< The axis of the classes.

  static const Fields& fields();
};
/// The mean over some classes.
using IoU = OptionsHandle<internal::make_iou>;

/// Arguments of BinaryIoU.
struct BinaryIoUOptions {
  std::vector<Index> target_class_ids = {0, 1};  ///< Whose mean is the result.
  double threshold = 0.5;                        ///< Predictions from here on are of class 1.
  std::string name = {};                         ///< The name in the logs.
  DType dtype = float32;                         ///< Of the result.

  static const Fields& fields();
};
/// IoU of the classes 0 and 1, with probabilities as predictions.
using BinaryIoU = OptionsHandle<internal::make_binary_iou>;

/// Arguments of MeanIoU.
struct MeanIoUOptions {
  required<Index> num_classes;                       ///< How many classes there are.
  std::string name = {};                             ///< The name in the logs.
  DType dtype = float32;                             ///< Of the result.
  std::optional<Index> ignore_class = std::nullopt;  ///< Samples with this label do not count.
  bool sparse_y_true = true;                         ///< Whether labels are class numbers, not one-hot.
  bool sparse_y_pred = true;                         ///< Whether predictions are class numbers, not scores.
  int axis = -1;                                     ///< The axis of the classes.

  static const Fields& fields();
};
/// The mean over all classes.
using MeanIoU = OptionsHandle<internal::make_mean_iou>;

/// Arguments of OneHotIoU.
struct OneHotIoUOptions {
  required<Index> num_classes;                       ///< How many classes there are.
  required<std::vector<Index>> target_class_ids;     ///< Whose mean is the result.
  std::string name = {};                             ///< The name in the logs.
  DType dtype = float32;                             ///< Of the result.
  std::optional<Index> ignore_class = std::nullopt;  ///< Samples with this label do not count.
  bool sparse_y_pred = false;                        ///< Whether predictions are class numbers, not scores.
  int axis = -1;                                     ///< The axis of the classes.

  static const Fields& fields();
};
/// IoU for one-hot labels.
using OneHotIoU = OptionsHandle<internal::make_one_hot_iou>;

/// Arguments of OneHotMeanIoU.
struct OneHotMeanIoUOptions {
  required<Index> num_classes;                       ///< How many classes there are.
  std::string name = {};                             ///< The name in the logs.
  DType dtype = float32;                             ///< Of the result.
  std::optional<Index> ignore_class = std::nullopt;  ///< Samples with this label do not count.
  bool sparse_y_pred = false;                        ///< Whether predictions are class numbers, not scores.
  int axis = -1;                                     ///< The axis of the classes.

  static const Fields& fields();
};
/// MeanIoU for one-hot labels.
using OneHotMeanIoU = OptionsHandle<internal::make_one_hot_mean_iou>;

}  // namespace unspool
