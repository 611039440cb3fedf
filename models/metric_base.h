#pragma once

#include <concepts>
#include <initializer_list>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <unspool/autograd/variable.h>
#include <unspool/core/callable.h>
#include <unspool/core/config.h>
#include <unspool/core/fields.h>
#include <unspool/core/made_handle.h>
#include <unspool/core/make_shared_as.h>
#include <unspool/core/mistake.h>
#include <unspool/core/named_handle.h>
#include <unspool/core/optional_bool.h>
#include <unspool/core/registry.h>
#include <unspool/core/sealed.h>
#include <unspool/core/tensor.h>
#include <unspool/data/batch.h>

namespace unspool {

class Loss;
class Mean;
class Sum;
struct WeightOptions;

/// The base class of metrics. Derive from it for one of your own that has arguments or is not a mean, make it
/// with make<MyMetric>(...), and register it with register_metric<MyMetric>(). For the mean of a function of
/// (y_true, y_pred) the function is enough.
class MetricBase : public NamedObject {
 public:
  /// A function of (y_true, y_pred) that is a metric.
  using Function = Callable<Tensor(const Tensor&, const Tensor&)>;

  /// Adds a batch. `sample_weight` is empty if all samples count once.
  virtual void update_state(const Tensor& y_true, const Tensor& y_pred, const Tensor& sample_weight) = 0;
  /// The value over all batches since the last reset. The logs have one entry for each element of a tensor:
  /// "f1_score[0]", "f1_score[1]".
  virtual Tensor result() const = 0;
  /// The values of a metric that has several, by name, as a dict that result() returns in Keras. The logs
  /// have these names in place of that of the metric. Unless overridden there are none, and result() counts.
  virtual NamedList<Tensor> results() const;
  /// Removes all batches. Unless overridden, it sets all variables to 0.
  virtual void reset_state();
  /// Adds a batch without what `mask` leaves out. Unless overridden, this is update_state() where labels that
  /// are masked are 0, predictions that are masked are 1, and the sample weights, multiplied by the mask, are
  /// 0.
  virtual void update_masked(const Tensor& y_true, const Tensor& y_pred, const Tensor& sample_weight,
                             const Tensor& mask);
  /// The state: the variables that were made by add_variable(), in order.
  const std::vector<Variable>& variables() const { return variables_; }
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
  ///@{
  /// A variable for the state, of zeros. float64 keeps sums over many batches exact.
  Variable add_variable(std::string name, const Shape& shape = {}, DType dtype = float64);
  /// A variable with a name, a shape, an initial value (default: zeros) and a dtype (default: float32). The
  /// other options are for layers, and have no effect. reset_state() sets zeros, as in Keras.
  Variable add_weight(const WeightOptions& options);
  ///@}

 private:
  std::string name_;
  std::vector<Variable> variables_;
};

/// The registry of metrics.
Registry<MetricBase>& metric_registry();

namespace internal {
UNSPOOL_SEALED(SealedMetric, "Metric is a handle: derive from MetricBase, and pass make<MyMetric>(...)");
}

/// A value that is computed over the batches of an epoch. Made from a name ("accuracy", or the name of a
/// loss), as one of the classes below, from a loss, or from a function of (y_true, y_pred), whose mean it
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
  /// From a function, with a name for the logs.
  template <internal::FunctionFor<MetricBase> F>
  Metric(std::string name, F function) : Metric(of_function(std::move(function), std::move(name))) {}
  explicit Metric(std::shared_ptr<MetricBase> object);
  Metric(const Metric& other);
  Metric(Metric&& other) noexcept;
  Metric& operator=(const Metric& other);
  Metric& operator=(Metric&& other) noexcept;
  ~Metric();
  ///@}
  /// The weighted mean of a loss, with the name of the loss; its reduction is not used. Throws ValueError if
  /// the loss is empty.
  Metric(const Loss& loss);
  /// A mistake: these average values, not labels and predictions.
  UNSPOOL_MISTAKEN("Mean and Sum are fed with values and are no Metric: declare `Mean mean;`", class M,
                   Metric(const M&) requires(std::same_as<M, Mean> || std::same_as<M, Sum>));

  /// Adds a batch. What a mask attached to `y_pred` leaves out does not count, even if it is NaN. No tape
  /// records it.
  void update_state(const Tensor& y_true, const Tensor& y_pred, const Tensor& sample_weight = {}) const;
  /// The value over all batches since the last reset; 0 before the first.
  Tensor result() const { return object().result(); }
  /// Removes all batches.
  void reset_state() const { object().reset_state(); }
  /// The state, as float64; empty if the metric's class keeps it in another way.
  std::vector<Variable> variables() const;
  ///@{
  /// The name in the logs; a copy for temporaries.
  const std::string& name() const& { return object().name(); }
  std::string name() && { return object().name(); }
  ///@}

 protected:
  /// Refuses derived classes.
  using Sealed = internal::SealedMetric;

 private:
  friend NamedHandle;
  static std::shared_ptr<MetricBase> make(const std::string& name, const Config& arguments);
  static std::shared_ptr<MetricBase> of_function(MetricBase::Function function, std::string name = "metric");
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

/// Makes a metric of a class of your own, make<Recall>(0.5), whose `->` reaches all members of the class.
template <std::derived_from<MetricBase> T, class... Arguments>
MadeHandle<Metric, T> make(Arguments&&... arguments) {
  return MadeHandle<Metric, T>(make_shared_as<MetricBase, T>(std::forward<Arguments>(arguments)...));
}
/// Registers a class of your own, made as Registry::add() says, for configs and files: "my>Recall".
template <std::derived_from<MetricBase> T>
void register_metric(std::string name) {
  metric_registry().add<T>(std::move(name));
}
/// Registers the mean of a function with a name for programs, configs and files: "my>recall". Throws
/// ValueError for a name of a built-in metric.
void register_metric(const std::string& name, const MetricBase::Function& function);

/// Arguments of metrics that have none of their own.
struct MetricOptions {
  /// The name in the logs. Default: that of the metric, "sparse_categorical_accuracy".
  std::string name = {};
  /// Of the result. Sums are kept in float64.
  DType dtype = float32;

  static const Fields& fields();
};

}  // namespace unspool
