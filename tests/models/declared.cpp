#include <doctest/doctest.h>
#include <utility>
#include <vector>

#include <unspool/autograd/arithmetic.h>
#include <unspool/autograd/comparison.h>
#include <unspool/autograd/elementary.h>
#include <unspool/autograd/reduction.h>
#include <unspool/core/error.h>
#include <unspool/layers/constraint.h>
#include <unspool/layers/initializer.h>
#include <unspool/layers/regularizer.h>
#include <unspool/models/loss.h>
#include <unspool/models/metric.h>
#include <unspool/optim/adam.h>
#include <unspool/optim/schedule.h>

/// Classes of Keras are declared like variables, with their options or with values for the first of them.

using namespace unspool;

namespace {

double number(const Tensor& x) { return double(x); }

Tensor column(std::vector<float> values) {
  const auto size = static_cast<Index>(values.size());
  return Tensor(std::move(values), {size, 1});
}

/// The penalty `factor` * sum(|x|).
class Absolute : public RegularizerBase {
 public:
  explicit Absolute(double weight) : factor(weight) {}
  Tensor call(const Tensor& x) const override { return Tensor::scalar(factor * number(x), x.dtype()); }

  double factor;
};

/// The error, above `least`.
class Excess : public LossBase {
 public:
  explicit Excess(double least) : LossBase("excess"), least_(least) {}
  Tensor call(const Tensor& y_true, const Tensor& y_pred) const override {
    return mean(maximum(abs(y_true - y_pred) - least_, 0), {-1});
  }

 private:
  double least_;
};

}  // namespace

TEST_CASE("a loss is declared like a variable") {
  const Tensor labels = column({0, 0, 0, 0});
  const Tensor predictions = column({1, 3, 1, 3});
  MeanSquaredError squared;
  CHECK(number(squared(labels, predictions)) == 5);
  Huber huber(2);
  CHECK(number(huber(labels, predictions)) == doctest::Approx((0.5 + 4) / 2));
  Huber named({.delta = 2, .name = "mine"});
  CHECK(named.name() == "mine");
  CHECK(number(named(labels, predictions)) == number(huber(labels, predictions)));
  CHECK(BinaryCrossentropy(true)->get_config()["from_logits"].as<bool>());

  huber = named;
  const Loss any = huber;
  CHECK(any.name() == "mine");
  CHECK(any == huber);
  CHECK(Loss(Huber()) == Huber({}));
}

TEST_CASE("a metric is declared like a variable, and copies share its state") {
  BinaryAccuracy accuracy({.threshold = 0.25});
  const auto copy = accuracy;
  const Metric any = accuracy;
  accuracy.update_state(column({1, 1}), column({0.125, 0.375}));
  CHECK(number(copy.result()) == 0.5);
  CHECK(number(any.result()) == 0.5);
  any.reset_state();
  CHECK(number(accuracy.result()) == 0);

  CHECK(AUC(10)->get_config()["num_thresholds"].as<Index>() == 10);
  CHECK(TopKCategoricalAccuracy(2)->get_config()["k"].as<Index>() == 2);
  CHECK(SensitivityAtSpecificity(0.5)->get_config()["specificity"].as<double>() == 0.5);
  const std::vector<Metric> all = {accuracy, Precision(0.75), MeanSquaredError(),
                                   metrics::CosineSimilarity()};
  CHECK(all[1]->get_config()["thresholds"].as<double>() == 0.75);
  CHECK(all[2].name() == "mean_squared_error");
}

TEST_CASE("initializers, regularizers, constraints and schedules are declared like variables") {
  Constant twos(2);
  CHECK(number(sum(twos({2, 2}))) == 8);
  GlorotUniform seeded({.seed = 3});
  CHECK(Initializer(seeded) == GlorotUniform({.seed = 3}));
  const Tensor x = column({3, -4});
  L2 squares(0.5);
  CHECK(number(squares(x)) == 12.5);
  L1L2 both(1, 0.5);
  CHECK(number(both(x)) == 19.5);
  NonNeg positive;
  CHECK(positive(x).to_vector<float>() == std::vector<float>{3, 0});
  MaxNorm shorter({.max_value = 1});
  CHECK(shorter(x).to_vector<float>()[1] == doctest::Approx(-0.8));
  ExponentialDecay halves(0.5, 10, 0.5);
  CHECK(halves(10) == 0.25);
  CHECK(Adam(halves).learning_rate() == 0.5);
}

TEST_CASE("an object of a class of one's own is made like a layer") {
  const auto absolute = make<Absolute>(0.5);
  CHECK(absolute->factor == 0.5);
  const Regularizer any = absolute;
  CHECK(number(any(Tensor(3.f))) == 1.5);
  CHECK(number(Absolute(2)(Tensor(3.f))) == 6);
  CHECK_THROWS_AS(static_cast<void>(any.config()), KeyError);
  const Tensor labels = column({0, 0});
  const Tensor predictions = column({1, 4});
  CHECK(number(Excess(1)(labels, predictions)) == 1.5);
  CHECK(number(make<Excess>(1)(labels, predictions)) == 1.5);
  CHECK(number(Excess(1)(labels, predictions, Tensor::of<float>({1, 0}))) == 0);
}
