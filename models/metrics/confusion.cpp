#include <algorithm>

#include <unspool/core/error.h>
#include <unspool/core/make_shared_as.h>
#include <unspool/layers/internal/build_budget.h>
#include <unspool/models/internal/decisions.h>
#include <unspool/models/internal/metric_kind.h>
#include <unspool/models/metrics/confusion.h>

namespace unspool {

Thresholds::Thresholds(double threshold) : list_{threshold}, is_list_(false) {}
Thresholds::Thresholds(std::initializer_list<double> thresholds) : list_(thresholds), is_list_(true) {}
Thresholds::Thresholds(std::vector<double> thresholds) : list_(std::move(thresholds)), is_list_(true) {}

Config ConfigValue<Thresholds>::to(const Thresholds& value) {
  if (value.is_list()) return to_config(value.list());
  return value.list().empty() ? Config() : Config(value.list().front());
}

Thresholds ConfigValue<Thresholds>::from(const Config& config) {
  if (config.is_null()) return {};
  if (config.is_list()) return from_config<std::vector<double>>(config);
  return config.as<double>();
}

namespace {

constexpr std::string_view about_thresholds = "a prediction above a threshold is positive";
constexpr std::string_view about_metric_name = "the metric's name";
constexpr std::string_view about_dtype = "the dtype of the result";
constexpr std::string_view about_class_id = "the only class that counts";
constexpr std::string_view about_count = "how many thresholds, evenly in [0, 1]";

}  // namespace

const Fields& CountOptions::fields() {
  using O = CountOptions;
  static const Fields all =
      fields_of<O>(field("thresholds", &O::thresholds, about_thresholds),
                   field("name", &O::name, about_metric_name), field("dtype", &O::dtype, about_dtype));
  return all;
}

const Fields& PrecisionOptions::fields() {
  using O = PrecisionOptions;
  static const Fields all =
      fields_of<O>(field("thresholds", &O::thresholds, about_thresholds),
                   field("top_k", &O::top_k, "only the largest k predictions of a sample are positive"),
                   field("class_id", &O::class_id, about_class_id),
                   field("name", &O::name, about_metric_name), field("dtype", &O::dtype, about_dtype));
  return all;
}

const Fields& SensitivityAtSpecificityOptions::fields() {
  using O = SensitivityAtSpecificityOptions;
  static const Fields all =
      fields_of<O>(field("specificity", &O::specificity, "the least specificity"),
                   field("num_thresholds", &O::num_thresholds, about_count),
                   field("class_id", &O::class_id, about_class_id),
                   field("name", &O::name, about_metric_name), field("dtype", &O::dtype, about_dtype));
  return all;
}

const Fields& SpecificityAtSensitivityOptions::fields() {
  using O = SpecificityAtSensitivityOptions;
  static const Fields all =
      fields_of<O>(field("sensitivity", &O::sensitivity, "the least sensitivity"),
                   field("num_thresholds", &O::num_thresholds, about_count),
                   field("class_id", &O::class_id, about_class_id),
                   field("name", &O::name, about_metric_name), field("dtype", &O::dtype, about_dtype));
  return all;
}

const Fields& PrecisionAtRecallOptions::fields() {
  using O = PrecisionAtRecallOptions;
  static const Fields all =
      fields_of<O>(field("recall", &O::recall, "the least recall"),
                   field("num_thresholds", &O::num_thresholds, about_count),
                   field("class_id", &O::class_id, about_class_id),
                   field("name", &O::name, about_metric_name), field("dtype", &O::dtype, about_dtype));
  return all;
}

const Fields& RecallAtPrecisionOptions::fields() {
  using O = RecallAtPrecisionOptions;
  static const Fields all =
      fields_of<O>(field("precision", &O::precision, "the least precision"),
                   field("num_thresholds", &O::num_thresholds, about_count),
                   field("class_id", &O::class_id, about_class_id),
                   field("name", &O::name, about_metric_name), field("dtype", &O::dtype, about_dtype));
  return all;
}

namespace {

using internal::DecisionCounts;
using internal::DecisionThresholds;

/// The thresholds of a metric. Throws ValueError unless they are in [0, 1].
std::vector<double> thresholds_in_range(const std::string& name, const Thresholds& given, double otherwise) {
  const std::vector<double>& list = given.list();
  for (const double threshold : list) {
    if (!(threshold >= 0 && threshold <= 1)) {
      throw ValueError(name + ": expected thresholds in [0, 1], got " + to_config(threshold).describe());
    }
  }
  return list.empty() ? std::vector<double>{otherwise} : list;
}

/// What one of these metrics counts.
struct CountKind {
  std::string_view name;
  std::vector<double> DecisionCounts::*counts;
  OptionalBool more_is_better;
};

constexpr CountKind count_kinds[] = {{"TruePositives", &DecisionCounts::true_positives, true},
                                     {"FalsePositives", &DecisionCounts::false_positives, false},
                                     {"TrueNegatives", &DecisionCounts::true_negatives, true},
                                     {"FalseNegatives", &DecisionCounts::false_negatives, false}};

class DecisionCount final : public MetricBase {
 public:
  DecisionCount(const CountKind& kind, CountOptions options)
      : MetricBase(internal::metric_name(options.name, kind.name)),
        kind_(kind),
        options_(std::move(options)),
        thresholds_(thresholds_in_range(name(), options_.thresholds, 0.5)),
        accumulator_(add_variable("accumulator", {static_cast<Index>(thresholds_.size())})) {
    options_.name = name();
  }
  void update_state(const Tensor& y_true, const Tensor& y_pred, const Tensor& sample_weight) override {
    const DecisionCounts counts =
        internal::count_decisions(name(), thresholds_, {}, y_true, y_pred, sample_weight);
    internal::add_to(accumulator_, counts.*kind_.counts);
  }
  Tensor result() const override {
    return internal::result_of(internal::elements_of(accumulator_), options_.dtype, thresholds_.size() == 1);
  }
  std::string class_name() const override { return std::string(kind_.name); }
  Config get_config() const override { return to_config(options_); }
  OptionalBool more_is_better() const override { return kind_.more_is_better; }

 private:
  const CountKind& kind_;
  CountOptions options_;
  DecisionThresholds thresholds_;
  Variable accumulator_;
};

/// Precision, or recall.
struct FractionKind {
  std::string_view name;
  std::string_view rest_name;
  /// The decisions that, with the true positives, are the whole.
  std::vector<double> DecisionCounts::*rest;
};

constexpr FractionKind precision_kind{"Precision", "false_positives", &DecisionCounts::false_positives};
constexpr FractionKind recall_kind{"Recall", "false_negatives", &DecisionCounts::false_negatives};

class DecisionFraction final : public MetricBase {
 public:
  DecisionFraction(const FractionKind& kind, PrecisionOptions options)
      : MetricBase(internal::metric_name(options.name, kind.name)),
        kind_(kind),
        options_(std::move(options)),
        thresholds_(thresholds_in_range(name(), options_.thresholds, options_.top_k ? -1e10 : 0.5)),
        true_positives_(add_variable("true_positives", {static_cast<Index>(thresholds_.size())})),
        rest_(add_variable(std::string(kind.rest_name), {static_cast<Index>(thresholds_.size())})) {
    if (options_.top_k && *options_.top_k < 1) {
      throw ValueError(name() + ": expected top_k >= 1, got " + std::to_string(*options_.top_k));
    }
    options_.name = name();
  }
  void update_state(const Tensor& y_true, const Tensor& y_pred, const Tensor& sample_weight) override {
    const DecisionCounts counts = internal::count_decisions(
        name(), thresholds_, {.top_k = options_.top_k, .class_id = options_.class_id}, y_true, y_pred,
        sample_weight);
    internal::add_to(true_positives_, counts.true_positives);
    internal::add_to(rest_, counts.*kind_.rest);
  }
  Tensor result() const override {
    std::vector<double> fractions = internal::elements_of(true_positives_);
    const std::vector<double> rest = internal::elements_of(rest_);
    for (std::size_t i = 0; i < rest.size(); ++i) {
      fractions[i] = internal::divide_no_nan(fractions[i], fractions[i] + rest[i]);
    }
    return internal::result_of(fractions, options_.dtype, thresholds_.size() == 1);
  }
  std::string class_name() const override { return std::string(kind_.name); }
  Config get_config() const override { return to_config(options_); }
  OptionalBool more_is_better() const override { return true; }

 private:
  const FractionKind& kind_;
  PrecisionOptions options_;
  DecisionThresholds thresholds_;
  Variable true_positives_;
  Variable rest_;
};

/// A fraction at one threshold: of the counts, and what it is part of.
using Fraction = double (*)(double tp, double fp, double tn, double fn);
constexpr Fraction recall_of = [](double tp, double, double, double fn) {
  return internal::divide_no_nan(tp, tp + fn);
};
constexpr Fraction precision_of = [](double tp, double fp, double, double) {
  return internal::divide_no_nan(tp, tp + fp);
};
constexpr Fraction specificity_of = [](double, double fp, double tn, double) {
  return internal::divide_no_nan(tn, tn + fp);
};

/// The largest of one fraction where another one is large enough.
struct TradeoffKind {
  std::string_view name;
  std::string_view constrained_name;
  Fraction constrained;
  Fraction maximized;
};

std::vector<double> even_thresholds(const std::string& name, Index count) {
  if (count < 1) throw ValueError(name + ": expected num_thresholds >= 1, got " + std::to_string(count));
  if (count == 1) return {0.5};
  internal::BuildBudget::take_state({count});
  std::vector<double> thresholds;
  for (Index i = 0; i < count; ++i) {
    thresholds.push_back(static_cast<double>(i) / static_cast<double>(count - 1));
  }
  return thresholds;
}

class Tradeoff final : public MetricBase {
 public:
  /// `config` gives the arguments of the class, with this name.
  Tradeoff(const TradeoffKind& kind, std::string name, double least, Index count,
           std::optional<Index> class_id, DType dtype, Config config)
      : MetricBase(std::move(name)),
        kind_(kind),
        least_(least),
        class_id_(class_id),
        dtype_(dtype),
        config_(std::move(config)),
        thresholds_(even_thresholds(MetricBase::name(), count)) {
    if (!(least >= 0 && least <= 1)) {
      throw ValueError(MetricBase::name() + ": expected " + std::string(kind.constrained_name) +
                       " in [0, 1], got " + to_config(least).describe());
    }
    for (const char* each : {"true_positives", "false_positives", "true_negatives", "false_negatives"}) {
      add_variable(each, {static_cast<Index>(thresholds_.size())});
    }
  }
  void update_state(const Tensor& y_true, const Tensor& y_pred, const Tensor& sample_weight) override {
    const DecisionCounts counts = internal::count_decisions(name(), thresholds_, {.class_id = class_id_},
                                                            y_true, y_pred, sample_weight);
    internal::add_to(variables()[0], counts.true_positives);
    internal::add_to(variables()[1], counts.false_positives);
    internal::add_to(variables()[2], counts.true_negatives);
    internal::add_to(variables()[3], counts.false_negatives);
  }
  Tensor result() const override {
    std::vector<std::vector<double>> counts;
    for (const Variable& each : variables()) counts.push_back(internal::elements_of(each));
    double largest = 0;
    for (std::size_t i = 0; i < thresholds_.size(); ++i) {
      const auto of = [&](Fraction fraction) {
        return fraction(counts[0][i], counts[1][i], counts[2][i], counts[3][i]);
      };
      if (of(kind_.constrained) >= least_) largest = std::max(largest, of(kind_.maximized));
    }
    return Tensor::scalar(largest, dtype_);
  }
  std::string class_name() const override { return std::string(kind_.name); }
  Config get_config() const override { return config_; }
  OptionalBool more_is_better() const override { return true; }

 private:
  const TradeoffKind& kind_;
  double least_;
  std::optional<Index> class_id_;
  DType dtype_;
  Config config_;
  DecisionThresholds thresholds_;
};

constexpr TradeoffKind sensitivity_at_specificity{"SensitivityAtSpecificity", "specificity", specificity_of,
                                                  recall_of};
constexpr TradeoffKind specificity_at_sensitivity{"SpecificityAtSensitivity", "sensitivity", recall_of,
                                                  specificity_of};
constexpr TradeoffKind precision_at_recall{"PrecisionAtRecall", "recall", recall_of, precision_of};
constexpr TradeoffKind recall_at_precision{"RecallAtPrecision", "precision", precision_of, recall_of};

template <class O>
std::shared_ptr<MetricBase> made_tradeoff(const TradeoffKind& kind, required<double> O::*least, O options) {
  options.name = internal::metric_name(options.name, kind.name);
  return make_shared_as<MetricBase, Tradeoff>(kind, options.name, (options.*least).value(),
                                              options.num_thresholds, options.class_id, options.dtype,
                                              to_config(options));
}

template <class O>
void add_tradeoff(internal::MetricEntries& entries, const TradeoffKind& kind, required<double> O::*least) {
  internal::add_names(entries, kind.name, "", typeid(Tradeoff), [&kind, least](const Config& config) {
    return made_tradeoff(kind, least, from_config<O>(config));
  });
}

Metric decision_count(std::size_t kind, CountOptions options) {
  return Metric(make_shared_as<MetricBase, DecisionCount>(count_kinds[kind], std::move(options)));
}

}  // namespace

Metric internal::make_true_positives(const CountOptions& options) { return decision_count(0, options); }
Metric internal::make_false_positives(const CountOptions& options) { return decision_count(1, options); }
Metric internal::make_true_negatives(const CountOptions& options) { return decision_count(2, options); }
Metric internal::make_false_negatives(const CountOptions& options) { return decision_count(3, options); }
Metric internal::make_precision(const PrecisionOptions& options) {
  return Metric(make_shared_as<MetricBase, DecisionFraction>(precision_kind, options));
}
Metric internal::make_recall(const PrecisionOptions& options) {
  return Metric(make_shared_as<MetricBase, DecisionFraction>(recall_kind, options));
}
Metric internal::make_sensitivity_at_specificity(const SensitivityAtSpecificityOptions& options) {
  using O = SensitivityAtSpecificityOptions;
  return Metric(made_tradeoff(sensitivity_at_specificity, &O::specificity, options));
}
Metric internal::make_specificity_at_sensitivity(const SpecificityAtSensitivityOptions& options) {
  using O = SpecificityAtSensitivityOptions;
  return Metric(made_tradeoff(specificity_at_sensitivity, &O::sensitivity, options));
}
Metric internal::make_precision_at_recall(const PrecisionAtRecallOptions& options) {
  return Metric(made_tradeoff(precision_at_recall, &PrecisionAtRecallOptions::recall, options));
}
Metric internal::make_recall_at_precision(const RecallAtPrecisionOptions& options) {
  return Metric(made_tradeoff(recall_at_precision, &RecallAtPrecisionOptions::precision, options));
}

void internal::add_confusion_metrics(MetricEntries& entries) {
  for (const CountKind& kind : count_kinds) {
    add_names(entries, kind.name, "", typeid(DecisionCount),
              [&kind](const Config& config) -> std::shared_ptr<MetricBase> {
                return make_shared_as<MetricBase, DecisionCount>(kind, from_config<CountOptions>(config));
              });
  }
  for (const FractionKind* kind : {&precision_kind, &recall_kind}) {
    add_names(entries, kind->name, "", typeid(DecisionFraction),
              [kind](const Config& config) -> std::shared_ptr<MetricBase> {
                return make_shared_as<MetricBase, DecisionFraction>(*kind,
                                                                    from_config<PrecisionOptions>(config));
              });
  }
  add_tradeoff(entries, sensitivity_at_specificity, &SensitivityAtSpecificityOptions::specificity);
  add_tradeoff(entries, specificity_at_sensitivity, &SpecificityAtSensitivityOptions::sensitivity);
  add_tradeoff(entries, precision_at_recall, &PrecisionAtRecallOptions::recall);
  add_tradeoff(entries, recall_at_precision, &RecallAtPrecisionOptions::precision);
}

}  // namespace unspool
