#include <limits>
#include <vector>

#include "support.h"

using namespace unspool;
using namespace unspool::testing;

TEST_CASE("penalties of Keras") {
  const Tensor w = Tensor::of<float>({{1, -2}, {3, 4}});
  CHECK(near(L1({.l1 = 0.1})(w), {1.0}));
  CHECK(near(L2({.l2 = 0.1})(w), {3.0}));
  CHECK(near(L1L2({.l1 = 0.1, .l2 = 0.2})(w), {7.0}));
  CHECK(near(L1L2()(w), {0}));
  CHECK(near(OrthogonalRegularizer({.factor = 0.5})(w), {0.2236068}));
  CHECK(near(OrthogonalRegularizer({.factor = 0.5, .mode = "columns"})(w), {0.3535534}));
  CHECK(near(Regularizer("l2")(w), {0.3}));
  CHECK(L2()(w).rank() == 0);
}

TEST_CASE("factors are float32 numbers even for float64 weights") {
  const Tensor one = Tensor::of<double>({1});
  CHECK(L1({.l1 = 0.1})(one).item<double>() == static_cast<double>(0.1F));
  CHECK(L2({.l2 = 0.1})(one).item<double>() == static_cast<double>(0.1F));
  CHECK(L1L2({.l1 = 0.1})(one).item<double>() == static_cast<double>(0.1F));
}

TEST_CASE("gradients of penalties") {
  const Tensor w = some({3, 4});
  for (const Regularizer& regularizer :
       std::vector<Regularizer>{L1(), L2(), L1L2({.l1 = 0.1, .l2 = 0.2}), OrthogonalRegularizer(),
                                OrthogonalRegularizer({.mode = "columns"})}) {
    const GradcheckResult result = gradcheck([&](const Tensor& x) { return regularizer(x) * 100; }, w);
    CHECK_MESSAGE(result, result.message);
  }
}

TEST_CASE("regularizers to and from configs") {
  for (const Regularizer& regularizer :
       std::vector<Regularizer>{L1(), L2({.l2 = 0.5}), L1L2({.l2 = 0.25}),
                                OrthogonalRegularizer({.mode = "columns"}), Regularizer()}) {
    CHECK(Regularizer::from_config(from_json(to_json(regularizer.config()))) == regularizer);
  }
  CHECK(
      to_json(L2().config()) ==
      R"({"module": "keras.regularizers", "class_name": "L2", "config": {"l2": 0.01}, "registered_name": null})");
  CHECK(Regularizer("L1L2") == L1L2());
  CHECK(Regularizer("orthogonal_regularizer") == OrthogonalRegularizer());
}

TEST_CASE("errors of regularizers") {
  CHECK(contains(message_of<ValueError>([] { Regularizer("l1_l2"); }), "\"l1_l2\""));
  CHECK(contains(message_of<ValueError>([] { L1({.l1 = -1}); }), "-1"));
  CHECK(contains(message_of<ValueError>([] { L2({.l2 = std::numeric_limits<double>::infinity()}); }), "inf"));
  CHECK(contains(message_of<ValueError>([] { L1L2({.l2 = std::numeric_limits<double>::quiet_NaN()}); }),
                 "nan"));
  CHECK(contains(message_of<ValueError>([] { OrthogonalRegularizer({.mode = "diagonal"}); }), "diagonal"));
  CHECK(contains(message_of<ValueError>([] { OrthogonalRegularizer()(Tensor::zeros({2})); }), "float32[2]"));
}

TEST_CASE("a regularizer of one's own") {
  const Regularizer own([](const Tensor& x) { return mean(square(x)); });
  CHECK(near(own(Tensor::of<float>({1, 3})), {5}));
  CHECK(contains(message_of<ValueError>([&] { own.config(); }), "register_regularizer"));
  register_regularizer("my>mean_square", [](const Tensor& x) { return mean(square(x)); });
  CHECK(
      near(Regularizer::from_config(Regularizer("my>mean_square").config())(Tensor::of<float>({1, 3})), {5}));
}

namespace {

struct PowerPenaltyOptions {
  double exponent = 4;
  static const Fields& fields() {
    static const Fields all =
        fields_of<PowerPenaltyOptions>(field("exponent", &PowerPenaltyOptions::exponent));
    return all;
  }
};

class PowerPenalty : public RegularizerBase {
 public:
  using Options = PowerPenaltyOptions;
  explicit PowerPenalty(PowerPenaltyOptions options) : options_(options) {}
  Tensor call(const Tensor& x) const override { return sum(pow(x, options_.exponent)); }
  Config get_config() const override { return to_config(options_); }

 private:
  PowerPenaltyOptions options_;
};

}  // namespace

TEST_CASE("a class of regularizers of one's own has arguments") {
  const Regularizer made(std::make_shared<PowerPenalty>(PowerPenaltyOptions{.exponent = 3}));
  CHECK(near(made(Tensor::of<float>({1, 2})), {9}));
  CHECK(contains(message_of<KeyError>([&] { made.config(); }), "register_regularizer"));
  register_regularizer<PowerPenalty>("my>PowerPenalty");
  const Regularizer read = Regularizer::from_config(from_json(to_json(made.config())));
  CHECK(read == made);
  CHECK(near(read(Tensor::of<float>({1, 2})), {9}));
  CHECK(near(Regularizer("my>PowerPenalty")(Tensor::of<float>({1, 2})), {17}));
  CHECK(to_string(read) == "my>PowerPenalty(exponent=3.0)");
  const Ref<layers::Dense> dense = Dense({.units = 1, .kernel_regularizer = read});
  CHECK(clone(dense)->options().kernel_regularizer == made);
}
