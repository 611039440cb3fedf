#include <cmath>
#include <doctest/doctest.h>
#include <limits>
#include <vector>

#include <unspool/autograd/arithmetic.h>
#include <unspool/autograd/conversion.h>
#include <unspool/autograd/elementary.h>
#include <unspool/autograd/indexing.h>
#include <unspool/autograd/reduction.h>
#include <unspool/autograd/shaping.h>
#include <unspool/core/error.h>
#include <unspool/layers/dense.h>
#include <unspool/layers/input.h>
#include <unspool/layers/layer.h>
#include <unspool/models/history.h>
#include <unspool/models/loss.h>
#include <unspool/models/metric.h>
#include <unspool/models/sequential.h>

using namespace unspool;

namespace {
double after(const Metric& metric, const Tensor& y, const Tensor& p, const Tensor& w = {}) {
  metric.reset_state();
  metric.update_state(y, p, w);
  return metric.result().item<double>();
}
/// A metric of a user's own with options: it counts batches.
class Batches : public MetricBase {
 public:
  using Options = MetricOptions;
  explicit Batches(MetricOptions options) : MetricBase(options.name) {}
  void update_state(const Tensor&, const Tensor&, const Tensor&) override { ++count_; }
  Tensor result() const override { return Tensor::scalar(count_, float32); }
  void reset_state() override { count_ = 0; }

 private:
  double count_ = 0;
};

}  // namespace

TEST_CASE("the mean of batches is weighted by their size") {
  Mean mean;
  CHECK(mean.result() == 0);
  mean.update_state(Tensor::of({0, 0}));
  mean.update_state(Tensor::of({9}));
  CHECK(mean.result() == 3);
  mean.reset_state();
  mean.update_state(Tensor::of({1, 3, 5, 7}), Tensor::of({1, 1, 0, 0}));
  CHECK(mean.result() == 2);
  mean.update_state(4, 2);
  CHECK(mean.result() == 3);
}

TEST_CASE("\"accuracy\" is the one that fits labels and predictions") {
  const Metric accuracy = "accuracy";
  CHECK(accuracy.name() == "accuracy");
  const Tensor p = Tensor::of({{.1, .9}, {.8, .2}, {.3, .7}, {.6, .4}});
  CHECK(after(accuracy, Tensor::of<std::int32_t>({1, 0, 0, 0}), p) == .75);
  CHECK(after(accuracy, Tensor::of<std::int32_t>({{1}, {0}, {0}, {0}}), p) == .75);
  CHECK(after(accuracy, Tensor::of({{0, 1}, {1, 0}, {1, 0}, {1, 0}}), p) == .75);
  CHECK(after(accuracy, Tensor::of({1, 1, 0, 0}), Tensor::of({{.98}, {.5}, {0}, {.6}})) == .5);
  // A label a step.
  CHECK(after(accuracy, Tensor::of<std::int32_t>({{1, 0}, {0, 0}}),
              Tensor::of({{{.1, .9}, {.8, .2}}, {{.3, .7}, {.6, .4}}})) == .75);
}

TEST_CASE("weights and masks") {
  const Tensor p = Tensor::of({{.1, .9}, {.8, .2}, {.3, .7}});
  const Tensor y = Tensor::of<std::int32_t>({1, 0, 0});
  CHECK(after(SparseCategoricalAccuracy(), y, p, Tensor::of({1, 1, 2})) == .5);
  const Tensor steps =
      with_mask(Tensor::of({{{.1, .9}, {.8, .2}, {.3, .7}}}), Tensor::of<bool>({{true, true, false}}));
  CHECK(after(SparseCategoricalAccuracy(), Tensor::of<std::int32_t>({{1, 1, 0}}), steps) == .5);
  const Tensor numbers = with_mask(Tensor::of({{{1}, {2}, {3}}}), Tensor::of<bool>({{true, false, true}}));
  CHECK(after("mse", Tensor::zeros({1, 3, 1}), numbers) == 5);
}

TEST_CASE("a sample counts once, however many values it has") {
  Mean mean;
  mean.update_state(Tensor::of({{1, 2, 3}, {5, 6, 7}}));
  CHECK(mean.total() == 8);
  CHECK(mean.count() == 2);
  mean.update_state(Tensor::of({{1, 3}}), Tensor::of({{2, 0}}));
  CHECK(mean.total() == 9);
  CHECK(mean.count() == 3);
  mean.update_state(Tensor::of({{1, 3}}), Tensor::of({.5}));
  CHECK(mean.total() == 10);
  CHECK(mean.count() == 3.5);
}

TEST_CASE("other metrics") {
  const Tensor p = Tensor::of({{.1, .9}, {.8, .2}});
  CHECK(after(CategoricalAccuracy(), Tensor::of({{0, 1}, {0, 1}}), p) == .5);
  CHECK(after(BinaryAccuracy({.threshold = .85}), Tensor::of({{0, 1}, {0, 0}}), p) == 1);
  CHECK(after("mae", Tensor::zeros({2, 2}), p) == doctest::Approx(.5));
  const Metric own = [](const Tensor& y, const Tensor& q) { return y - q; };
  CHECK(after(own, Tensor::ones({2, 2}), p) == doctest::Approx(.5));
  CHECK_THROWS_WITH_AS(Metric("acuracy"), doctest::Contains("\"accuracy\""), ValueError);
}

TEST_CASE("the numbers of Keras") {
  const Tensor y = Tensor::of({0, 0, 1, 1});
  CHECK(after("AUC", y, Tensor::of({0, .5, .3, .9})) == doctest::Approx(.75));
  CHECK(after("precision", Tensor::of({0, 1, 1, 1}), Tensor::of({1, 0, 1, 1})) == doctest::Approx(2 / 3.));
  CHECK(after("recall", Tensor::of({0, 1, 1, 1}), Tensor::of({1, 0, 1, 1})) == doctest::Approx(2 / 3.));
  CHECK(after("r2_score", Tensor::of({{1}, {4}, {3}}), Tensor::of({{2}, {4}, {4}})) ==
        doctest::Approx(.5714285));
  CHECK(after("binary_accuracy", Tensor::of({1, 1, 0, 0}), Tensor::of({.98, .5, 0, .6})) == .5);
  const Tensor p = Tensor::of({{.6, .4}, {.4, .6}});
  CHECK(after("cosine_similarity", Tensor::of({{0, 1}, {1, 0}}), p) == doctest::Approx(.5547002));
  CHECK(after("rmse", Tensor::of({{0, 1}, {1, 0}}), p) == doctest::Approx(.6));
  CHECK(after("crossentropy", Tensor::of({{0, 1}, {1, 0}}), p) == doctest::Approx(.9162907));
  CHECK(after("ce", Tensor::of<std::int32_t>({1, 0}), p) == doctest::Approx(.9162907));
}

TEST_CASE("what a mask leaves out of a metric counts for nothing, whatever it holds") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const Tensor mask = Tensor::of<bool>({{true, true, false}, {true, false, false}});
  const Tensor y = Tensor::of({{{1, 0}, {0, 1}, {nan, 7}}, {{0, 1}, {-1, nan}, {nan, nan}}});
  const Tensor p = Tensor::of({{{.7, .2}, {.1, .6}, {nan, .5}}, {{.8, .3}, {.4, .5}, {nan, nan}}});
  // The steps that count.
  const Tensor y_kept = Tensor::of({{1, 0}, {0, 1}, {0, 1}});
  const Tensor p_kept = Tensor::of({{.7, .2}, {.1, .6}, {.8, .3}});
  std::vector<Metric> metrics;
  for (const char* name : {"accuracy",
                           "binary_accuracy",
                           "categorical_accuracy",
                           "top_k_categorical_accuracy",
                           "mse",
                           "rmse",
                           "mean_absolute_percentage_error",
                           "log_cosh_error",
                           "hinge",
                           "kl_divergence",
                           "poisson",
                           "precision",
                           "recall",
                           "true_positives",
                           "false_negatives",
                           "AUC",
                           "f1_score",
                           "cosine_similarity",
                           "binary_crossentropy",
                           "categorical_crossentropy"}) {
    metrics.push_back(name);
  }
  metrics.push_back(AUC({.curve = "PR", .multi_label = true}));
  metrics.push_back(FBetaScore({.average = "weighted", .beta = 2, .threshold = .5}));
  metrics.push_back(R2Score({.num_regressors = 1}));
  metrics.push_back(OneHotMeanIoU({.num_classes = 2}));
  metrics.push_back(BinaryIoU());
  metrics.push_back(SensitivityAtSpecificity({.specificity = .5}));
  for (const Metric& metric : metrics) {
    CAPTURE(metric.name());
    const auto result_of = [&](const Tensor& labels, const Tensor& predicted) {
      metric.reset_state();
      metric.update_state(labels, predicted);
      return metric.result().to_vector<double>();
    };
    const std::vector<double> wanted = result_of(y_kept, p_kept);
    const std::vector<double> got = result_of(y, with_mask(p, mask));
    REQUIRE(got.size() == wanted.size());
    for (std::size_t i = 0; i < got.size(); ++i) CHECK(got[i] == doctest::Approx(wanted[i]));
  }
  const Metric sparse = "sparse_categorical_accuracy";
  CHECK(after(sparse, Tensor::of<std::int32_t>({{0, 1, -1}, {1, 9, 9}}), with_mask(p, mask)) ==
        doctest::Approx(2 / 3.));
}

TEST_CASE("the results of several thresholds and classes are a list") {
  const Metric precision = Precision({.thresholds = {.2, .7}});
  precision.update_state(Tensor::of({0, 1}), Tensor::of({.5, .8}));
  CHECK(precision.result().to_vector<float>() == std::vector<float>{.5, 1});
  CHECK(precision.variables()[0].name() == "true_positives");
  CHECK(precision.variables()[0].path() == "precision/true_positives");
  precision.reset_state();
  CHECK(precision.result().to_vector<float>() == std::vector<float>{0, 0});
  CHECK(F1Score().result().item<float>() == 0);
}

TEST_CASE("edit distances and the label error rate") {
  const auto row = [](const Tensor& x) { return expand_dims(x, 0); };
  // kitten, sitting.
  const Tensor kitten = row(Tensor::of<std::int32_t>({11, 9, 20, 20, 5, 14, -1}));
  const Tensor sitting = row(Tensor::of<std::int32_t>({19, 9, 20, 20, 9, 14, 7}));
  CHECK(edit_distance(kitten, sitting).item<float>() == 3);
  CHECK(edit_distance(sitting, kitten).item<float>() == 3);
  CHECK(edit_distance(kitten, sitting, true).item<float>() == .5);
  const Tensor none = row(Tensor::of<std::int32_t>({-1}));
  CHECK(edit_distance(kitten, none).item<float>() == 6);
  CHECK(edit_distance(none, none, true).item<float>() == 0);
  CHECK(std::isinf(edit_distance(none, kitten, true).item<float>()));

  const Metric errors = "edit_distance";
  errors.update_state(kitten, sitting);
  errors.update_state(none, none);
  errors.update_state(sitting, kitten, Tensor::of({2}));
  CHECK(errors.result().item<float>() == doctest::Approx(9 / 20.));
  CHECK_FALSE(errors->more_is_better());
  // Logits are decoded: 1 1 0 1 2, and then steps that a mask leaves out.
  const Tensor logits = row(one_hot(Tensor::of<std::int32_t>({1, 1, 0, 1, 2, 1, 2}), 3));
  const Tensor mask = Tensor::of<bool>({{true, true, true, true, true, false, false}});
  const Metric each = EditDistance({.normalize = false});
  CHECK(after(each, row(Tensor::of<std::int32_t>({1, 1, 2, 0})), with_mask(logits, mask)) == 0);
  CHECK(after(each, row(Tensor::of<std::int32_t>({1, 2, 2, 1})), with_mask(logits, mask)) == 2);
}

TEST_CASE("options that no metric takes, and labels that do not fit") {
  CHECK_THROWS_WITH_AS(AUC({.curve = "RCO"}), doctest::Contains("ROC"), ValueError);
  CHECK_THROWS_WITH_AS(Precision({.thresholds = 2}), doctest::Contains("[0, 1]"), ValueError);
  CHECK_THROWS_WITH_AS(F1Score({.average = "mean"}), doctest::Contains("macro"), ValueError);
  CHECK_THROWS_WITH_AS(IoU({.num_classes = 2, .target_class_ids = {2}}), doctest::Contains("[0, 2)"),
                       ValueError);
  CHECK_THROWS_WITH_AS(after("precision", Tensor::ones({2, 3}), Tensor::ones({2, 2})),
                       doctest::Contains("float32[2, 3]"), ValueError);
  CHECK_THROWS_WITH_AS(after("precision", Tensor::ones({2, 2}), Tensor::ones({2, 2}), Tensor::ones({3})),
                       doctest::Contains("[3]"), ValueError);
  CHECK_THROWS_WITH_AS(after("accuracy", Tensor::ones({2, 1}), Tensor::ones({2, 1}), Tensor::ones({3})),
                       doctest::Contains("[3]"), ValueError);
}

namespace {

/// A metric of a user's own with state, in the manner of Keras.
class LargestError : public MetricBase {
 public:
  LargestError() : MetricBase("largest_error") {}
  void update_state(const Tensor& y_true, const Tensor& y_pred, const Tensor& sample_weight) override {
    Tensor errors = cast(abs(y_true - y_pred), float64);
    if (sample_weight) errors = errors * sample_weight;
    largest_.assign(maximum(largest_, max(errors)));
  }
  Tensor result() const override { return largest_; }

 private:
  Variable largest_ = add_variable("largest");
};

}  // namespace

TEST_CASE("a metric of one's own with state") {
  const Metric largest = make<LargestError>();
  largest.update_state(Tensor::of({1, 2}), Tensor::of({4, 2}));
  largest.update_state(Tensor::of({1, 2}), Tensor::of({2, 2}));
  CHECK(largest.result().item<double>() == 3);
  CHECK(after(largest, Tensor::of({1, 2}), with_mask(Tensor::of({9, 4}), Tensor::of<bool>({false, true}))) ==
        2);
}

TEST_CASE("to configs and back") {
  for (const Metric& metric : std::vector<Metric>{Metric("accuracy"),
                                                  Metric("mse"),
                                                  BinaryAccuracy({.name = "b", .threshold = .25}),
                                                  Accuracy(),
                                                  Precision({.thresholds = {.25, .5}, .top_k = 2}),
                                                  Recall({.thresholds = .25}),
                                                  TrueNegatives(),
                                                  AUC({.curve = "PR", .thresholds = {.25, .5}}),
                                                  F1Score({.average = "micro"}),
                                                  FBetaScore({.beta = 2}),
                                                  R2Score(),
                                                  MeanIoU({.num_classes = 3}),
                                                  BinaryIoU(),
                                                  SpecificityAtSensitivity({.sensitivity = .5}),
                                                  PrecisionAtRecall({.recall = .5}),
                                                  RecallAtPrecision({.precision = .25}),
                                                  TopKCategoricalAccuracy({.k = 3}),
                                                  PearsonCorrelation(),
                                                  ConcordanceCorrelation(),
                                                  metrics::CosineSimilarity({.axis = 1}),
                                                  LogCoshError(),
                                                  EditDistance(),
                                                  Metric("edit_distance")}) {
    CAPTURE(metric.name());
    const Metric read = Metric::from_config(from_json(to_json(metric.config())));
    CHECK(read.config() == metric.config());
    CHECK(read.name() == metric.name());
  }
}

TEST_CASE("a list of names is a list of metrics") {
  const Metrics metrics = {"accuracy", "mae"};
  REQUIRE(metrics.list().size() == 2);
  CHECK(metrics.list()[1].name() == "mae");
}

TEST_CASE("a loss as a metric is its weighted mean") {
  const Metrics metrics = {MeanAbsoluteError(), BinaryCrossentropy({.from_logits = true, .name = "bce"})};
  const Metric& mae = metrics.list()[0];
  CHECK(mae.name() == "mean_absolute_error");
  CHECK(metrics.list()[1].name() == "bce");
  CHECK(mae->more_is_better().has_value());
  CHECK_FALSE(mae->more_is_better());
  // Two batches, of three samples and of one, and weights: the mean of samples, not of batches.
  mae.update_state(Tensor::zeros({3, 1}), Tensor::of({{1}, {1}, {1}}), Tensor::of({1, 1, 0}));
  mae.update_state(Tensor::zeros({1, 1}), Tensor::of({{4}}), Tensor::of({1}));
  CHECK(mae.result().item<float>() == 2);
  const Metric named = "mae";
  const Tensor p = Tensor::of({{1}, {3}});
  CHECK(after(mae, Tensor::zeros({2, 1}), p) == after(named, Tensor::zeros({2, 1}), p));
  // The reduction of the loss does not matter.
  CHECK(after(MeanAbsoluteError({.reduction = "sum"}), Tensor::zeros({2, 1}), p) == 2);
  const Metric logits = metrics.list()[1];
  const Metric read = Metric::from_config(from_json(to_json(logits.config())));
  CHECK(read.name() == "bce");
  CHECK(after(read, Tensor::zeros({2, 1}), p) == after(logits, Tensor::zeros({2, 1}), p));
  const Loss own = [](const Tensor& y, const Tensor& q) { return mean(abs(y - q), {-1}); };
  CHECK(after(own, Tensor::zeros({2, 1}), p) == 2);
  const Loss none;
  CHECK_THROWS_AS(Metric{none}, ValueError);
}

TEST_CASE("make<MyMetric>() reaches the members of the class and is a metric that shares the object") {
  class Counts : public MetricBase {
   public:
    Counts() : MetricBase("counts") {}
    void update_state(const Tensor&, const Tensor&, const Tensor&) override { ++batches; }
    Tensor result() const override { return Tensor::scalar(static_cast<float>(batches)); }
    int batches = 0;
  };
  const auto counts = make<Counts>();
  const Metric metric = counts;
  metric.update_state({}, {});
  counts.update_state({}, {});
  CHECK(counts->batches == 2);
  CHECK((*counts).batches == 2);
  CHECK(metric.result().item<float>() == 2);
  CHECK(metric == counts);
  const Metrics list = {counts, "mae"};
  CHECK(list.list()[0] == metric);
}

TEST_CASE("metrics of one's own, by name and by class") {
  register_metric("my>bias", [](const Tensor& y, const Tensor& p) { return p - y; });
  const Metric bias = "my>bias";
  CHECK(bias.name() == "bias");
  CHECK(bias.config() == Config("my>bias"));
  CHECK(after(Metric::from_config(bias.config()), Tensor::zeros({2, 1}), Tensor::of({{1}, {3}})) == 2);
  // A name from which Keras makes a metric cannot be taken.
  CHECK_THROWS_AS(register_metric("accuracy", [](const Tensor& y, const Tensor&) { return y; }), ValueError);

  register_metric<Batches>("my>Batches");
  const Metric made = make<Batches>(MetricOptions{.name = "batches"});
  const Metric read = Metric::from_config(from_json(to_json(made.config())));
  CHECK(read.name() == "batches");
  CHECK(after(read, {}, {}) == 1);
  CHECK_THROWS_WITH_AS(Metric([](const Tensor& y, const Tensor&) { return y; }).config(),
                       doctest::Contains("register_metric"), ValueError);
}

TEST_CASE("functions that are metrics are logged by the names that they are given") {
  const auto error = [](const Tensor& y, const Tensor& p) { return abs(p - y); };
  const auto bias = [](const Tensor& y, const Tensor& p) { return p - y; };
  Sequential model({Input({.shape = {2}}), Dense({.units = 1})});
  model.compile(
      {.optimizer = "sgd", .loss = "mse", .metrics = {Metric("error", error), Metric("bias", bias)}});
  const Tensor x = Tensor::zeros({2, 2});
  const Tensor y = Tensor::of({{1}, {-3}});
  const Logs logs = model.evaluate(x, y, {.verbose = 0});
  CHECK(logs["error"] == 2);
  CHECK(logs["bias"] == 1);
  CHECK_THROWS_WITH_AS(Metric("bias", bias).config(), doctest::Contains("register_metric"), ValueError);
}
