#include "support.h"

using namespace unspool;
using namespace unspool::testing;

namespace {

double kept_share(const Tensor& y) {
  double kept = 0;
  for (const double value : y.to_vector<double>()) kept += value != 0 ? 1 : 0;
  return kept / static_cast<double>(y.size());
}

}  // namespace

TEST_CASE("Dropout keeps the right share and scales it, over 10000 draws to 4 sigma") {
  constexpr double draws = 10000;
  for (const double rate : {0.1, 0.5, 0.9}) {
    const Tensor y =
        Dropout({.rate = rate, .seed = 3, .dtype = float64})(Tensor::ones({100, 100}), in_training);
    CHECK(std::fabs(kept_share(y) - (1 - rate)) < 4 * std::sqrt(rate * (1 - rate) / draws));
    // The mean stays: its deviation is that of the share over 1 - rate.
    CHECK(std::fabs(mean(y).item<double>() - 1) < 4 * std::sqrt(rate / (1 - rate) / draws));
    for (const double value : y.to_vector<double>()) {
      if (value != 0) CHECK(value == doctest::Approx(1 / (1 - rate)));
    }
  }
}

TEST_CASE("Dropout is the same for one seed, another at each call, and on any number of threads") {
  const Tensor x = Tensor::ones({64, 1024});
  const auto draw = [&] {
    const Ref<layers::Dropout> layer = Dropout({.rate = 0.5, .seed = 7});
    const Tensor first = layer(x, in_training);
    CHECK_FALSE(near(first, layer(x, in_training).to_vector<double>()));
    return first.to_vector<double>();
  };
  const int threads = num_threads();
  set_num_threads(1);
  const std::vector<double> one = draw();
  set_num_threads(4);
  CHECK(draw() == one);
  set_num_threads(threads);
  // A layer without a seed takes one from the generator of the process.
  set_seed(5);
  const Tensor a = Dropout({.rate = 0.5})(x, in_training);
  const Tensor b = Dropout({.rate = 0.5})(x, in_training);
  set_seed(5);
  CHECK(near(Dropout({.rate = 0.5})(x, in_training), a.to_vector<double>()));
  CHECK_FALSE(near(b, a.to_vector<double>()));
}

TEST_CASE("Dropout outside of training, and at the ends of its range") {
  const Tensor x = some({4, 5}, float32);
  const std::vector<double> values = x.to_vector<double>();
  CHECK(near(Dropout({.rate = 0.5})(x), values, 0));
  CHECK(near(Dropout({.rate = 0})(x, in_training), values, 0));
  CHECK(near(Dropout({.rate = 1})(x, in_training), std::vector<double>(20, 0), 0));
  // Only a layer that draws has a generator.
  CHECK(Dropout({.rate = 0})->seed_generators().empty());
  CHECK(Dropout({.rate = 0.5})->seed_generators().size() == 1);
  const Tensor mask = mask_of_bits({{1, 0}});
  CHECK(mask_of(Dropout({.rate = 0.5})(with_mask(Tensor::ones({1, 2, 3}), mask), in_training)).id() ==
        mask.id());
}

TEST_CASE("Dropout's noise_shape is broadcast") {
  const Tensor y =
      Dropout({.rate = 0.5, .noise_shape = {-1, 1, -1}, .seed = 1})(Tensor::ones({8, 5, 8}), in_training);
  for (Index step = 1; step < 5; ++step) {
    CHECK(near(slice(y, 1, step, step + 1), slice(y, 1, 0, 1).to_vector<double>()));
  }
  CHECK(kept_share(y) > 0);
  CHECK(kept_share(y) < 1);
}

TEST_CASE("SpatialDropout1D drops whole features") {
  const Tensor y = SpatialDropout1D({.rate = 0.5, .seed = 2})(Tensor::ones({100, 3, 100}), in_training);
  for (Index step = 1; step < 3; ++step) {
    CHECK(near(slice(y, 1, step, step + 1), slice(y, 1, 0, 1).to_vector<double>()));
  }
  CHECK(std::fabs(kept_share(y) - 0.5) < 4 * std::sqrt(0.25 / 10000));
  CHECK(near(SpatialDropout1D({.rate = 0.5})(Tensor::ones({1, 1, 2})), {1, 1}));
  // Keras' class takes no `trainable`.
  CHECK(SpatialDropout1D({.rate = 0.5})->get_config().keys() ==
        std::vector<std::string>{"name", "dtype", "rate", "seed"});
}

TEST_CASE("GaussianNoise adds noise of its deviation") {
  const Tensor x = Tensor::full({100, 100}, 3.0, float64);
  const Ref<layers::GaussianNoise> layer = GaussianNoise({.stddev = 0.5, .seed = 4, .dtype = float64});
  CHECK(near(layer(x), x.to_vector<double>(), 0));
  const Tensor y = layer(x, in_training);
  CHECK(std::fabs(mean(y).item<double>() - 3) < 4 * 0.5 / 100);
  CHECK(std::fabs(std::sqrt(variance(y).item<double>()) - 0.5) < 4 * 0.5 / std::sqrt(2.0 * 10000));
  CHECK(near(GaussianNoise({.stddev = 0.5, .seed = 4, .dtype = float64})(x, in_training),
             y.to_vector<double>(), 0));
}

TEST_CASE("errors of dropout and noise") {
  for (const double rate : {-0.1, 1.5, std::nan("")}) {
    CHECK(contains(message_of<ValueError>([&] { Dropout({.rate = rate}); }),
                   "Dropout: rate: expected a number in [0, 1]"));
    CHECK(contains(message_of<ValueError>([&] { SpatialDropout1D({.rate = rate}); }),
                   "expected a number in [0, 1]"));
    CHECK(contains(message_of<ValueError>([&] { GaussianNoise({.stddev = rate}); }),
                   "GaussianNoise: stddev: expected a number in [0, 1]"));
  }
  CHECK(contains(message_of<ValueError>([] { Dropout({.rate = 0.5, .noise_shape = {2, 0}}); }), "[2, 0]"));
  const std::string shape = message_of<ValueError>([] {
    Dropout({.rate = 0.5, .noise_shape = {3, 1}, .name = "d"})(Tensor::ones({2, 4}), in_training);
  });
  CHECK(contains(shape,
                 "the layer d expected a noise_shape that broadcasts to its input's [2, 4], got [3, 1]"));
  CHECK(contains(message_of<ValueError>([] {
                   SpatialDropout1D({.rate = 0.5})(Tensor::ones({2, 4}));
                 }),
                 "expected ndim=3, found ndim=2"));
}
