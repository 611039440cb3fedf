#include <algorithm>
#include <cmath>
#include <numeric>

#include <unspool/autograd/conversion.h>
#include <unspool/core/error.h>
#include <unspool/models/internal/decisions.h>
#include <unspool/models/internal/metric_kind.h>

namespace unspool::internal {

namespace {

/// Predictions that are not among the k largest of their row become lower than any threshold. Of equal ones
/// the first count.
void keep_largest(std::vector<float>& predictions, std::size_t columns, std::size_t k) {
  if (k >= columns) return;
  std::vector<std::size_t> order(columns);
  for (std::size_t row = 0; row < predictions.size(); row += columns) {
    float* p = predictions.data() + row;
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return p[a] > p[b]; });
    for (std::size_t i = k; i < columns; ++i) p[order[i]] = -1e10F;
  }
}

void add_backwards(std::vector<double>& counts, std::size_t labels) {
  for (std::size_t i = counts.size() - labels; i > 0; --i) counts[i - 1] += counts[i - 1 + labels];
}

}  // namespace

DecisionThresholds::DecisionThresholds(const std::vector<double>& thresholds)
    : thresholds_(thresholds.begin(), thresholds.end()), even_(thresholds.size() >= 3) {
  for (std::size_t i = 0; even_ && i < thresholds.size(); ++i) {
    const double even = static_cast<double>(i) / static_cast<double>(thresholds.size() - 1);
    // The tolerance of NumPy's allclose with Keras' epsilon.
    even_ = std::abs(thresholds[i] - even) <= 1e-7 + 1e-5 * even;
  }
}

std::size_t DecisionThresholds::even_below(float prediction) const {
  const float inside = std::clamp(std::isnan(prediction) ? 0.0F : prediction, 0.0F, 1.0F);
  const float below = std::ceil(inside * static_cast<float>(size() - 1));
  // AUC's first threshold is a little below 0, and so below a prediction of 0.
  return std::max(static_cast<std::size_t>(below),
                  std::size_t{thresholds_.front() < 0 || thresholds_.back() > 1});
}

DecisionCounts count_decisions(const std::string& name, const DecisionThresholds& thresholds,
                               const DecisionRules& rules, const Tensor& y_true, const Tensor& y_pred,
                               const Tensor& sample_weight) {
  const auto [labels_given, predicted] = aligned(y_true, y_pred);
  if (!(labels_given.shape() == predicted.shape())) {
    throw ValueError(name + ": expected labels of the shape of the predictions " + describe(y_pred) +
                     ", got " + describe(y_true));
  }
  const Shape& shape = predicted.shape();
  const std::size_t columns = shape.rank() == 0 ? 1 : static_cast<std::size_t>(shape.back());
  if (rules.class_id && (shape.rank() < 2 || *rules.class_id < 0 || *rules.class_id >= shape.back())) {
    throw ValueError(name + ": expected predictions (batch, classes) with a class " +
                     std::to_string(*rules.class_id) + ", which class_id says, got " + describe(y_pred));
  }
  if (!rules.label_weights.empty() && rules.label_weights.size() != columns) {
    throw ValueError(name + ": expected predictions of " + std::to_string(rules.label_weights.size()) +
                     " labels, as many as label_weights, got " + describe(y_pred));
  }
  const std::vector<float> y = labels_given.to_vector<float>();
  std::vector<float> p = predicted.to_vector<float>();
  const std::vector<double> weights = weights_of_elements(name, sample_weight, shape);
  if (rules.top_k) keep_largest(p, columns, static_cast<std::size_t>(*rules.top_k));

  const std::size_t labels = rules.by_label ? columns : 1;
  const std::size_t count = thresholds.size();
  const std::vector<double> zeros(count * labels);
  DecisionCounts counts{zeros, zeros, zeros, zeros};
  std::vector<double> positives(labels);
  std::vector<double> negatives(labels);
  for (std::size_t i = 0; i < p.size(); ++i) {
    const std::size_t column = i % columns;
    if (rules.class_id && column != static_cast<std::size_t>(*rules.class_id)) continue;
    double weight = weights.empty() ? 1 : weights[i];
    if (weight == 0) continue;
    if (!rules.label_weights.empty()) weight *= rules.label_weights[column];
    const std::size_t label = rules.by_label ? column : 0;
    const bool is_positive = y[i] != 0;
    (is_positive ? positives : negatives)[label] += weight;
    std::vector<double>& positive = is_positive ? counts.true_positives : counts.false_positives;
    if (!thresholds.are_even()) {
      for (std::size_t t = 0; t < count; ++t) {
        if (thresholds.is_positive(p[i], t)) positive[t * labels + label] += weight;
      }
    } else if (const std::size_t below = thresholds.even_below(p[i]); below > 0) {
      positive[(below - 1) * labels + label] += weight;
    }
  }
  if (thresholds.are_even()) {
    // So far each decision counts at the last threshold that is below it.
    add_backwards(counts.true_positives, labels);
    add_backwards(counts.false_positives, labels);
  }
  for (std::size_t i = 0; i < zeros.size(); ++i) {
    // Sums in another order may differ by a rounding error.
    counts.false_negatives[i] = std::max(positives[i % labels] - counts.true_positives[i], 0.0);
    counts.true_negatives[i] = std::max(negatives[i % labels] - counts.false_positives[i], 0.0);
  }
  return counts;
}

}  // namespace unspool::internal
