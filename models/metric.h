#pragma once

#include <concepts>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <unspool/core/config.h>
#include <unspool/core/fields.h>
#include <unspool/core/named_handle.h>
#include <unspool/core/optional_bool.h>
#include <unspool/core/registry.h>
#include <unspool/core/sealed.h>
#include <unspool/core/tensor.h>

namespace unspool {

class Loss;

/// The base class of metrics. Derive from it for one of your own that has arguments or is not a mean, make it
/// with make<MyMetric>(...), and register it with register_metric<MyMetric>(). For the mean of a function of
/// (y_true, y_pred) the function is enough.
class MetricBase : public NamedObject {
 public:
  /// A function of (y_true, y_pred) that is a metric.
  using Function = std::function<Tensor(const Tensor&, const Tensor&)>;

  /// Adds a batch.
  virtual void update_state(const Tensor& y_true, const Tensor& y_pred, const Tensor& sample_weight) = 0;
  /// The value over all batches since the last reset.
  virtual Tensor result() const = 0;
  /// Removes all batches.
  virtual void reset_state() = 0;
  /// The name under which the class is registered. Throws KeyError if it is not.
  std::string class_name() const override;
  /// The name.
  Config get_config() const override;
  /// Whether larger values are better. Not given if unknown: callbacks that monitor the metric must be told
  /// then.
  virtual OptionalBool more_is_better() const { return {}; }
  /// The name in the logs.
  const std::string& name() const { return name_; }

 protected:
  /// A name for the logs.
  explicit MetricBase(std::string name) : name_(std::move(name)) {}

 private:
  std::string name_;
};

/// The registry of metrics.
Registry<MetricBase>& metric_registry();

namespace internal {
UNSPOOL_SEALED(SealedMetric, "Metric is a handle: derive from MetricBase, and pass make<MyMetric>(...)");
}

/// A value that is computed over the batches of an epoch. Made from a name ("accuracy", or the name of a
/// loss), by one of the functions below, from a loss, or from a function of (y_true, y_pred), whose mean it
/// is. Copies share the state.
class Metric : public NamedHandle<Metric, MetricBase, metric_registry>,
               public virtual internal::SealedMetric {
 public:
  ///@{
  /// Empty, or from a name, a function or an object, as in NamedHandle.
  Metric();
  Metric(const char* name);
  Metric(const std::string& name);
  template <internal::FunctionFor<MetricBase> F>
  Metric(F function) : Metric(of_function(std::move(function))) {}
  explicit Metric(std::shared_ptr<MetricBase> object);
  ///@}
  /// The weighted mean of a loss, with the name of the loss; its reduction is not used. Throws ValueError if
  /// the loss is empty.
  Metric(const Loss& loss);

  /// Adds a batch. Steps that a mask attached to `y_pred` masks do not count.
  void update_state(const Tensor& y_true, const Tensor& y_pred, const Tensor& sample_weight = {}) const {
    object().update_state(y_true, y_pred, sample_weight);
  }
  /// The value over all batches since the last reset; 0 before the first.
  Tensor result() const { return object().result(); }
  /// Removes all batches.
  void reset_state() const { object().reset_state(); }
  ///@{
  /// The name in the logs; a copy for temporaries.
  const std::string& name() const& { return object().name(); }
  std::string name() && { return object().name(); }
  ///@}

 private:
  friend NamedHandle;
  static std::shared_ptr<MetricBase> make(const std::string& name, const Config& arguments);
  static std::shared_ptr<MetricBase> of_function(MetricBase::Function function);
};
extern template class NamedHandle<Metric, MetricBase, metric_registry>;

/// A list of metrics: {"accuracy", "mae"}. (A std::vector<std::string> would take two names for begin and end
/// of a string.)
class Metrics {
 public:
  Metrics();
  ~Metrics();
  Metrics(const Metrics& other);
  Metrics(Metrics&& other) noexcept;
  Metrics& operator=(const Metrics& other);
  Metrics& operator=(Metrics&& other) noexcept;
  /// One metric.
  template <class M>
  requires std::convertible_to<M, Metric> Metrics(M&& metric) : Metrics{Metric(std::forward<M>(metric))} {}
  /// These metrics, in order.
  Metrics(std::initializer_list<Metric> metrics);
  /// These metrics, in order.
  Metrics(std::vector<Metric> metrics);
  ///@{
  /// The metrics, in order; a copy for temporaries.
  const std::vector<Metric>& list() const& { return list_; }
  std::vector<Metric> list() &&;
  ///@}

 private:
  std::vector<Metric> list_;
};

/// Makes a metric of a class of your own: make<Recall>(0.5).
template <std::derived_from<MetricBase> T, class... Arguments>
Metric make(Arguments&&... arguments) {
  return Metric(std::make_shared<T>(std::forward<Arguments>(arguments)...));
}
/// Registers a class of your own, which is made from T::Options, for configs and files: "my>Recall".
template <std::derived_from<MetricBase> T>
void register_metric(std::string name) {
  metric_registry().add<T>(std::move(name));
}
/// Registers the mean of a function with a name for programs, configs and files: "my>recall". Throws
/// ValueError for a name of a built-in metric.
void register_metric(const std::string& name, const MetricBase::Function& function);

/// Arguments of SparseCategoricalAccuracy and CategoricalAccuracy.
struct MetricOptions {
  /// The name in the logs. Default: "sparse_categorical_accuracy".
  std::string name = {};

  static const Fields& fields();
};

/// The fraction of samples whose largest prediction is that of the true class, for labels 0, 1, ...
Metric SparseCategoricalAccuracy(MetricOptions options = {});
/// The fraction of samples whose largest prediction is that of the true class, for one-hot labels.
Metric CategoricalAccuracy(MetricOptions options = {});

/// Arguments of BinaryAccuracy.
struct BinaryAccuracyOptions {
  std::string name = {};
  double threshold = 0.5;

  static const Fields& fields();
};
/// The fraction of predictions on the correct side of a threshold.
Metric BinaryAccuracy(BinaryAccuracyOptions options = {});

/// The weighted mean of values: mean.update_state(values, weights).
class Mean {
 public:
  /// A name for the logs.
  explicit Mean(std::string name = "mean") : name_(std::move(name)) {}
  ///@{
  /// The name in the logs; a copy for temporaries.
  const std::string& name() const& { return name_; }
  std::string name() && { return std::move(name_); }
  ///@}
  /// Adds a batch. Each sample counts once, as the mean of its values. Values with weight 0 are ignored, even
  /// if they are NaN.
  void update_state(const Tensor& values, const Tensor& sample_weight = {});
  /// Adds one value.
  void update_state(double value, double sample_weight = 1) {
    total_ += value * sample_weight;
    count_ += sample_weight;
  }
  /// The mean; 0 before the first value.
  double result() const { return count_ == 0 ? 0 : total_ / count_; }
  /// Removes all values.
  void reset_state() { total_ = count_ = 0; }
  /// The sum of the values, each times its weight.
  double total() const { return total_; }
  /// The sum of the weights.
  double count() const { return count_; }

 private:
  std::string name_;
  double total_ = 0;
  double count_ = 0;
};

}  // namespace unspool
