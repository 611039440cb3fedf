#pragma once

#include <optional>
#include <string>

#include <unspool/core/options_handle.h>
#include <unspool/models/metric_base.h>

namespace unspool {

struct R2Options;

namespace internal {
Metric make_r2_score(const R2Options& options);
}  // namespace internal

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
using R2Score = OptionsHandle<internal::make_r2_score>;

}  // namespace unspool
