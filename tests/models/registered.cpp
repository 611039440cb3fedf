#include <doctest/doctest.h>
#include <memory>

#include <unspool/autograd/arithmetic.h>
#include <unspool/autograd/comparison.h>
#include <unspool/autograd/conversion.h>
#include <unspool/autograd/elementary.h>
#include <unspool/autograd/random.h>
#include <unspool/autograd/reduction.h>
#include <unspool/core/error.h>
#include <unspool/layers/dense.h>
#include <unspool/layers/input.h>
#include <unspool/layers/regularizer.h>
#include <unspool/models/loss.h>
#include <unspool/models/metric.h>
#include <unspool/models/model.h>
#include <unspool/models/saving.h>
#include <unspool/models/sequential.h>

#include "../serialization/folder.h"

/// Classes of one's own whose arguments a file keeps: written by get_config(), read by from_config().

using namespace unspool;

namespace {

/// The fraction of predictions that are off by less than `tolerance`.
class Within : public MetricBase {
 public:
  explicit Within(double tolerance) : MetricBase("within"), tolerance_(tolerance) {}
  void update_state(const Tensor& y_true, const Tensor& y_pred, const Tensor&) override {
    right_.assign(right_ + sum(cast(abs(y_true - y_pred) < tolerance_, float32)));
    all_.assign(all_ + static_cast<double>(y_true.shape().elements()));
  }
  Tensor result() const override { return right_ / all_; }
  Config get_config() const override { return MetricBase::get_config().set("tolerance", tolerance_); }
  static auto from_config(const Config& config) { return make<Within>(double(config["tolerance"])); }

 private:
  double tolerance_;
  Variable right_ = add_weight({.name = "right"});
  Variable all_ = add_weight({.name = "all"});
};

/// Needs no arguments.
class Largest : public MetricBase {
 public:
  Largest() : MetricBase("largest") {}
  void update_state(const Tensor& y_true, const Tensor& y_pred, const Tensor&) override {
    largest_.assign(maximum(largest_, max(abs(y_true - y_pred))));
  }
  Tensor result() const override { return largest_; }

 private:
  Variable largest_ = add_weight({.name = "largest"});
};

/// Has an argument, and nothing that reads it.
class Forgets : public LossBase {
 public:
  explicit Forgets(double factor = 1) : LossBase("forgets"), factor_(factor) {}
  Tensor call(const Tensor& y_true, const Tensor& y_pred) const override {
    return mean(factor_ * abs(y_true - y_pred), {-1});
  }
  Config get_config() const override { return LossBase::get_config().set("factor", factor_); }

 private:
  double factor_;
};

class Quantile : public LossBase {
 public:
  explicit Quantile(double quantile) : LossBase("quantile"), quantile_(quantile) {}
  Tensor call(const Tensor& y_true, const Tensor& y_pred) const override {
    const Tensor error = y_true - y_pred;
    return mean(maximum(quantile_ * error, (quantile_ - 1) * error), {-1});
  }
  Config get_config() const override { return LossBase::get_config().set("quantile", quantile_); }
  static Loss from_config(const Config& config) { return make<Quantile>(double(config["quantile"])); }

 private:
  double quantile_;
};

class Lasso : public RegularizerBase {
 public:
  explicit Lasso(double factor) : factor_(factor) {}
  Tensor call(const Tensor& x) const override { return factor_ * sum(abs(x)); }
  Config get_config() const override { return Config::map().set("factor", factor_); }
  static std::shared_ptr<Lasso> from_config(const Config& config) {
    return std::make_shared<Lasso>(double(config["factor"]));
  }

 private:
  double factor_;
};

}  // namespace

TEST_CASE("a compiled model with classes of one's own is read as it was saved") {
  register_metric<Within>("registered>Within");
  register_metric<Largest>("registered>Largest");
  register_loss<Quantile>("registered>Quantile");
  register_regularizer<Lasso>("registered>Lasso");
  set_random_seed(1);
  Sequential model({Input({.shape = {3}}), Dense({.units = 1, .kernel_regularizer = make<Lasso>(0.25)})});
  model.compile(
      {.optimizer = "sgd", .loss = make<Quantile>(0.75), .metrics = {make<Within>(0.5), make<Largest>()}});
  const Tensor x = random_normal({32, 3});
  const Tensor y = random_normal({32, 1});
  model.fit(x, y, {.epochs = 2, .verbose = 0});
  const Logs logs = model.evaluate(x, y, {.verbose = 0});
  CHECK(logs["within"] > 0);
  CHECK(logs["within"] < 1);

  const Folder folder;
  for (const char* name : {"model.unspool", "model.keras"}) {
    CAPTURE(name);
    model.save(folder / name);
    const Model again = load_model(folder / name);
    const Logs of_file = again.evaluate(x, y, {.verbose = 0});
    for (const char* each : {"loss", "within", "largest"}) CHECK(of_file[each] == logs[each]);
  }
}

TEST_CASE("arguments that nothing reads are refused") {
  register_loss<Forgets>("registered>Forgets");
  CHECK(Loss("registered>Forgets").config() == make<Forgets>(1).config());
  CHECK(Loss::from_config(make<Forgets>(1).config()).config() == make<Forgets>(1).config());
  CHECK_THROWS_WITH_AS(Loss::from_config(make<Forgets>(2).config()), doctest::Contains("from_config"),
                       ValueError);
}
