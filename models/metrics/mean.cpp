#include <cmath>

#include <unspool/autograd/arithmetic.h>
#include <unspool/autograd/comparison.h>
#include <unspool/autograd/conversion.h>
#include <unspool/autograd/elementary.h>
#include <unspool/autograd/reduction.h>
#include <unspool/autograd/shaping.h>
#include <unspool/core/error.h>
#include <unspool/models/internal/cosine.h>
#include <unspool/models/internal/metric_kind.h>
#include <unspool/models/losses/regression.h>
#include <unspool/models/metrics/mean.h>

namespace unspool {

const Fields& VectorMetricOptions::fields() {
  using O = VectorMetricOptions;
  static const Fields all = fields_of<O>(field("name", &O::name, "the metric's name"),
                                         field("dtype", &O::dtype, "the dtype of the result"),
                                         field("axis", &O::axis, "the axis of a vector's elements"));
  return all;
}

namespace {

/// Values as float64, and weights with as many axes; values with weight 0 become 0, even if they are NaN.
struct Weighted {
  Tensor values;
  Tensor weights;
};

Weighted weighted_values(const std::string& name, const Tensor& values, const Tensor& sample_weight,
                         bool by_mean) {
  if (values.is_abstract()) {
    throw ValueError(name + ": expected values of a batch, got the symbolic " + describe(values) +
                     ": give metrics to compile(), or update them with the results of predict()");
  }
  Weighted both{cast(values, float64), {}};
  if (!sample_weight) return both;
  Tensor weights = cast(sample_weight, float64);
  if (weights.rank() == both.values.rank() + 1 && weights.shape().back() == 1)
    weights = squeeze(weights, {-1});
  if (by_mean) {
    // Of values of higher rank than their weights the mean is taken first.
    while (both.values.rank() > weights.rank()) both.values = mean(both.values, {-1});
  } else {
    while (both.values.rank() > weights.rank()) weights = expand_dims(weights, -1);
  }
  Shape shape;
  if (!broadcast(weights.shape(), both.values.shape(), shape) || !(shape == both.values.shape())) {
    throw ValueError(name + ": expected sample weights, or a mask, of the shape of the values " +
                     to_string(values.shape()) + " or of their leading axes, got " +
                     to_string(sample_weight.shape()));
  }
  both.weights = broadcast_to(weights, shape);
  both.values = where(not_equal(both.weights, 0), both.values, Tensor::scalar(0, float64)) * both.weights;
  return both;
}

double sum_of_all(const Tensor& x) { return sum(x).item<double>(); }

constexpr internal::MeanKind<MetricOptions> root_mean_squared_error{
    .name = "RootMeanSquaredError",
    .call =
        [](const MetricOptions&, const Tensor& y, const Tensor& p) {
          const auto [labels, predicted] = internal::aligned(y, p);
          return square(predicted - labels);
        },
    .more_is_better = false,
    .aliases = "rmse RMSE",
    .root = true};

constexpr internal::MeanKind<MetricOptions> log_cosh_error{
    .name = "LogCoshError",
    .call = [](const MetricOptions&, const Tensor& y, const Tensor& p) { return LogCosh()->call(y, p); },
    .more_is_better = false,
    .log_name = "logcosh"};

constexpr internal::MeanKind<VectorMetricOptions> cosine_metric{
    .name = "CosineSimilarity",
    .call = [](const VectorMetricOptions& options, const Tensor& y, const Tensor& p) {
      const auto [labels, predicted] = internal::aligned(y, p);
      return internal::cosine(labels, predicted, options.axis);
    }};

constexpr internal::MeanKind<VectorMetricOptions> pearson_correlation{
    .name = "PearsonCorrelation",
    .call = [](const VectorMetricOptions& options, const Tensor& y, const Tensor& p) {
      const auto [labels, predicted] = internal::aligned(y, p);
      const auto standardized = [&](const Tensor& x) {
        const Tensor centred = x - mean(x, {options.axis}, true);
        return centred / stddev(centred, {options.axis}, true);
      };
      return mean(standardized(labels) * standardized(predicted), {options.axis});
    }};

constexpr internal::MeanKind<VectorMetricOptions> concordance_correlation{
    .name = "ConcordanceCorrelation",
    .call = [](const VectorMetricOptions& options, const Tensor& y, const Tensor& p) {
      const auto [labels, predicted] = internal::aligned(y, p);
      const Axes axis(options.axis);
      const Tensor label_mean = mean(labels, axis, true);
      const Tensor predicted_mean = mean(predicted, axis, true);
      // The deviation of labels is from the mean of predictions, as in Keras: the sum is the same.
      const Tensor covariance = (labels - predicted_mean) * (predicted - predicted_mean);
      const Tensor spread = variance(labels, axis, true) + variance(predicted, axis, true) +
                            square(label_mean - predicted_mean);
      return mean(2 * covariance / (spread + 1e-7), axis);
    }};

}  // namespace

internal::WeightedSum internal::weighted_mean(const std::string& name, const Tensor& values,
                                              const Tensor& sample_weight) {
  const auto [wide, weights] = weighted_values(name, values, sample_weight, true);
  // Each sample counts once, however many values it has.
  const Index samples = wide.rank() == 0 ? 1 : wide.shape().front();
  if (wide.size() == 0) return {};
  const double values_each = static_cast<double>(wide.size()) / static_cast<double>(samples);
  return {sum_of_all(wide) / values_each,
          weights ? sum_of_all(weights) / values_each : static_cast<double>(samples)};
}

double internal::weighted_sum(const std::string& name, const Tensor& values, const Tensor& sample_weight) {
  return sum_of_all(weighted_values(name, values, sample_weight, false).values);
}

void Mean::update_state(const Tensor& values, const Tensor& sample_weight) {
  const auto [total, count] = internal::weighted_mean(name_, values, sample_weight);
  total_ += total;
  count_ += count;
}

void Sum::update_state(const Tensor& values, const Tensor& sample_weight) {
  total_ += internal::weighted_sum(name_, values, sample_weight);
}

internal::MeanOf::MeanOf(std::string name, Function function, DType dtype, bool root)
    : MetricBase(std::move(name)), function_(std::move(function)), dtype_(dtype), root_(root) {
  if (!function_) throw ValueError("expected a function for a metric, got an empty one");
}

void internal::MeanOf::update_state(const Tensor& y_true, const Tensor& y_pred, const Tensor& sample_weight) {
  const Tensor values = function_(y_true, y_pred);
  if (!values) {
    throw ValueError("the metric " + name() + ": expected a tensor from its function, got an empty one");
  }
  add(weighted_mean(name(), values, sample_weight));
}

void internal::MeanOf::add(const WeightedSum& batch) {
  total_.assign(Tensor::scalar(double(total_) + batch.total));
  count_.assign(Tensor::scalar(double(count_) + batch.count));
}

Tensor internal::MeanOf::result() const {
  const double mean = divide_no_nan(double(total_), double(count_));
  return Tensor::scalar(root_ ? std::sqrt(mean) : mean, dtype_);
}

Metric internal::make_root_mean_squared_error(const MetricOptions& options) {
  return made_metric(root_mean_squared_error, options);
}
Metric internal::make_log_cosh_error(const MetricOptions& options) {
  return made_metric(log_cosh_error, options);
}
Metric internal::make_pearson_correlation(const VectorMetricOptions& options) {
  return made_metric(pearson_correlation, options);
}
Metric internal::make_concordance_correlation(const VectorMetricOptions& options) {
  return made_metric(concordance_correlation, options);
}
Metric internal::make_metric_cosine_similarity(const VectorMetricOptions& options) {
  return made_metric(cosine_metric, options);
}

void internal::add_mean_metrics(MetricEntries& entries) {
  add_mean_kind(entries, root_mean_squared_error);
  add_mean_kind(entries, log_cosh_error);
  for (const auto* kind : {&cosine_metric, &pearson_correlation, &concordance_correlation}) {
    add_mean_kind(entries, *kind);
  }
}

}  // namespace unspool
