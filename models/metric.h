#pragma once

#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <unspool/core/config.h>
#include <unspool/core/fields.h>
#include <unspool/core/tensor.h>

namespace unspool {

template <class Base>
class Registry;

/// A metric of one's own that keeps more than a mean derives from this.
class MetricBase {
 public:
  virtual ~MetricBase() = default;
  MetricBase(const MetricBase&) = delete;
  MetricBase& operator=(const MetricBase&) = delete;

  virtual void update_state(const Tensor& y_true, const Tensor& y_pred, const Tensor& sample_weight) = 0;
  virtual Tensor result() const = 0;
  virtual void reset_state() = 0;
  virtual std::string class_name() const;
  virtual Config get_config() const;
  /// Empty: not known, and callbacks that watch it have to be told.
  virtual std::optional<bool> more_is_better() const { return std::nullopt; }
  const std::string& name() const { return name_; }

 protected:
  explicit MetricBase(std::string name) : name_(std::move(name)) {}

 private:
  std::string name_;
};

/// Something counted over batches: a shared MetricBase, from a name ("accuracy", or that of a loss), from one
/// of the functions below, or from a function of (y_true, y_pred). Copying shares the state. Empty if
/// default-made.
class Metric {
 public:
  Metric() = default;
  ~Metric();
  Metric(const Metric& other);
  Metric(Metric&& other) noexcept;
  Metric& operator=(const Metric& other);
  Metric& operator=(Metric&& other) noexcept;
  Metric(const char* name);
  /// ValueError for an unknown name, naming the nearest.
  Metric(const std::string& name);
  /// The mean of what a function gives for each sample. A config cannot hold it: see register_metric.
  template <class F>
  requires std::is_invocable_r_v<Tensor, F, const Tensor&, const Tensor&> Metric(F function)
      : Metric(Function(std::move(function)), Tag{}) {}
  explicit Metric(std::shared_ptr<MetricBase> implementation) : implementation_(std::move(implementation)) {}

  explicit operator bool() const { return implementation_ != nullptr; }
  MetricBase* operator->() const { return &implementation(); }

  /// Counts a batch. A mask on y_pred leaves steps out.
  void update_state(const Tensor& y_true, const Tensor& y_pred, const Tensor& sample_weight = {}) const {
    implementation().update_state(y_true, y_pred, sample_weight);
  }
  /// What was counted since the last reset; 0 before anything was.
  Tensor result() const { return implementation().result(); }
  void reset_state() const { implementation().reset_state(); }
  const std::string& name() const { return implementation().name(); }

  /// {"class_name", "config"}, or the name alone of a metric made from it; null if empty.
  Config config() const;
  /// From that, a name, or null.
  static Metric from_config(const Config& config);

 private:
  using Function = std::function<Tensor(const Tensor&, const Tensor&)>;
  struct Tag {};
  Metric(Function function, Tag);
  MetricBase& implementation() const;
  std::shared_ptr<MetricBase> implementation_;
};

template <>
struct ConfigValue<Metric> {
  static constexpr std::string_view name = "Metric";
  static Config to(const Metric& value) { return value.config(); }
  static Metric from(const Config& config) { return Metric::from_config(config); }
};

/// A list of metrics: {"accuracy", "mae"}. (As a list of strings, two names would become one string made of
/// two pointers.)
class Metrics {
 public:
  Metrics();
  ~Metrics();
  Metrics(const Metrics& other);
  Metrics(Metrics&& other) noexcept;
  Metrics& operator=(const Metrics& other);
  Metrics& operator=(Metrics&& other) noexcept;
  Metrics(std::initializer_list<Metric> metrics);
  Metrics(std::vector<Metric> metrics);
  const std::vector<Metric>& list() const { return list_; }

 private:
  std::vector<Metric> list_;
};

/// All metrics by name (core/registry.h).
Registry<MetricBase>& metric_registry();

/// Makes the mean of a function usable, and written to files, by a name.
void register_metric(const std::string& name, std::function<Tensor(const Tensor&, const Tensor&)> function);

struct MetricOptions {
  /// Empty: the class's, "sparse_categorical_accuracy".
  std::string name = {};

  static const Fields& fields();
};

/// How often the largest prediction is that of the right class, for labels 0, 1, ...
Metric SparseCategoricalAccuracy(MetricOptions options = {});
/// The same for one-hot labels.
Metric CategoricalAccuracy(MetricOptions options = {});

struct BinaryAccuracyOptions {
  std::string name = {};
  double threshold = 0.5;

  static const Fields& fields();
};
/// How often a prediction lies on the right side of a threshold.
Metric BinaryAccuracy(BinaryAccuracyOptions options = {});

/// The weighted mean of values: mean.update_state(values, weights).
class Mean {
 public:
  explicit Mean(std::string name = "mean") : name_(std::move(name)) {}
  const std::string& name() const { return name_; }
  void update_state(const Tensor& values, const Tensor& sample_weight = {});
  void update_state(double value, double sample_weight = 1) {
    total_ += value * sample_weight;
    count_ += sample_weight;
  }
  /// 0 before anything was counted.
  double result() const { return count_ == 0 ? 0 : total_ / count_; }
  void reset_state() { total_ = count_ = 0; }
  double total() const { return total_; }
  double count() const { return count_; }

 private:
  std::string name_;
  double total_ = 0;
  double count_ = 0;
};

}  // namespace unspool
