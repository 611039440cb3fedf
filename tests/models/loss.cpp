#include <cmath>
#include <doctest/doctest.h>
#include <limits>

#include <unspool/autograd/arithmetic.h>
#include <unspool/autograd/elementary.h>
#include <unspool/autograd/reduction.h>
#include <unspool/autograd/tape.h>
#include <unspool/core/error.h>
#include <unspool/layers/layer.h>
#include <unspool/models/loss.h>

using namespace unspool;

namespace {

const Tensor loss_labels = Tensor::of({{0, 1}, {1, 0}});
const Tensor loss_predictions = Tensor::of({{.6, .4}, {.4, .6}});
const Tensor loss_weights = Tensor::of({.2, .8});
const float not_a_number = std::numeric_limits<float>::quiet_NaN();

void check(const Tensor& loss, double wanted) {
  CHECK(loss.item<double>() == doctest::Approx(wanted).epsilon(1e-6));
}

}  // namespace

TEST_CASE("losses give Keras' numbers") {
  check(Loss("mse")(loss_labels, loss_predictions), .36);
  check(Loss("mae")(loss_labels, loss_predictions), .6);
  check(BinaryCrossentropy()(loss_labels, loss_predictions), .9162908);
  check(BinaryCrossentropy({.label_smoothing = .2})(loss_labels, loss_predictions), .8757442);
  check(BinaryCrossentropy({.from_logits = true})(loss_labels, loss_predictions), .7752516);
  check(CategoricalCrossentropy()(loss_labels, loss_predictions), .9162907);
  check(CategoricalCrossentropy()(loss_labels, loss_predictions * 2),
        .9162907);  // They are divided by their sum.
  check(CategoricalCrossentropy({.label_smoothing = .2})(loss_labels, loss_predictions), .8757442);
  check(CategoricalCrossentropy({.from_logits = true})(loss_labels, loss_predictions), .7981389);
  const Tensor classes = Tensor::of<std::int32_t>({1, 0});
  check(SparseCategoricalCrossentropy()(classes, loss_predictions), .9162907);
  check(SparseCategoricalCrossentropy({.from_logits = true})(classes, loss_predictions), .7981389);
}

TEST_CASE("reductions and weights") {
  check(MeanSquaredError()(loss_labels, loss_predictions, loss_weights), .18);
  check(MeanSquaredError({.reduction = "mean"})(loss_labels, loss_predictions, loss_weights), .18);
  check(MeanSquaredError({.reduction = "sum"})(loss_labels, loss_predictions), .72);
  check(
      MeanSquaredError({.reduction = "mean_with_sample_weight"})(loss_labels, loss_predictions, loss_weights),
      .36);
  const Tensor each = MeanSquaredError({.reduction = "none"})(loss_labels, loss_predictions);
  CHECK(each.shape() == Shape{2});
  check(each[0], .36);
  check(Loss("mse")(loss_labels, loss_predictions, Tensor::of({{.2}, {.8}})), .18);
  // One weight a sample holds for all its steps, be there as many steps as samples, where Keras 3 weights the
  // steps.
  const Tensor by_sample = MeanSquaredError({.reduction = "none"})(
      Tensor::zeros({2, 2, 1}), Tensor::ones({2, 2, 1}), Tensor::of({1, 3}));
  CHECK(by_sample.to_vector<float>() == std::vector<float>{1, 1, 3, 3});
  CHECK_THROWS_WITH_AS(Reduction("avg"), doctest::Contains("sum_over_batch_size"), ValueError);
  CHECK_THROWS_WITH_AS(Loss("mse")(loss_labels, loss_predictions, Tensor::of({1, 2, 3})),
                       doctest::Contains("[3]"), ValueError);
}

TEST_CASE("a mask leaves steps out, whatever they hold") {
  const Tensor mask = Tensor::of<bool>({{true, false, true}});
  const auto masked = [&](const Tensor& p) { return with_mask(p, mask); };
  const Tensor y = Tensor::zeros({1, 3, 1});
  const Tensor p = masked(Tensor::of({{{1}, {not_a_number}, {3}}}));
  check(Loss("mse")(y, p), 5);
  check(MeanSquaredError({.reduction = "sum"})(y, p), 10);
  const Tensor each = MeanSquaredError({.reduction = "none"})(y, p);
  CHECK(each.to_vector<float>() == std::vector<float>{1, 0, 9});
  // The divisor counts what is kept: 5 / 2, not 9 / 3.
  const Tensor two_of_three = Tensor::of<bool>({{true, true, false}});
  check(Loss("mse")(y, with_mask(Tensor::of({{{1}, {2}, {2}}}), two_of_three)), 2.5);
  // Weights of samples hold for all their steps.
  check(Loss("mse")(y, p, Tensor::of({2})), 10);
  check(Loss("mse")(y, with_mask(p, Tensor::of<bool>({{false, false, false}}))), 0);
}

TEST_CASE("what a mask leaves out counts for nothing, whatever label or prediction it has") {
  const Tensor mask = Tensor::of<bool>({{true, true, false}});
  const Tensor p = Tensor::of({{{.3, .7}, {.6, .4}, {.5, .5}}});
  const Tensor bad = Tensor::of({{{.3, .7}, {.6, .4}, {not_a_number, .5}}});
  const Loss sparse = "sparse_categorical_crossentropy";
  const auto good = sparse(Tensor::of<std::int32_t>({{0, 1, 0}}), with_mask(p, mask)).item<float>();
  CHECK(sparse(Tensor::of<std::int32_t>({{0, 1, -1}}), with_mask(p, mask)).item<float>() == good);
  CHECK(sparse(Tensor::of<std::int32_t>({{{0}, {1}, {7}}}), with_mask(p, mask)).item<float>() == good);
  CHECK_THROWS_AS(sparse(Tensor::of<std::int32_t>({{0, -1, 0}}), with_mask(p, mask)), ValueError);

  const Tensor y = Tensor::of({{{0, 1}, {1, 0}, {1, 0}}});
  const Tensor bad_y = Tensor::of({{{0, 1}, {1, 0}, {not_a_number, not_a_number}}});
  for (const char* name : {"mse", "mae", "binary_crossentropy", "categorical_crossentropy"}) {
    CAPTURE(name);
    const Loss loss = name;
    std::vector<std::vector<float>> values;
    for (const auto& [labels, given] : {std::pair(y, p), std::pair(bad_y, p), std::pair(bad_y, bad)}) {
      GradientTape tape;
      tape.watch(given);
      const Tensor value = loss(labels, with_mask(given, mask));
      std::vector<float> all = tape.gradient(value, given).to_vector<float>();
      CHECK(all[4] == 0);
      CHECK(all[5] == 0);
      all.push_back(value.item<float>());
      values.push_back(all);
    }
    CHECK(values[1] == values[0]);
    CHECK(values[2] == values[0]);
  }
}

TEST_CASE("ranks that differ by a last axis of one are the same") {
  check(Loss("mse")(Tensor::of({1, 2}), Tensor::of({{1}, {2}})), 0);
  check(Loss("mse")(Tensor::of({{1}, {2}}), Tensor::of({1, 2})), 0);
  check(Loss("mse")(Tensor::of({1, 3}), Tensor::of({{1}, {2}})), .5);
  // Integer labels take the dtype of the prediction.
  check(Loss("mae")(Tensor::of<std::int32_t>({1, 3}), Tensor::of({{1}, {2}})), .5);
}

TEST_CASE("probabilities of 0 and 1 give finite losses and gradients") {
  const Tensor hopeless = Tensor::of({{0, 1}, {1, 0}});
  const Tensor classes = Tensor::of<std::int32_t>({0, 1});
  check(SparseCategoricalCrossentropy()(classes, hopeless), -std::log(1e-7));
  check(CategoricalCrossentropy()(Tensor::of({{1, 0}, {0, 1}}), hopeless), -std::log(1e-7));
  const Tensor& p = hopeless;
  GradientTape tape;
  tape.watch(p);
  const Tensor loss = SparseCategoricalCrossentropy()(classes, p);
  for (float g : tape.gradient(loss, p).to_vector<float>()) CHECK(std::isfinite(g));
}

TEST_CASE("the gradient from logits is softmax(z) - y") {
  const Tensor z = Tensor::of({{1, 2, 3}});
  GradientTape tape;
  tape.watch(z);
  const Tensor loss = SparseCategoricalCrossentropy({.from_logits = true})(Tensor::of<std::int32_t>({2}), z);
  const std::vector<double> g = tape.gradient(loss, z).to_vector<double>();
  const double total = std::exp(1) + std::exp(2) + std::exp(3);
  for (int i = 0; i < 3; ++i) {
    CHECK(g[static_cast<std::size_t>(i)] ==
          doctest::Approx(std::exp(i + 1) / total - (i == 2 ? 1 : 0)).epsilon(1e-5));
  }
}

TEST_CASE("classes on another axis, classes that are ignored") {
  const Tensor classes = Tensor::of<std::int32_t>({1, 0});
  check(SparseCategoricalCrossentropy({.axis = 0})(classes, Tensor::of({{.6, .4}, {.4, .6}})), .9162907);
  const Tensor some = Tensor::of<std::int32_t>({1, -1});
  check(SparseCategoricalCrossentropy({.ignore_class = -1})(some, Tensor::of({{.6, .4}, {not_a_number, .5}})),
        .9162907);
}

TEST_CASE("labels that are no classes") {
  const Loss loss = "sparse_categorical_crossentropy";
  CHECK_THROWS_WITH_AS(loss(Tensor::of<std::int32_t>({0, 2}), loss_predictions), doctest::Contains("[0, 2)"),
                       ValueError);
  CHECK_THROWS_WITH_AS(loss(Tensor::of<std::int32_t>({0, -1}), loss_predictions), doctest::Contains("got -1"),
                       ValueError);
  CHECK_THROWS_WITH_AS(loss(loss_labels, loss_predictions), doctest::Contains("categorical_crossentropy"),
                       ValueError);
  CHECK_THROWS_WITH_AS(Loss("categorical_crossentropy")(Tensor::of<std::int32_t>({0, 1}), loss_predictions),
                       doctest::Contains("sparse_categorical_crossentropy"), ValueError);
}

TEST_CASE("losses by name, from functions, to configs and back") {
  CHECK(Loss("mse").name() == "mean_squared_error");
  CHECK(Loss("MeanSquaredError").config() == MeanSquaredError().config());
  CHECK_THROWS_WITH_AS(Loss("mean_square_error"), doctest::Contains("mean_squared_error"), ValueError);
  CHECK_FALSE(Loss());

  const Loss made = CategoricalCrossentropy({.label_smoothing = .25, .name = "mine"});
  CHECK(Loss::from_config(from_json(to_json(made.config()))).config() == made.config());
  CHECK(made.name() == "mine");
  CHECK(Loss::from_config("mae").name() == "mean_absolute_error");
  CHECK(Loss().config().is_null());

  const Loss own = [](const Tensor& y, const Tensor& p) { return sum(abs(y - p), {-1}); };
  check(own(loss_labels, loss_predictions), 1.2);
  CHECK_THROWS_WITH_AS(own.config(), doctest::Contains("register_loss"), ValueError);
  register_loss("my>distance", [](const Tensor& y, const Tensor& p) { return sum(abs(y - p), {-1}); });
  const Loss named = Loss::from_config(Loss("my>distance").config());
  CHECK(named.name() == "distance");
  check(named(loss_labels, loss_predictions), 1.2);
}

namespace {

struct PowerLossOptions {
  double exponent = 4;
  Reduction reduction = {};
  std::string name = "power_loss";
  static const Fields& fields() {
    using O = PowerLossOptions;
    static const Fields all = fields_of<O>(field("exponent", &O::exponent), field("reduction", &O::reduction),
                                           field("name", &O::name));
    return all;
  }
};

class PowerLoss : public LossBase {
 public:
  using Options = PowerLossOptions;
  explicit PowerLoss(PowerLossOptions options)
      : LossBase(options.name, options.reduction), options_(std::move(options)) {}
  Tensor call(const Tensor& y, const Tensor& p) const override {
    return mean(pow(y - p, options_.exponent), {-1});
  }
  Config get_config() const override { return to_config(options_); }

 private:
  PowerLossOptions options_;
};

}  // namespace

TEST_CASE("a class of losses of one's own has arguments") {
  register_loss<PowerLoss>("my>PowerLoss");
  const Loss made = make<PowerLoss>(PowerLossOptions{.exponent = 2, .reduction = "sum"});
  CHECK(made == Loss(std::make_shared<PowerLoss>(PowerLossOptions{.exponent = 2, .reduction = "sum"})));
  check(made(loss_labels, loss_predictions), .72);
  const Loss read = Loss::from_config(from_json(to_json(made.config())));
  check(read(loss_labels, loss_predictions), .72);
  CHECK(read == made);
  CHECK_FALSE(read == Loss("my>PowerLoss"));
  CHECK_THROWS_AS(register_loss("mse", [](const Tensor& y, const Tensor&) { return y; }), ValueError);
}
