#pragma once

#include <optional>
#include <string>

#include <unspool/core/options_handle.h>
#include <unspool/models/metric_base.h>

namespace unspool {

struct FBetaOptions;
struct F1Options;

namespace internal {
Metric make_fbeta_score(const FBetaOptions& options);
Metric make_f1_score(const F1Options& options);
}  // namespace internal

/// Arguments of FBetaScore.
struct FBetaOptions {
  /// How the scores of the classes become one: "micro" (of all decisions together), "macro" (their mean) or
  /// "weighted" (by how often a class occurs). Default: one score for each class.
  std::optional<std::string> average = std::nullopt;
  double beta = 1;  ///< How much more recall counts than precision.
  /// A prediction above it is positive. Default: the largest one of a sample is.
  std::optional<double> threshold = std::nullopt;
  std::string name = {};  ///< The name in the logs.
  DType dtype = float32;  ///< Of the result.

  static const Fields& fields();
};
/// (1 + beta^2) precision recall / (beta^2 precision + recall), for labels and predictions (batch, classes).
/// Steps of sequences, (batch, time, classes), count as samples.
using FBetaScore = OptionsHandle<internal::make_fbeta_score>;

/// Arguments of F1Score.
struct F1Options {
  std::optional<std::string> average = std::nullopt;  ///< As in FBetaOptions.
  std::optional<double> threshold = std::nullopt;     ///< As in FBetaOptions.
  std::string name = {};                              ///< The name in the logs.
  DType dtype = float32;                              ///< Of the result.

  static const Fields& fields();
};
/// FBetaScore with beta 1: the harmonic mean of precision and recall.
using F1Score = OptionsHandle<internal::make_f1_score>;

}  // namespace unspool
