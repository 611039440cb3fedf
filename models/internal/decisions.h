#pragma once

#include <optional>
#include <string>
#include <vector>

#include <unspool/core/tensor.h>

namespace unspool::internal {

/// Thresholds of binary decisions. Computed in float32, as in Keras, so that predictions equal to a threshold
/// fall on the same side.
class DecisionThresholds {
 public:
  explicit DecisionThresholds(const std::vector<double>& thresholds);

  std::size_t size() const { return thresholds_.size(); }
  /// Whether a prediction is above a threshold.
  bool is_positive(float prediction, std::size_t threshold) const {
    return prediction > thresholds_[threshold];
  }
  /// Whether they are i / (n - 1).
  bool are_even() const { return even_; }
  /// How many thresholds are below a prediction; for even ones.
  std::size_t even_below(float prediction) const;

 private:
  std::vector<float> thresholds_;
  bool even_;
};

/// What of a batch decisions are made of.
struct DecisionRules {
  std::optional<Index> top_k = std::nullopt;
  std::optional<Index> class_id = std::nullopt;
  /// Whether the last axis is of labels that are counted apart.
  bool by_label = false;
  /// A weight for each index of the last axis; empty: all 1.
  std::vector<double> label_weights = {};
};

/// The sums of weights of the four kinds of decisions: [threshold], or [threshold][label] by label.
struct DecisionCounts {
  std::vector<double> true_positives;
  std::vector<double> false_positives;
  std::vector<double> true_negatives;
  std::vector<double> false_negatives;
};

/// Counts the decisions of a batch. `name` is that of the metric, for errors.
DecisionCounts count_decisions(const std::string& name, const DecisionThresholds& thresholds,
                               const DecisionRules& rules, const Tensor& y_true, const Tensor& y_pred,
                               const Tensor& sample_weight);

}  // namespace unspool::internal
