#include <cmath>
#include <doctest/doctest.h>
#include <limits>
#include <vector>

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
  const std::pair<const char*, double> others[] = {{"huber", .18},
                                                   {"log_cosh", .1701353},
                                                   {"hinge", 1.1},
                                                   {"squared_hinge", 1.46},
                                                   {"categorical_hinge", 1.2},
                                                   {"kl_divergence", .9162892},
                                                   {"poisson", .9581453},
                                                   {"cosine_similarity", -.5547002},
                                                   {"msle", .1740602},
                                                   {"binary_focal_crossentropy", .3298647},
                                                   {"dice", .6},
                                                   {"tversky", .6},
                                                   {"categorical_focal_crossentropy", .0824662}};
  for (const auto& other : others) {
    CAPTURE(other.first);
    check(Loss(other.first)(loss_labels, loss_predictions), other.second);
  }
}

TEST_CASE("every name that Keras knows") {
  const std::pair<const char*, const char*> names[] = {
      {"mse", "MeanSquaredError"},
      {"MSE", "MeanSquaredError"},
      {"mean_squared_error", "MeanSquaredError"},
      {"mae", "MeanAbsoluteError"},
      {"MAE", "MeanAbsoluteError"},
      {"mape", "MeanAbsolutePercentageError"},
      {"MAPE", "MeanAbsolutePercentageError"},
      {"msle", "MeanSquaredLogarithmicError"},
      {"MSLE", "MeanSquaredLogarithmicError"},
      {"bce", "BinaryCrossentropy"},
      {"BCE", "BinaryCrossentropy"},
      {"kld", "KLDivergence"},
      {"KLD", "KLDivergence"},
      {"kullback_leibler_divergence", "KLDivergence"},
      {"logcosh", "LogCosh"},
      {"log_cosh", "LogCosh"},
      {"huber", "Huber"},
      {"hinge", "Hinge"},
      {"squared_hinge", "SquaredHinge"},
      {"categorical_hinge", "CategoricalHinge"},
      {"poisson", "Poisson"},
      {"cosine_similarity", "CosineSimilarity"},
      {"categorical_crossentropy", "CategoricalCrossentropy"},
      {"sparse_categorical_crossentropy", "SparseCategoricalCrossentropy"},
      {"binary_focal_crossentropy", "BinaryFocalCrossentropy"},
      {"categorical_focal_crossentropy", "CategoricalFocalCrossentropy"},
      {"categorical_generalized_cross_entropy", "CategoricalGeneralizedCrossEntropy"},
      {"dice", "Dice"},
      {"tversky", "Tversky"},
      {"circle", "Circle"},
      {"ctc", "CTC"}};
  for (const auto& name : names) {
    CAPTURE(name.first);
    const Loss loss = name.first;
    CHECK(loss.class_name() == name.second);
    CHECK(loss == Loss(name.second));
    CHECK(Loss::from_config(from_json(to_json(loss.config()))) == loss);
  }
  CHECK(Loss("huber").name() == "huber_loss");
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
  for (const char* name :
       {"mse", "mae", "mape", "msle", "huber", "log_cosh", "poisson", "hinge", "squared_hinge",
        "categorical_hinge", "binary_crossentropy", "categorical_crossentropy", "binary_focal_crossentropy",
        "categorical_focal_crossentropy", "kl_divergence", "cosine_similarity", "dice", "tversky"}) {
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

TEST_CASE("a mask of each element leaves elements out of the mean") {
  const Tensor mask = Tensor::of<bool>({{true, true, false}, {false, true, false}});
  const Tensor y = Tensor::of({{0, 0, not_a_number}, {not_a_number, 0, 0}});
  const Tensor p = Tensor::of({{1, 2, 5}, {7, 3, not_a_number}});
  GradientTape tape;
  tape.watch(p);
  const Tensor loss = Loss("mse")(y, with_mask(p, mask));
  check(loss, 14 / 3.);
  const std::vector<float> gradient = tape.gradient(loss, p).to_vector<float>();
  const double wanted[] = {2 / 3., 4 / 3., 0, 0, 2, 0};
  for (std::size_t i = 0; i < 6; ++i) CHECK(gradient[i] == doctest::Approx(wanted[i]));
  // Labels of steps and predictions of one feature are of each element, too.
  check(Loss("mse")(y, with_mask(Tensor::of({{{1}, {2}, {5}}, {{7}, {3}, {0}}}), mask)), 14 / 3.);
  // A mask of the axis of classes says nothing.
  CHECK_THROWS_WITH_AS(Loss("categorical_crossentropy")(Tensor::ones({2, 3}), with_mask(p, mask)),
                       doctest::Contains("bool[2, 3]"), ValueError);
  CHECK_THROWS_WITH_AS(
      CategoricalCrossentropy({.axis = 1})(
          Tensor::ones({1, 2, 2}), with_mask(Tensor::ones({1, 2, 2}), Tensor::of<bool>({{true, false}}))),
      doctest::Contains("axis 1"), ValueError);
}

TEST_CASE("losses of sums leave out what a mask leaves out") {
  const Tensor mask = Tensor::of<bool>({{true, true, false}, {false, false, false}});
  const Tensor y = Tensor::of({{1, 0, not_a_number}, {1, 1, 1}});
  const Tensor p = Tensor::of({{.5, .25, not_a_number}, {0, 0, 0}});
  const Tensor y_kept = Tensor::of({{1, 0}});
  const Tensor p_kept = Tensor::of({{.5, .25}});
  check(Dice()(y, with_mask(p, mask)), Dice()(y_kept, p_kept).item<double>());
  // The second sample has nothing that counts.
  check(Dice({.axis = -1})(y, with_mask(p, mask)), Dice()(y_kept, p_kept).item<double>());
  check(Tversky({.alpha = .2})(y, with_mask(p, mask)), Tversky({.alpha = .2})(y_kept, p_kept).item<double>());
  // The vectors of a cosine may lie along the steps.
  const Tensor steps = Tensor::of<bool>({{true, true, false}});
  const Tensor a = Tensor::of({{{1}, {2}, {not_a_number}}});
  const Tensor b = Tensor::of({{{3}, {1}, {9}}});
  check(CosineSimilarity({.axis = 1})(a, with_mask(b, steps)), -5 / std::sqrt(50.));
}

TEST_CASE("the gradient from logits is TensorFlow's where labels do not add up to 1") {
  const Tensor z = Tensor::of({{1, 2}});
  const Tensor y = Tensor::of({{.5, .2}});
  GradientTape tape;
  tape.watch(z);
  const Tensor loss = CategoricalCrossentropy({.from_logits = true})(y, z);
  check(loss, .7 * std::log(std::exp(1) + std::exp(2)) - .9);
  const std::vector<double> g = tape.gradient(loss, z).to_vector<double>();
  CHECK(g[0] == doctest::Approx(1 / (1 + std::exp(1)) - .5).epsilon(1e-5));
  CHECK(g[1] == doctest::Approx(1 / (1 + std::exp(-1)) - .2).epsilon(1e-5));
}

TEST_CASE("labels of 0 and 1 are those of a hinge only if all are") {
  const Tensor p = Tensor::of({{.5, -.5}});
  check(Loss("hinge")(Tensor::of({{1, 0}}), p), .5);
  check(Loss("hinge")(Tensor::of({{1, -1}}), p), .5);
  check(Loss("hinge")(Tensor::of({{0, -1}}), p), .75);
}

TEST_CASE("vectors of zeros have a cosine of 0 and a finite gradient") {
  const Tensor p = Tensor::zeros({1, 3});
  GradientTape tape;
  tape.watch(p);
  const Tensor loss = CosineSimilarity()(Tensor::ones({1, 3}), p);
  check(loss, 0);
  for (const float g : tape.gradient(loss, p).to_vector<float>()) CHECK(std::isfinite(g));
}

TEST_CASE("options that no loss takes") {
  CHECK_THROWS_WITH_AS(CategoricalGeneralizedCrossEntropy({.q = 1}), doctest::Contains("(0, 1)"), ValueError);
  CHECK(Loss::from_config(from_json(R"({"class_name": "Dice", "config": {"axis": [1, 2]}})")) ==
        Dice({.axis = {1, 2}}));
  CHECK(Loss::from_config(from_json(R"({"class_name": "Dice", "config": {"axis": null}})")) == Dice());
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
  for (const Loss& one_hot : std::vector<Loss>{CategoricalCrossentropy(), CategoricalFocalCrossentropy()}) {
    CAPTURE(one_hot.name());
    for (const Tensor& labels : {Tensor::of<std::int32_t>({0, 1}), Tensor::scalar(1)}) {
      CHECK_THROWS_WITH_AS(one_hot(labels, loss_predictions),
                           doctest::Contains("; for integer labels take sparse_categorical_crossentropy"),
                           ValueError);
    }
  }
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
