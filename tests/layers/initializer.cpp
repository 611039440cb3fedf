#include <algorithm>
#include <vector>

#include "support.h"

using namespace unspool;
using namespace unspool::testing;

namespace {

struct Moments {
  double mean = 0;
  double stddev = 0;
  double low = HUGE_VAL;
  double high = -HUGE_VAL;
};

Moments moments(const Tensor& tensor) {
  Moments found;
  const std::vector<double> values = tensor.to_vector<double>();
  for (const double x : values) {
    found.mean += x / static_cast<double>(values.size());
    found.low = std::min(found.low, x);
    found.high = std::max(found.high, x);
  }
  double squares = 0;
  for (const double x : values) squares += (x - found.mean) * (x - found.mean);
  found.stddev = std::sqrt(squares / static_cast<double>(values.size()));
  return found;
}

struct Expected {
  Initializer initializer;
  double stddev;
  double limit;  // No element lies beyond; 0: none.
};

/// Largest difference of a^T a (or a a^T, whichever is smaller) from gain^2 times the identity.
double from_orthogonal(const Tensor& tensor, double gain) {
  const Index columns = tensor.shape().back();
  const Tensor matrix = reshape(tensor, {tensor.size() / columns, columns});
  const bool tall = matrix.shape()[0] >= columns;
  const Tensor product = matmul(matrix, matrix, tall, !tall);
  const Index size = product.shape()[0];
  return max(abs(product - Tensor::eye(size, size, product.dtype()) * (gain * gain))).item<double>();
}

}  // namespace

TEST_CASE("initializers have Keras' spread and bounds") {
  const Shape shape = {200, 300};
  // By Keras' formulas: fan_in 200, fan_out 300, mean 250; a normal distribution cut at 2 has standard
  // deviation .8796.
  const double cut = 0.87962566103423978;
  const std::vector<Expected> all = {
      {GlorotUniform({.seed = 1}), std::sqrt(1 / 250.0), std::sqrt(3 / 250.0)},
      {GlorotNormal({.seed = 1}), std::sqrt(1 / 250.0), 2 * std::sqrt(1 / 250.0) / cut},
      {HeUniform({.seed = 1}), 0.1, std::sqrt(6 / 200.0)},
      {HeNormal({.seed = 1}), 0.1, 0.2 / cut},
      {LecunUniform({.seed = 1}), std::sqrt(1 / 200.0), 0.1224745},
      {LecunNormal({.seed = 1}), std::sqrt(1 / 200.0), 2 * std::sqrt(1 / 200.0) / cut},
      {RandomUniform({.seed = 1}), 0.1 / std::sqrt(12.0), 0.05},
      {RandomNormal({.seed = 1}), 0.05, 0},
      {TruncatedNormal({.seed = 1}), 0.05 * cut, 0.1},
      {VarianceScaling({.scale = 1.5, .mode = "fan_out", .distribution = "untruncated_normal", .seed = 1}),
       std::sqrt(1.5 / 300), 0},
      {VarianceScaling(
           {.seed = 1, .input_axes = std::vector<Index>{1}, .output_axes = std::vector<Index>{0}}),
       std::sqrt(1 / 300.0), 2 * std::sqrt(1 / 300.0) / cut},
  };
  for (const DType dtype : {float32, float64}) {
    for (const Expected& expected : all) {
      CAPTURE(expected.initializer.class_name());
      const Tensor value = expected.initializer(shape, dtype);
      CHECK(value.dtype() == dtype);
      CHECK(value.shape() == shape);
      const Moments found = moments(value);
      CHECK(std::fabs(found.mean) < 5 * expected.stddev / std::sqrt(60000.0));
      CHECK(found.stddev == doctest::Approx(expected.stddev).epsilon(0.015));
      if (expected.limit > 0) {
        CHECK(std::max(-found.low, found.high) <= expected.limit * (1 + 1e-6));
        CHECK(std::max(-found.low, found.high) > 0.98 * expected.limit);
      }
    }
  }
}

TEST_CASE("fans of shapes of every rank") {
  const auto limit = [](const Shape& shape) {
    const Moments found = moments(LecunUniform({.seed = 3})(shape));
    return std::max(-found.low, found.high);
  };
  CHECK(limit({}) <= std::sqrt(3.0));
  CHECK(limit({4000}) == doctest::Approx(std::sqrt(3.0 / 4000)).epsilon(0.01));
  // A field of 5 * 4 = 20 times 30 rows.
  CHECK(limit({5, 4, 30, 20}) == doctest::Approx(std::sqrt(3.0 / 600)).epsilon(0.01));
}

TEST_CASE("constants and the identity") {
  CHECK(near(Zeros()({2, 2}), {0, 0, 0, 0}));
  CHECK(near(Ones()({3}, int32), {1, 1, 1}));
  CHECK(near(Constant({.value = 0.7})({2}, float64), {0.7, 0.7}, 0));
  CHECK(near(Identity({.gain = 1.5})({2, 3}), {1.5, 0, 0, 0, 1.5, 0}, 0));
  CHECK(Zeros()({0, 3}).size() == 0);
}

TEST_CASE("orthogonal matrices, tall, wide and folded") {
  for (const Shape& shape : {Shape{8, 8}, Shape{20, 5}, Shape{5, 20}, Shape{3, 4, 6}, Shape{1, 1}}) {
    CAPTURE(to_string(shape));
    CHECK(from_orthogonal(Orthogonal({.seed = 2})(shape, float64), 1) < 1e-12);
    CHECK(from_orthogonal(Orthogonal({.gain = 2, .seed = 2})(shape, float32), 2) < 1e-5);
  }
}

TEST_CASE("a seed repeats, no seed draws anew") {
  const Initializer seeded = GlorotUniform({.seed = 7});
  CHECK(seeded({4, 4}).to_vector<float>() == seeded({4, 4}).to_vector<float>());
  CHECK(seeded({4, 4}).to_vector<float>() == GlorotUniform({.seed = 7})({4, 4}).to_vector<float>());
  CHECK(seeded({4, 4}).to_vector<float>() != GlorotUniform({.seed = 8})({4, 4}).to_vector<float>());
  const Initializer unseeded = "glorot_uniform";
  set_seed(5);
  const std::vector<float> first = unseeded({4, 4}).to_vector<float>();
  CHECK(first != unseeded({4, 4}).to_vector<float>());
  set_seed(5);
  CHECK(first == unseeded({4, 4}).to_vector<float>());
}

TEST_CASE("one initializer gives equal weights of one shape, as in Keras; a name does not") {
  const Tensor x = Tensor::ones({1, 3});
  const auto kernels = [&](const Initializer& initializer) {
    std::vector<std::vector<float>> found;
    for (int i = 0; i < 2; ++i) {
      const Ref<layers::Dense> dense = Dense({.units = 3, .kernel_initializer = initializer});
      dense(x);
      found.push_back(dense->get_weights()[0].to_vector<float>());
    }
    return found;
  };
  for (const Initializer& one :
       std::vector<Initializer>{GlorotUniform(), HeNormal(), Orthogonal(), RandomUniform(), RandomNormal(),
                                TruncatedNormal(), VarianceScaling({.distribution = "normal"})}) {
    CAPTURE(one.class_name());
    const auto found = kernels(one);
    CHECK(found[0] == found[1]);
    CHECK(one({3, 3}, float64).to_vector<double>() == one({3, 3}, float64).to_vector<double>());
    // The config does not hold what was drawn: a copy draws its own.
    CHECK(one.config()["config"]["seed"].is_null());
    const Initializer copy = Initializer::from_config(one.config());
    CHECK(copy == one);
    CHECK(copy({3, 3}).to_vector<float>() != one({3, 3}).to_vector<float>());
    const auto by_name = kernels(one.class_name());
    CHECK(by_name[0] != by_name[1]);
  }
  CHECK(GlorotUniform()({3, 3}).to_vector<float>() != GlorotUniform()({3, 3}).to_vector<float>());
  set_seed(5);
  const std::vector<float> first = GlorotUniform()({4, 4}).to_vector<float>();
  set_seed(5);
  CHECK(GlorotUniform()({4, 4}).to_vector<float>() == first);
}

TEST_CASE("initializers to and from configs as Keras writes them") {
  CHECK(
      to_json(GlorotUniform({.seed = 3}).config()) ==
      R"({"module": "keras.initializers", "class_name": "GlorotUniform", "config": {"seed": 3, "input_axes": null, )"
      R"("output_axes": null}, "registered_name": null})");
  for (const Initializer& initializer : std::vector<Initializer>{
           Zeros(), Ones(), Constant({.value = 2}), RandomUniform({.minval = -1, .maxval = 2, .seed = 1}),
           RandomNormal({.mean = 1, .stddev = 2}), TruncatedNormal(),
           VarianceScaling({.scale = 2, .mode = "fan_avg"}), GlorotUniform(), GlorotNormal(), HeUniform(),
           HeNormal(), LecunUniform(), LecunNormal(), Orthogonal({.gain = 3}), Identity({.gain = 2}),
           Initializer()}) {
    const Initializer again = Initializer::from_config(from_json(to_json(initializer.config())));
    CHECK(again == initializer);
    CHECK(again.config() == initializer.config());
    if (initializer) {
      // By its class name and by its name in snake case, with the defaults.
      const std::string name = initializer.class_name();
      CHECK(Initializer(name).class_name() == name);
      CHECK(Initializer(to_snake_case(name)) == Initializer(name));
    }
  }
  CHECK(Initializer("uniform").class_name() == "RandomUniform");
  CHECK(Initializer("normal").class_name() == "RandomNormal");
  CHECK_FALSE(GlorotUniform() == GlorotUniform({.seed = 1}));
  CHECK(Initializer::from_config("he_normal") == HeNormal());
}

TEST_CASE("errors of initializers") {
  CHECK(contains(message_of<ValueError>([] { Initializer("glorot_unifrom"); }),
                 "did you mean \"glorot_uniform\""));
  CHECK(contains(message_of<ValueError>([] { Orthogonal()({3}); }), "[3]"));
  CHECK(contains(message_of<ValueError>([] { Identity()({3, 3, 3}); }), "[3, 3, 3]"));
  CHECK(contains(message_of<ValueError>([] { Zeros()({unknown, 3}); }), "[?, 3]"));
  CHECK(contains(message_of<TypeError>([] { GlorotUniform()({2, 2}, int32); }), "int32"));
  CHECK(contains(message_of<ValueError>([] { VarianceScaling({.scale = 0}); }), "scale"));
  CHECK(contains(message_of<ValueError>([] { VarianceScaling({.mode = "fan"}); }), "\"fan\""));
  CHECK(contains(message_of<ValueError>([] { VarianceScaling({.distribution = "cauchy"}); }), "\"cauchy\""));
  CHECK(contains(message_of<ValueError>([] {
                   Initializer::from_config(
                       from_json(R"({"class_name": "Constant", "config": {"valu": 1}})"));
                 }),
                 "\"value\""));
  CHECK(contains(message_of<ValueError>([] { Initializer()({2}); }), "empty"));
}

TEST_CASE("an initializer of one's own") {
  const Initializer halves([](const Shape& shape, DType dtype) { return Tensor::full(shape, 0.5, dtype); });
  CHECK(near(halves({2}), {0.5, 0.5}));
  CHECK(contains(message_of<ValueError>([&] { halves.config(); }), "register_initializer"));
  register_initializer("my>halves",
                       [](const Shape& shape, DType dtype) { return Tensor::full(shape, 0.5, dtype); });
  const Initializer named = "my>halves";
  CHECK(named.config()["registered_name"].as<std::string>() == "my>halves");
  CHECK(Initializer::from_config(named.config()) == named);
  CHECK(near(Initializer::from_config(named.config())({2}), {0.5, 0.5}));
  CHECK(contains(message_of<ValueError>([] {
                   register_initializer("zeros", [](const Shape& s, DType d) { return Tensor::zeros(s, d); });
                 }),
                 "zeros"));
}
