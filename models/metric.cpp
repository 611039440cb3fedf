#include <algorithm>

#include <unspool/autograd/arithmetic.h>
#include <unspool/autograd/comparison.h>
#include <unspool/autograd/conversion.h>
#include <unspool/autograd/reduction.h>
#include <unspool/autograd/shaping.h>
#include <unspool/core/class_name.h>
#include <unspool/core/error.h>
#include <unspool/core/internal/named_function.h>
#include <unspool/layers/layer.h>
#include <unspool/models/loss.h>
#include <unspool/models/metric.h>

namespace unspool {

const Fields& MetricOptions::fields() {
  using O = MetricOptions;
  static const Fields all = fields_of<O>(field("name", &O::name, "the metric's name"));
  return all;
}

const Fields& BinaryAccuracyOptions::fields() {
  using O = BinaryAccuracyOptions;
  static const Fields all = fields_of<O>(field("name", &O::name, "the metric's name"),
                                         field("threshold", &O::threshold, "a prediction above it means 1"));
  return all;
}

namespace {

Tensor as_numbers(const Tensor& x) { return cast(x, float32); }

struct SparseCategoricalAccuracyKind {
  using Options = MetricOptions;
  static constexpr auto name = "SparseCategoricalAccuracy";
  static constexpr bool more_is_better = true;
  static Tensor call(const Options&, const Tensor& y, const Tensor& p) {
    Tensor labels = cast(y, int32);
    if (labels.rank() == p.rank() && labels.shape().back() == 1) labels = squeeze(labels, {-1});
    return as_numbers(equal(argmax(p, -1), labels));
  }
};

struct CategoricalAccuracyKind {
  using Options = MetricOptions;
  static constexpr auto name = "CategoricalAccuracy";
  static constexpr bool more_is_better = true;
  static Tensor call(const Options&, const Tensor& y, const Tensor& p) {
    return as_numbers(equal(argmax(p, -1), argmax(y, -1)));
  }
};

struct BinaryAccuracyKind {
  using Options = BinaryAccuracyOptions;
  static constexpr auto name = "BinaryAccuracy";
  static constexpr bool more_is_better = true;
  static Tensor call(const Options& options, const Tensor& y, const Tensor& p) {
    const auto [labels, predicted] = internal::aligned(y, p);
    const Tensor hit = equal(cast(predicted > options.threshold, labels.dtype()), labels);
    return mean(as_numbers(hit), {-1});
  }
};

/// Which accuracy "accuracy" means, from the shapes of labels and predictions.
Tensor accuracy(const Tensor& y, const Tensor& p) {
  if (p.rank() < 2 || p.shape().back() == 1) return BinaryAccuracyKind::call({}, y, p);
  if (y.rank() < p.rank() || y.shape().back() == 1) return SparseCategoricalAccuracyKind::call({}, y, p);
  return CategoricalAccuracyKind::call({}, y, p);
}

/// The mean, over samples, of what a function gives for each of them.
class MeanOf : public MetricBase {
 public:
  MeanOf(std::string name, Function function) : MetricBase(std::move(name)), function_(std::move(function)) {
    if (!function_) throw ValueError("expected a function for a metric, got an empty one");
  }
  void update_state(const Tensor& y_true, const Tensor& y_pred, const Tensor& sample_weight) override {
    const Tensor values = function_(y_true, y_pred);
    Tensor weights = sample_weight;
    if (const Tensor mask = mask_of(y_pred); mask && mask.rank() <= values.rank()) {
      Tensor kept = cast(mask, float32);
      if (weights) {
        weights = cast(weights, float32);
        while (weights.rank() < kept.rank()) weights = expand_dims(weights, -1);
        while (kept.rank() < weights.rank()) kept = expand_dims(kept, -1);
        weights = weights * kept;
      } else {
        weights = kept;
      }
    }
    mean_.update_state(values, weights);
  }
  Tensor result() const override { return Tensor::scalar(mean_.result(), float32); }
  void reset_state() override { mean_.reset_state(); }

 private:
  Function function_;
  Mean mean_;
};

template <class Kind>
class KindMetric final : public MeanOf {
 public:
  using Options = typename Kind::Options;
  explicit KindMetric(Options options)
      : MeanOf(options.name.empty() ? to_snake_case(Kind::name) : options.name,
               [options](const Tensor& y, const Tensor& p) { return Kind::call(options, y, p); }),
        options_(std::move(options)) {
    options_.name = name();
  }
  Config get_config() const override { return to_config(options_); }
  OptionalBool more_is_better() const override { return Kind::more_is_better; }

 private:
  Options options_;
};

template <class Kind>
Metric made_metric(typename Kind::Options options) {
  return Metric(std::make_shared<KindMetric<Kind>>(std::move(options)));
}

/// A metric that is known by a name alone: "accuracy", or a user's function.
class NamedMetric final : public MeanOf {
 public:
  NamedMetric(std::string class_name, Function function, OptionalBool more_is_better = {})
      : MeanOf(class_name.empty() ? "metric" : class_name.substr(class_name.find('>') + 1),
               std::move(function)),
        class_name_(std::move(class_name)),
        more_is_better_(more_is_better) {}
  std::string class_name() const override { return class_name_; }
  Config get_config() const override { return {}; }
  OptionalBool more_is_better() const override { return more_is_better_; }

 private:
  std::string class_name_;
  OptionalBool more_is_better_;
};

/// The mean of a loss. Its name is the one that the user wrote, "mse", or that of the loss object.
class LossMetric final : public MeanOf {
 public:
  LossMetric(std::string name, Loss loss)
      : MeanOf(std::move(name), [loss](const Tensor& y, const Tensor& p) { return loss->call(y, p); }),
        loss_(std::move(loss)) {}
  std::string class_name() const override { return loss_->class_name(); }
  Config get_config() const override {
    Config config = loss_->get_config();
    return config.erase("reduction").set("name", name());
  }
  OptionalBool more_is_better() const override { return false; }

 private:
  Loss loss_;
};

std::vector<Registry<MetricBase>::Entry> built_in_metrics() {
  std::vector<Registry<MetricBase>::Entry> entries =
      internal::entries_of<MetricBase, KindMetric, SparseCategoricalAccuracyKind, CategoricalAccuracyKind,
                           BinaryAccuracyKind>();
  for (const char* name : {"accuracy", "acc"}) {
    entries.push_back(Registry<MetricBase>::entry<NamedMetric>(
        name, [name](const Config&) { return std::make_shared<NamedMetric>(name, accuracy, true); }));
  }
  return entries;
}

}  // namespace

template class NamedHandle<Metric, MetricBase, metric_registry>;

Metric::Metric() : SealedMetric(Key()) {}
Metric::Metric(const char* name) : SealedMetric(Key()), NamedHandle(name) {}
Metric::Metric(const std::string& name) : SealedMetric(Key()), NamedHandle(name) {}
Metric::Metric(std::shared_ptr<MetricBase> object) : SealedMetric(Key()), NamedHandle(std::move(object)) {}

Registry<MetricBase>& metric_registry() {
  static Registry<MetricBase> registry("metric", &built_in_metrics, "register_metric");
  return registry;
}

Metric::Metric(const Loss& loss)
    : Metric(std::shared_ptr<MetricBase>(std::make_shared<LossMetric>(loss.name(), loss))) {}

std::shared_ptr<MetricBase> Metric::make(const std::string& name, const Config& arguments) {
  if (metric_registry().contains(name)) return metric_registry().create(name, arguments);
  if (loss_registry().contains(name)) {
    const Loss loss(std::shared_ptr<const LossBase>(loss_registry().create(name, arguments)));
    return std::make_shared<LossMetric>(arguments.get("name", name), loss);
  }
  throw ValueError(metric_registry().unknown(name, arguments, loss_registry().names()));
}

std::shared_ptr<MetricBase> Metric::of_function(MetricBase::Function function) {
  return std::make_shared<NamedMetric>("", std::move(function));
}

void register_metric(const std::string& name, const MetricBase::Function& function) {
  NamedMetric(name, function);  // Refuses an empty function now, not at the first use.
  metric_registry().add<NamedMetric>(
      name, [name, function](const Config&) { return std::make_shared<NamedMetric>(name, function); });
}

Metric SparseCategoricalAccuracy(MetricOptions options) {
  return made_metric<SparseCategoricalAccuracyKind>(std::move(options));
}
Metric CategoricalAccuracy(MetricOptions options) {
  return made_metric<CategoricalAccuracyKind>(std::move(options));
}
Metric BinaryAccuracy(BinaryAccuracyOptions options) {
  return made_metric<BinaryAccuracyKind>(std::move(options));
}

void Mean::update_state(const Tensor& values, const Tensor& sample_weight) {
  if (values.is_abstract()) {
    throw ValueError(name_ + ": expected values of a batch, got the symbolic " + describe(values) +
                     ": give metrics to compile(), or update them with the results of predict()");
  }
  const auto total_of = [](const Tensor& x) { return sum(x).item<double>(); };
  Tensor wide = cast(values, float64);
  Tensor weights;
  if (sample_weight) {
    weights = cast(sample_weight, float64);
    if (weights.rank() == wide.rank() + 1 && weights.shape().back() == 1) weights = squeeze(weights, {-1});
    // Of values of higher rank than their weights the mean is taken first.
    while (wide.rank() > weights.rank()) wide = mean(wide, {-1});
    weights = broadcast_to(weights, wide.shape());
    // Where the weight is 0 the value does not matter, be it NaN.
    wide = where(not_equal(weights, 0), wide, Tensor::scalar(0, float64)) * weights;
  }
  // Each sample counts once, however many values it has.
  const Index samples = wide.rank() == 0 ? 1 : wide.shape().front();
  if (wide.size() == 0) return;
  const double values_each = static_cast<double>(wide.size()) / static_cast<double>(samples);
  total_ += total_of(wide) / values_each;
  count_ += weights ? total_of(weights) / values_each : static_cast<double>(samples);
}

std::string MetricBase::class_name() const { return metric_registry().name_of(*this); }
Config MetricBase::get_config() const { return Config::map({{"name", name_}}); }

Metrics::~Metrics() = default;
Metrics::Metrics(const Metrics& other) = default;
Metrics::Metrics(Metrics&& other) noexcept = default;
Metrics& Metrics::operator=(const Metrics& other) = default;
Metrics& Metrics::operator=(Metrics&& other) noexcept = default;
Metrics::Metrics() = default;
std::vector<Metric> Metrics::list() && { return std::move(list_); }
Metrics::Metrics(std::initializer_list<Metric> metrics) : list_(metrics) {}
Metrics::Metrics(std::vector<Metric> metrics) : list_(std::move(metrics)) {}

}  // namespace unspool
