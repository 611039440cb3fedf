#include <algorithm>
#include <cmath>
#include <numeric>

#include <unspool/autograd/elementary.h>
#include <unspool/core/error.h>
#include <unspool/core/make_shared_as.h>
#include <unspool/layers/internal/build_budget.h>
#include <unspool/models/internal/decisions.h>
#include <unspool/models/internal/metric_kind.h>
#include <unspool/models/metrics/auc.h>

namespace unspool {

const Fields& AUCOptions::fields() {
  using O = AUCOptions;
  static const Fields all = fields_of<O>(
      field("num_thresholds", &O::num_thresholds, "how many thresholds, evenly in [0, 1]"),
      field("curve", &O::curve, "\"ROC\", \"PR\" or \"PRGAIN\""),
      field("summation_method", &O::summation_method, "\"interpolation\", \"majoring\" or \"minoring\""),
      field("name", &O::name, "the metric's name"), field("dtype", &O::dtype, "the dtype of the result"),
      field("thresholds", &O::thresholds, "others than the even ones").unless_default(),
      field("multi_label", &O::multi_label, "each label has its own area"),
      field("num_labels", &O::num_labels, "with multi_label: how many labels"),
      field("label_weights", &O::label_weights, "a weight for each label"),
      field("from_logits", &O::from_logits, "y_pred are not probabilities but their logits"));
  return all;
}

namespace {

/// The thresholds, between two that are a little outside of [0, 1].
std::vector<double> auc_thresholds(const std::string& name, const AUCOptions& options) {
  std::vector<double> inner;
  if (options.thresholds) {
    inner = options.thresholds.list(name + ": thresholds");
    std::sort(inner.begin(), inner.end());
    for (const double each : inner) {
      if (each >= 0 && each <= 1) continue;
      throw ValueError(name + ": expected thresholds in [0, 1], got " + to_config(each).describe());
    }
  } else {
    if (options.num_thresholds < 2) {
      throw ValueError(name + ": expected num_thresholds >= 2, got " +
                       std::to_string(options.num_thresholds));
    }
    internal::BuildBudget::take_state({options.num_thresholds});
    for (Index i = 1; i < options.num_thresholds - 1; ++i) {
      inner.push_back(static_cast<double>(i) / static_cast<double>(options.num_thresholds - 1));
    }
  }
  inner.insert(inner.begin(), -1e-7);
  inner.push_back(1 + 1e-7);
  return inner;
}

/// One of the names, in any case of its first or all letters. Throws ValueError for another one.
std::string one_of(const std::string& metric, const char* what, const std::string& given,
                   const std::vector<std::string>& known) {
  const auto small = [](std::string text) {
    for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return text;
  };
  for (const std::string& each : known) {
    if (small(each) == small(given)) return each;
  }
  throw ValueError(metric + ": expected " + what + " to be one of " + to_config(known).describe() + ", got " +
                   in_quotes(given) + did_you_mean(given, known));
}

/// The counts of one label, by threshold.
struct Counts {
  std::vector<double> tp, fp, tn, fn;
};

/// The points of a curve, from the lowest threshold to the highest.
struct Curve {
  std::vector<double> x, y;
};

Curve curve_of(const std::string& curve, const Counts& c) {
  using internal::divide_no_nan;
  Curve points;
  for (std::size_t i = 0; i < c.tp.size(); ++i) {
    const double recall = divide_no_nan(c.tp[i], c.tp[i] + c.fn[i]);
    if (curve == "ROC") {
      points.x.push_back(divide_no_nan(c.fp[i], c.fp[i] + c.tn[i]));
      points.y.push_back(recall);
    } else if (curve == "PR") {
      points.x.push_back(recall);
      points.y.push_back(divide_no_nan(c.tp[i], c.tp[i] + c.fp[i]));
    } else {
      const double scale = divide_no_nan(c.tp[i] + c.fn[i], c.tn[i] + c.fp[i]);
      const double recall_gain = c.tp[i] == 0 ? 0 : 1 - scale * c.fn[i] / c.tp[i];
      points.x.push_back(std::max(recall_gain, 0.0));
      points.y.push_back(c.tp[i] == 0 ? 1 : 1 - scale * c.fp[i] / c.tp[i]);
    }
  }
  return points;
}

double area_of(const Curve& curve, const std::string& method) {
  double area = 0;
  for (std::size_t i = 0; i + 1 < curve.x.size(); ++i) {
    const double a = curve.y[i];
    const double b = curve.y[i + 1];
    const double height =
        method == "interpolation" ? (a + b) / 2 : (method == "minoring" ? std::min(a, b) : std::max(a, b));
    area += (curve.x[i] - curve.x[i + 1]) * height;
  }
  return area;
}

/// The area under precision and recall, interpolated by counts (Davis and Goadrich 2006).
double interpolated_precision_recall(const Counts& c) {
  using internal::divide_no_nan;
  double area = 0;
  for (std::size_t i = 0; i + 1 < c.tp.size(); ++i) {
    const double here = c.tp[i] + c.fp[i];
    const double next = c.tp[i + 1] + c.fp[i + 1];
    const double more = c.tp[i] - c.tp[i + 1];
    const double slope = divide_no_nan(more, std::max(here - next, 0.0));
    const double intercept = c.tp[i + 1] - slope * next;
    const double ratio = here > 0 && next > 0 ? here / next : 1;
    area +=
        divide_no_nan(slope * (more + intercept * std::log(ratio)), std::max(c.tp[i + 1] + c.fn[i + 1], 0.0));
  }
  return area;
}

class AreaUnderCurve final : public MetricBase {
 public:
  using Options = AUCOptions;
  explicit AreaUnderCurve(AUCOptions options)
      : MetricBase(internal::metric_name(options.name, "AUC")),
        options_(std::move(options)),
        label_weights_(options_.label_weights.list(name() + ": label_weights")),
        thresholds_(auc_thresholds(name(), options_)) {
    options_.name = name();
    options_.curve = one_of(name(), "the curve", options_.curve, {"ROC", "PR", "PRGAIN"});
    options_.summation_method = one_of(name(), "the summation method", options_.summation_method,
                                       {"interpolation", "majoring", "minoring"});
    options_.num_thresholds = static_cast<Index>(thresholds_.size());
    if (options_.num_labels && !options_.multi_label) {
      throw ValueError(name() + ": expected num_labels with multi_label only");
    }
    if (!options_.multi_label) build(1);
    if (options_.num_labels) build(*options_.num_labels);
  }
  void update_state(const Tensor& y_true, const Tensor& y_pred, const Tensor& sample_weight) override {
    internal::DecisionRules rules{.by_label = options_.multi_label};
    if (options_.multi_label) {
      if (y_pred.rank() < 2) {
        throw ValueError(name() + ": expected predictions (batch, labels) with multi_label, got " +
                         describe(y_pred));
      }
      if (variables().empty()) build(y_pred.shape().back());
      if (y_pred.shape().back() != labels_) {
        throw ValueError(name() + ": expected predictions of " + std::to_string(labels_) + " labels, got " +
                         describe(y_pred));
      }
    } else {
      rules.label_weights = label_weights_;
    }
    const internal::DecisionCounts counts = internal::count_decisions(
        name(), thresholds_, rules, y_true, options_.from_logits ? sigmoid(y_pred) : y_pred, sample_weight);
    internal::add_to(variables()[0], counts.true_positives);
    internal::add_to(variables()[1], counts.false_positives);
    internal::add_to(variables()[2], counts.true_negatives);
    internal::add_to(variables()[3], counts.false_negatives);
  }
  Tensor result() const override {
    if (variables().empty()) return Tensor::scalar(0, options_.dtype);
    double total = 0;
    double weights = 0;
    for (Index label = 0; label < labels_; ++label) {
      const double weight = options_.multi_label && !label_weights_.empty()
                                ? label_weights_[static_cast<std::size_t>(label)]
                                : 1;
      total += weight * area(label);
      weights += weight;
    }
    return Tensor::scalar(internal::divide_no_nan(total, weights), options_.dtype);
  }
  Config get_config() const override { return to_config(options_); }
  OptionalBool more_is_better() const override { return true; }

 private:
  void build(Index labels) {
    if (options_.multi_label && options_.label_weights &&
        static_cast<Index>(label_weights_.size()) != labels) {
      throw ValueError(name() + ": expected " + std::to_string(labels) + " label_weights, got " +
                       std::to_string(label_weights_.size()));
    }
    labels_ = labels;
    const Index count = options_.num_thresholds;
    const Shape shape = options_.multi_label ? Shape{count, labels} : Shape{count};
    for (const char* each : {"true_positives", "false_positives", "true_negatives", "false_negatives"}) {
      add_variable(each, shape);
    }
  }
  double area(Index label) const {
    const auto of_label = [&](const Variable& variable) {
      const std::vector<double> all = internal::elements_of(variable);
      std::vector<double> own;
      for (std::size_t i = static_cast<std::size_t>(label); i < all.size();
           i += static_cast<std::size_t>(labels_)) {
        own.push_back(all[i]);
      }
      return own;
    };
    const Counts counts{of_label(variables()[0]), of_label(variables()[1]), of_label(variables()[2]),
                        of_label(variables()[3])};
    if (options_.curve == "PR" && options_.summation_method == "interpolation") {
      return interpolated_precision_recall(counts);
    }
    return area_of(curve_of(options_.curve, counts), options_.summation_method);
  }

  AUCOptions options_;
  std::vector<double> label_weights_;
  internal::DecisionThresholds thresholds_;
  Index labels_ = 0;
};

}  // namespace

Metric internal::make_auc(const AUCOptions& options) {
  return Metric(make_shared_as<MetricBase, AreaUnderCurve>(options));
}

void internal::add_auc(MetricEntries& entries) { add_metric_class<AreaUnderCurve>(entries, "AUC"); }

}  // namespace unspool
