#pragma once

#include <optional>
#include <string>

#include <unspool/core/options_handle.h>
#include <unspool/layers/numbers.h>
#include <unspool/models/metric_base.h>

namespace unspool {

struct AUCOptions;

namespace internal {
Metric make_auc(const AUCOptions& options);
}  // namespace internal

/// Arguments of AUC.
struct AUCOptions {
  Index num_thresholds = 200;  ///< How many, evenly in [0, 1].
  std::string curve = "ROC";   ///< "ROC", "PR" (precision and recall), or "PRGAIN" (their gains).
  /// How the area between two thresholds is computed: "interpolation", "majoring" or "minoring".
  std::string summation_method = "interpolation";
  std::string name = {};                           ///< The name in the logs.
  DType dtype = float32;                           ///< Of the result.
  Numbers thresholds = {};                         ///< Others than the even ones.
  bool multi_label = false;                        ///< Whether each label has its own area.
  std::optional<Index> num_labels = std::nullopt;  ///< With multi_label: how many labels.
  Numbers label_weights = {};                      ///< A weight for each label.
  bool from_logits = false;                        ///< Whether y_pred are not probabilities but their logits.

  static const Fields& fields();
};

/// The area under a curve of binary decisions over all thresholds, with labels 0 and 1.
using AUC = OptionsHandle<internal::make_auc>;

}  // namespace unspool
