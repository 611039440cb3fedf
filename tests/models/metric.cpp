#include <doctest/doctest.h>

#include <unspool/autograd/arithmetic.h>
#include <unspool/autograd/elementary.h>
#include <unspool/autograd/reduction.h>
#include <unspool/core/error.h>
#include <unspool/layers/layer.h>
#include <unspool/models/loss.h>
#include <unspool/models/metric.h>

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

TEST_CASE("to configs and back") {
  for (const Metric& metric :
       {Metric("accuracy"), Metric("mse"), BinaryAccuracy({.name = "b", .threshold = .25})}) {
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
