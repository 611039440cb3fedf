#include <cmath>

#include <unspool/autograd/conversion.h>
#include <unspool/core/error.h>
#include <unspool/core/make_shared_as.h>
#include <unspool/models/internal/metric_kind.h>
#include <unspool/models/metrics/r2_score.h>

namespace unspool {

const Fields& R2Options::fields() {
  using O = R2Options;
  static const Fields all = fields_of<O>(
      field("class_aggregation", &O::class_aggregation, "how the scores of the outputs become one number"),
      field("num_regressors", &O::num_regressors,
            "for the adjusted score: the number of independent variables"),
      field("name", &O::name, "the metric's name"), field("dtype", &O::dtype, "the dtype of the result"));
  return all;
}

namespace {

class Determination final : public MetricBase {
 public:
  using Options = R2Options;
  explicit Determination(R2Options options)
      : MetricBase(internal::metric_name(options.name, "R2Score")), options_(std::move(options)) {
    options_.name = name();
    const auto& how = options_.class_aggregation;
    if (how && *how != "uniform_average" && *how != "variance_weighted_average") {
      throw ValueError(
          name() +
          ": expected class_aggregation to be \"uniform_average\", \"variance_weighted_average\" or "
          "nothing, got " +
          in_quotes(*how));
    }
    if (options_.num_regressors < 0) {
      throw ValueError(name() + ": expected num_regressors >= 0, got " +
                       std::to_string(options_.num_regressors));
    }
    samples_ = add_variable("num_samples");
  }

  void update_state(const Tensor& y_true, const Tensor& y_pred, const Tensor& sample_weight) override {
    const auto [labels, predicted] = internal::aligned(y_true, y_pred);
    if (!(labels.shape() == predicted.shape()) || labels.rank() == 0) {
      throw ValueError(name() + ": expected labels and predictions (batch, outputs), got " +
                       describe(y_true) + " and " + describe(y_pred));
    }
    const Index outputs = labels.rank() == 1 ? 1 : labels.shape().back();
    if (variables().size() == 1) {
      for (const char* each : {"squared_sum", "sum", "residual", "count"}) add_variable(each, {outputs});
    }
    if (variables()[1].size() != outputs) {
      throw ValueError(name() + ": expected predictions of " + std::to_string(variables()[1].size()) +
                       " outputs as before, got " + describe(y_pred));
    }
    const std::vector<double> y = labels.to_vector<double>();
    const std::vector<double> p = predicted.to_vector<double>();
    const std::vector<double> weights = internal::weights_of_elements(name(), sample_weight, labels.shape());
    const std::vector<double> zeros(static_cast<std::size_t>(outputs));
    std::vector<double> squares = zeros;
    std::vector<double> sums = zeros;
    std::vector<double> residuals = zeros;
    std::vector<double> counts = zeros;
    for (std::size_t i = 0; i < y.size(); ++i) {
      const std::size_t output = i % zeros.size();
      const double weight = weights.empty() ? 1 : weights[i];
      if (weight == 0) continue;
      squares[output] += weight * y[i] * y[i];
      sums[output] += weight * y[i];
      residuals[output] += weight * (y[i] - p[i]) * (y[i] - p[i]);
      counts[output] += weight;
    }
    internal::add_to(samples_, {static_cast<double>(y.size())});
    internal::add_to(variables()[1], squares);
    internal::add_to(variables()[2], sums);
    internal::add_to(variables()[3], residuals);
    internal::add_to(variables()[4], counts);
  }

  void update_masked(const Tensor& y_true, const Tensor& y_pred, const Tensor& sample_weight,
                     const Tensor& mask) override {
    MetricBase::update_masked(y_true, y_pred, sample_weight, mask);
    double left_out = 0;
    for (const bool kept : cast(mask, int32).to_vector<bool>()) left_out += kept ? 0 : 1;
    const double each = static_cast<double>(y_pred.size()) / static_cast<double>(mask.size());
    internal::add_to(samples_, {-left_out * each});
  }

  Tensor result() const override {
    if (variables().size() == 1) return Tensor::scalar(0, options_.dtype);
    const std::vector<double> squares = internal::elements_of(variables()[1]);
    const std::vector<double> sums = internal::elements_of(variables()[2]);
    const std::vector<double> residuals = internal::elements_of(variables()[3]);
    const std::vector<double> counts = internal::elements_of(variables()[4]);
    std::vector<double> scores;
    double total = 0;
    double weights = 0;
    for (std::size_t i = 0; i < sums.size(); ++i) {
      const double spread = squares[i] - sums[i] * sums[i] / counts[i];
      const double score = 1 - residuals[i] / spread;
      scores.push_back(std::isinf(score) ? 0 : score);
      const double weight = options_.class_aggregation == "uniform_average" ? 1 : spread;
      total += weight * scores.back();
      weights += weight;
    }
    if (options_.class_aggregation) scores = {total / weights};
    const double samples = double(samples_);
    const double regressors = static_cast<double>(options_.num_regressors);
    // With fewer samples there is no adjusted score.
    if (regressors > 0 && regressors < samples - 1) {
      for (double& score : scores) score = 1 - (1 - score) * (samples - 1) / (samples - regressors - 1);
    }
    return internal::result_of(scores, options_.dtype, options_.class_aggregation.has_value());
  }

  Config get_config() const override { return to_config(options_); }
  OptionalBool more_is_better() const override { return true; }

 private:
  R2Options options_;
  Variable samples_;
};

}  // namespace

Metric internal::make_r2_score(const R2Options& options) {
  return Metric(make_shared_as<MetricBase, Determination>(options));
}

void internal::add_r2_score(MetricEntries& entries) { add_metric_class<Determination>(entries, "R2Score"); }

}  // namespace unspool
