#include <unspool/autograd/arithmetic.h>
#include <unspool/autograd/conversion.h>
#include <unspool/autograd/shaping.h>
#include <unspool/autograd/tape.h>
#include <unspool/core/error.h>
#include <unspool/core/make_shared_as.h>
#include <unspool/layers/internal/build_budget.h>
#include <unspool/layers/layer.h>
#include <unspool/models/internal/accuracy.h>
#include <unspool/models/internal/metric_kind.h>
#include <unspool/models/loss.h>
#include <unspool/models/metric.h>

namespace unspool {

const Fields& MetricOptions::fields() {
  using O = MetricOptions;
  static const Fields all = fields_of<O>(field("name", &O::name, "the metric's name"),
                                         field("dtype", &O::dtype, "the dtype of the result"));
  return all;
}

namespace {

/// A metric that is known by a name alone: "accuracy", or a user's function.
class NamedMetric final : public internal::MeanOf {
 public:
  NamedMetric(std::string class_name, Function function, OptionalBool more_is_better = {})
      : MeanOf(class_name.substr(class_name.find('>') + 1), std::move(function)),
        class_name_(std::move(class_name)),
        more_is_better_(more_is_better) {}
  std::string class_name() const override { return class_name_; }
  Config get_config() const override { return {}; }
  OptionalBool more_is_better() const override { return more_is_better_; }

 private:
  std::string class_name_;
  OptionalBool more_is_better_;
};

/// A function that is not registered, with a name for the logs.
class FunctionMetric final : public internal::MeanOf {
 public:
  using MeanOf::MeanOf;
  std::string class_name() const override { return {}; }
  Config get_config() const override { return {}; }
};

/// The mean of a loss. Its name is the one that the user wrote, "mse", or that of the loss object.
class LossMetric final : public internal::MeanOf {
 public:
  LossMetric(std::string name, Loss loss, DType dtype)
      : MeanOf(
            std::move(name), [loss](const Tensor& y, const Tensor& p) { return loss->call(y, p); }, dtype),
        loss_(std::move(loss)),
        dtype_(dtype) {}
  void update_state(const Tensor& y_true, const Tensor& y_pred, const Tensor& sample_weight) override {
    update_masked(y_true, y_pred, sample_weight, {});
  }
  void update_masked(const Tensor& y_true, const Tensor& y_pred, const Tensor& sample_weight,
                     const Tensor& mask) override {
    const auto [losses, kept] = loss_->samples(y_true, y_pred, mask);
    const Tensor weights = kept ? internal::weights_with_mask(sample_weight, kept) : sample_weight;
    add(internal::weighted_mean(name(), losses, weights));
  }
  std::string class_name() const override { return loss_->class_name(); }
  Config get_config() const override {
    Config config = loss_->get_config();
    config.erase("reduction").set("name", name());
    return config.set("dtype", to_config(dtype_));
  }
  OptionalBool more_is_better() const override { return false; }

 private:
  Loss loss_;
  DType dtype_;
};

/// What the name "crossentropy" means.
Tensor fitting_crossentropy(const Tensor& y, const Tensor& p) {
  switch (internal::problem_of(y, p)) {
    case internal::Problem::binary:
      return BinaryCrossentropy()->call(y, p);
    case internal::Problem::sparse_categorical:
      return SparseCategoricalCrossentropy()->call(y, p);
    default:
      return CategoricalCrossentropy()->call(y, p);
  }
}

void add_named(internal::MetricEntries& entries, std::initializer_list<const char*> names,
               Tensor (*function)(const Tensor&, const Tensor&), bool more_is_better) {
  for (const char* name : names) {
    entries.push_back(Registry<MetricBase>::entry<NamedMetric>(name, [=](const Config&) {
      return make_shared_as<MetricBase, NamedMetric>(name, function, more_is_better);
    }));
  }
}

std::vector<Registry<MetricBase>::Entry> built_in_metrics() {
  internal::MetricEntries entries;
  // First, since "accuracy" is also the name of the class Accuracy in snake case.
  add_named(entries, {"accuracy", "acc"}, internal::fitting_accuracy, true);
  add_named(entries, {"crossentropy", "ce"}, fitting_crossentropy, false);
  internal::add_accuracies(entries);
  internal::add_mean_metrics(entries);
  internal::add_confusion_metrics(entries);
  internal::add_auc(entries);
  internal::add_f_scores(entries);
  internal::add_iou_metrics(entries);
  internal::add_r2_score(entries);
  internal::add_edit_distance(entries);
  return entries;
}

}  // namespace

template class NamedHandle<Metric, MetricBase, metric_registry>;

Metric::Metric() : SealedMetric(Key()) {}
Metric::Metric(const Metric& other) = default;
Metric::Metric(Metric&& other) noexcept = default;
Metric& Metric::operator=(const Metric& other) = default;
Metric& Metric::operator=(Metric&& other) noexcept = default;
Metric::~Metric() = default;
std::vector<Variable> Metric::variables() const { return object().variables(); }
Metric::Metric(const char* name) : SealedMetric(Key()), NamedHandle(name) {}
Metric::Metric(const std::string& name) : SealedMetric(Key()), NamedHandle(name) {}
Metric::Metric(std::shared_ptr<MetricBase> object) : SealedMetric(Key()), NamedHandle(std::move(object)) {}

Registry<MetricBase>& metric_registry() {
  static Registry<MetricBase> registry("metric", &built_in_metrics, "register_metric");
  return registry;
}

Metric::Metric(const Loss& loss)
    : Metric(make_shared_as<MetricBase, LossMetric>(loss.name(), loss, float32)) {}

std::shared_ptr<MetricBase> Metric::make(const std::string& name, const Config& arguments) {
  if (metric_registry().contains(name)) return metric_registry().create(name, arguments);
  if (loss_registry().contains(name)) {
    Config of_loss = arguments;
    of_loss.erase("dtype");
    const Loss loss(std::shared_ptr<const LossBase>(loss_registry().create(name, of_loss)));
    return make_shared_as<MetricBase, LossMetric>(
        arguments.get("name", name), loss,
        arguments.contains("dtype") ? arguments["dtype"].as<DType>() : float32);
  }
  throw ValueError(metric_registry().unknown(name, arguments, loss_registry().names()));
}

std::shared_ptr<MetricBase> Metric::of_function(MetricBase::Function function, std::string name) {
  return make_shared_as<MetricBase, FunctionMetric>(std::move(name), std::move(function));
}

void register_metric(const std::string& name, const MetricBase::Function& function) {
  NamedMetric(name, function);  // Refuses an empty function now, not at the first use.
  metric_registry().add<NamedMetric>(name, [name, function](const Config&) {
    return make_shared_as<MetricBase, NamedMetric>(name, function);
  });
}

void Metric::update_state(const Tensor& y_true, const Tensor& y_pred, const Tensor& sample_weight) const {
  const NoGradient guard;
  if (const Tensor mask = y_pred ? mask_of(y_pred) : Tensor()) {
    object().update_masked(y_true, y_pred, sample_weight, mask);
  } else {
    object().update_state(y_true, y_pred, sample_weight);
  }
}

void MetricBase::update_masked(const Tensor& y_true, const Tensor& y_pred, const Tensor& sample_weight,
                               const Tensor& mask) {
  update_state(internal::replace_masked(mask, y_true, 0), internal::replace_masked(mask, y_pred, 1),
               internal::weights_with_mask(sample_weight, mask));
}

NamedList<Tensor> MetricBase::results() const { return {}; }

void MetricBase::reset_state() {
  for (const Variable& variable : variables_) {
    variable.assign(Tensor::zeros(variable.shape(), variable.dtype()));
  }
}

Variable MetricBase::add_variable(std::string name, const Shape& shape, DType dtype) {
  internal::BuildBudget::take_state(shape);
  Variable variable(Tensor::zeros(shape, dtype), {.name = name, .trainable = false});
  variable.set_path(name_ + "/" + name);
  variables_.push_back(variable);
  return variable;
}

Variable MetricBase::add_weight(const WeightOptions& options) {
  const DType dtype = options.dtype.value_or(float32);
  const Variable weight = add_variable(options.name, options.shape, dtype);
  if (options.initializer) weight.assign(options.initializer(options.shape, dtype));
  return weight;
}

std::string MetricBase::class_name() const { return metric_registry().name_of(*this); }
Config MetricBase::get_config() const { return Config::map({{"name", name_}}); }

Tensor internal::weights_with_mask(const Tensor& weights, const Tensor& mask) {
  Tensor kept = cast(mask, float64);
  if (!weights) return kept;
  Tensor given = cast(weights, float64);
  while (given.rank() < kept.rank()) given = expand_dims(given, -1);
  while (kept.rank() < given.rank()) kept = expand_dims(kept, -1);
  return given * kept;
}

std::vector<double> internal::weights_of_elements(const std::string& name, const Tensor& weights,
                                                  const Shape& shape) {
  if (!weights) return {};
  Tensor given = cast(weights, float64);
  if (given.rank() == shape.rank() + 1 && given.shape().back() == 1) given = squeeze(given, {-1});
  while (given.rank() < shape.rank()) given = expand_dims(given, -1);
  Shape both;
  if (!broadcast(given.shape(), shape, both) || !(both == shape)) {
    throw ValueError(name + ": expected sample weights of shape " + to_string(shape) +
                     " or of its leading axes, got " + to_string(weights.shape()));
  }
  return broadcast_to(given, shape).to_vector<double>();
}

void internal::add_to(const Variable& variable, const std::vector<double>& values) {
  variable.assign(variable.value() + Tensor::from(values, variable.shape()));
}

std::vector<double> internal::elements_of(const Variable& variable) {
  return variable.value().to_vector<double>();
}

Tensor internal::result_of(const std::vector<double>& values, DType dtype, bool is_number) {
  return cast(is_number ? Tensor::scalar(values.front()) : Tensor::from(values), dtype);
}

std::string internal::metric_name(const std::string& given, std::string_view class_name,
                                  std::string_view log_name) {
  if (!given.empty()) return given;
  return log_name.empty() ? to_snake_case(class_name) : std::string(log_name);
}

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
