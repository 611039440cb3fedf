#include <algorithm>
#include <cmath>
#include <numeric>

#include <unspool/core/error.h>
#include <unspool/core/make_shared_as.h>
#include <unspool/models/internal/metric_kind.h>
#include <unspool/models/metrics/f_score.h>

namespace unspool {

const Fields& FBetaOptions::fields() {
  using O = FBetaOptions;
  static const Fields all = fields_of<O>(
      field("average", &O::average, "how the scores of the classes become one number"),
      field("beta", &O::beta, "how much more recall counts than precision"),
      field("threshold", &O::threshold, "a prediction above it is positive"),
      field("name", &O::name, "the metric's name"), field("dtype", &O::dtype, "the dtype of the result"));
  return all;
}

const Fields& F1Options::fields() {
  using O = F1Options;
  static const Fields all = fields_of<O>(
      field("average", &O::average, "how the scores of the classes become one number"),
      field("threshold", &O::threshold, "a prediction above it is positive"),
      field("name", &O::name, "the metric's name"), field("dtype", &O::dtype, "the dtype of the result"));
  return all;
}

namespace {

// Keras' epsilon.
constexpr double least_divisor = 1e-7;

void check_f_beta(const FBetaOptions& options) {
  const auto& average = options.average;
  if (average && *average != "micro" && *average != "macro" && *average != "weighted") {
    throw ValueError(options.name +
                     ": expected average to be \"micro\", \"macro\", \"weighted\" or nothing, got " +
                     in_quotes(*average));
  }
  if (!(options.beta > 0)) {
    throw ValueError(options.name + ": expected beta > 0, got " + to_config(options.beta).describe());
  }
  if (options.threshold && !(*options.threshold > 0 && *options.threshold <= 1)) {
    throw ValueError(options.name + ": expected a threshold in (0, 1], got " +
                     to_config(*options.threshold).describe());
  }
}

template <class O>
class FScore final : public MetricBase {
 public:
  using Options = O;
  explicit FScore(O options) : MetricBase(options.name), own_(std::move(options)) {
    copy_options(own_, options_);
    check_f_beta(options_);
  }

  void update_state(const Tensor& y_true, const Tensor& y_pred, const Tensor& sample_weight) override {
    if (y_pred.rank() < 2 || !(y_true.shape() == y_pred.shape())) {
      throw ValueError(name() + ": expected labels and predictions (batch, classes), got " +
                       describe(y_true) + " and " + describe(y_pred));
    }
    const bool is_micro = options_.average == "micro";
    const std::size_t classes = static_cast<std::size_t>(y_pred.shape().back());
    if (variables().empty()) {
      const Shape shape = is_micro ? Shape{} : Shape{y_pred.shape().back()};
      for (const char* each :
           {"true_positives", "false_positives", "false_negatives", "intermediate_weights"}) {
        add_variable(each, shape);
      }
    }
    if (!is_micro && variables()[0].size() != y_pred.shape().back()) {
      throw ValueError(name() + ": expected predictions of " + std::to_string(variables()[0].size()) +
                       " classes as before, got " + describe(y_pred));
    }
    const std::vector<double> y = y_true.to_vector<double>();
    const std::vector<double> p = y_pred.to_vector<double>();
    const std::vector<double> weights =
        internal::weights_of_elements(name(), sample_weight, y_pred.shape().sub(0, y_pred.rank() - 1));
    const std::vector<double> zeros(is_micro ? 1 : classes);
    std::vector<double> both = zeros;
    std::vector<double> only_predicted = zeros;
    std::vector<double> only_labelled = zeros;
    std::vector<double> labelled = zeros;
    for (std::size_t row = 0; row < (classes == 0 ? 0 : p.size() / classes); ++row) {
      const double weight = weights.empty() ? 1 : weights[row];
      if (weight == 0) continue;
      const double* of_row = p.data() + row * classes;
      const double largest = *std::max_element(of_row, of_row + classes);
      for (std::size_t k = 0; k < classes; ++k) {
        const bool is_positive = options_.threshold
                                     ? static_cast<float>(of_row[k]) > static_cast<float>(*options_.threshold)
                                     : of_row[k] >= largest && std::abs(of_row[k]) > 1e-9;
        const double positive = is_positive ? 1 : 0;
        const double label = y[row * classes + k];
        const std::size_t i = is_micro ? 0 : k;
        both[i] += weight * positive * label;
        only_predicted[i] += weight * positive * (1 - label);
        only_labelled[i] += weight * (1 - positive) * label;
        labelled[i] += weight * label;
      }
    }
    internal::add_to(variables()[0], both);
    internal::add_to(variables()[1], only_predicted);
    internal::add_to(variables()[2], only_labelled);
    internal::add_to(variables()[3], labelled);
  }

  Tensor result() const override {
    if (variables().empty()) return Tensor::scalar(0, options_.dtype);
    const std::vector<double> tp = internal::elements_of(variables()[0]);
    const std::vector<double> fp = internal::elements_of(variables()[1]);
    const std::vector<double> fn = internal::elements_of(variables()[2]);
    const std::vector<double> occurring = internal::elements_of(variables()[3]);
    const double beta = options_.beta * options_.beta;
    std::vector<double> scores;
    for (std::size_t i = 0; i < tp.size(); ++i) {
      const double precision = tp[i] / (tp[i] + fp[i] + least_divisor);
      const double recall = tp[i] / (tp[i] + fn[i] + least_divisor);
      scores.push_back(precision * recall / (beta * precision + recall + least_divisor) * (1 + beta));
    }
    if (!options_.average) return internal::result_of(scores, options_.dtype, false);
    double total = 0;
    double all = 0;
    for (std::size_t i = 0; i < scores.size(); ++i) {
      const double weight = options_.average == "weighted" ? occurring[i] : 1;
      total += weight * scores[i];
      all += weight;
    }
    if (options_.average == "weighted") all += least_divisor;
    return Tensor::scalar(total / all, options_.dtype);
  }

  Config get_config() const override { return to_config(own_); }
  OptionalBool more_is_better() const override { return true; }

 private:
  O own_;
  FBetaOptions options_;
};

template <class O>
O with_log_name(O options, std::string_view class_name, std::string_view log_name = {}) {
  options.name = internal::metric_name(options.name, class_name, log_name);
  return options;
}

template <class O>
void add_f_score(internal::MetricEntries& entries, std::string_view class_name,
                 std::string_view log_name = {}) {
  internal::add_names(entries, class_name, log_name, typeid(FScore<O>),
                      [class_name, log_name](const Config& config) -> std::shared_ptr<MetricBase> {
                        return make_shared_as<MetricBase, FScore<O>>(
                            with_log_name(from_config<O>(config), class_name, log_name));
                      });
}

}  // namespace

Metric internal::make_fbeta_score(const FBetaOptions& options) {
  return Metric(
      make_shared_as<MetricBase, FScore<FBetaOptions>>(with_log_name(options, "FBetaScore", "fbeta_score")));
}
Metric internal::make_f1_score(const F1Options& options) {
  return Metric(make_shared_as<MetricBase, FScore<F1Options>>(with_log_name(options, "F1Score")));
}

void internal::add_f_scores(MetricEntries& entries) {
  add_f_score<FBetaOptions>(entries, "FBetaScore", "fbeta_score");
  add_f_score<F1Options>(entries, "F1Score");
}

}  // namespace unspool
