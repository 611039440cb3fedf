#pragma once

#include <optional>
#include <string>

#include <unspool/models/metric_base.h>

namespace unspool {

/// Arguments of R2Score.
struct R2Options {
  /// How the scores of the outputs become one: "uniform_average" or "variance_weighted_average"; nothing: one
  /// score for each output.
  std::optional<std::string> class_aggregation = "uniform_average";
  Index num_regressors = 0;  ///< For the adjusted score: the number of independent variables.
  std::string name = {};     ///< The name in the logs.
  DType dtype = float32;     ///< Of the result.

  static const Fields& fields();
};

/// The coefficient of determination, 1 - sum((y - p)^2) / sum((y - mean(y))^2), for labels and predictions
/// (batch, outputs). Steps of sequences, (batch, time, outputs), count as samples.
Metric R2Score(R2Options options = {});

}  // namespace unspool
