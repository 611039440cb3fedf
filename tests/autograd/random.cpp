#include <algorithm>
#include <cmath>
#include <doctest/doctest.h>
#include <vector>

#include <unspool/autograd/elementary.h>
#include <unspool/autograd/random.h>
#include <unspool/autograd/reduction.h>
#include <unspool/autograd/scan.h>
#include <unspool/autograd/sorting.h>
#include <unspool/autograd/tape.h>
#include <unspool/core/error.h>
#include <unspool/core/threads.h>

#include "../support/tensors.h"

using namespace unspool;
using namespace unspool::testing;

namespace {

double mean_of(const std::vector<double>& values) {
  double sum = 0;
  for (double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

double deviation_of(const std::vector<double>& values) {
  const double mean = mean_of(values);
  double sum = 0;
  for (double value : values) sum += (value - mean) * (value - mean);
  return std::sqrt(sum / static_cast<double>(values.size()));
}

}  // namespace

TEST_CASE("random: uniform numbers lie in their interval and fill it") {
  for (DType dtype : {float32, float64}) {
    const Tensor x = random_uniform({200, 100}, -1, 3, dtype, {1, 2});
    CHECK(x.shape() == Shape{200, 100});
    CHECK(x.dtype() == dtype);
    const std::vector<double> values = x.to_vector<double>();
    const auto [least, most] = std::minmax_element(values.begin(), values.end());
    CHECK(*least >= -1);
    CHECK(*least < -0.99);
    CHECK(*most < 3);
    CHECK(*most > 2.99);
    CHECK(mean_of(values) == doctest::Approx(1).epsilon(0.03));
    CHECK(deviation_of(values) == doctest::Approx(4 / std::sqrt(12)).epsilon(0.03));
  }
}

TEST_CASE("random: rounding never gives the upper bound") {
  // Between these two a float32 has no room: every draw is rounded to one of them.
  const float high = std::nextafter(1.0f, 2.0f);
  const std::vector<float> values =
      random_uniform({1000}, 1, static_cast<double>(high), float32, {1, 2}).to_vector<float>();
  CHECK(std::all_of(values.begin(), values.end(), [](float value) { return value == 1.0f; }));
  CHECK(random_uniform({2}, 3, 3).to_vector<double>() == std::vector<double>{3, 3});
}

TEST_CASE("random: normal numbers") {
  for (DType dtype : {float32, float64}) {
    const std::vector<double> values = random_normal({200, 100}, 2, 0.5, dtype, {1, 2}).to_vector<double>();
    CHECK(mean_of(values) == doctest::Approx(2).epsilon(0.01));
    CHECK(deviation_of(values) == doctest::Approx(0.5).epsilon(0.03));
  }
}

TEST_CASE("random: bernoulli draws in every dtype") {
  for (DType dtype : {float32, float64, int32, int64, boolean}) {
    const Tensor x = random_bernoulli({10000}, 0.3, dtype, {1, 2});
    CHECK(x.dtype() == dtype);
    const std::vector<double> values = x.to_vector<double>();
    CHECK(std::all_of(values.begin(), values.end(), [](double value) { return value == 0 || value == 1; }));
    CHECK(mean_of(values) == doctest::Approx(0.3).epsilon(0.06));
  }
  CHECK(mean_of(random_bernoulli({1000}, 1).to_vector<double>()) == 1);
  CHECK(mean_of(random_bernoulli({1000}, 0).to_vector<double>()) == 0);
}

TEST_CASE("random: a key names its numbers, whatever the number of threads") {
  const auto draw = [](RandomKey key) {
    return random_normal({100000}, 0, 1, float32, key).to_vector<float>();
  };
  const std::vector<float> first = draw({1, 2});
  const int threads = num_threads();
  set_num_threads(3);
  CHECK(draw({1, 2}) == first);
  set_num_threads(threads);
  CHECK(draw({1, 3}) != first);
  CHECK(draw({2, 2}) != first);
}

TEST_CASE("random: set_seed repeats the calls that name no key") {
  set_seed(7);
  const std::vector<float> first = random_uniform({5}).to_vector<float>();
  const std::vector<float> second = random_uniform({5}).to_vector<float>();
  CHECK(first != second);
  set_seed(7);
  CHECK(random_uniform({5}).to_vector<float>() == first);
  CHECK(random_uniform({5}).to_vector<float>() == second);
}

TEST_CASE("random: a key as a tensor") {
  const Tensor key = key_tensor({~std::uint64_t{0}, 5});
  CHECK(key.dtype() == int64);
  CHECK(key.to_vector<std::int64_t>() == std::vector<std::int64_t>{-1, 5});
}

TEST_CASE("random: draws are constants to the tape") {
  GradientTape tape;
  random_uniform({2});
  CHECK(tape.size() == 0);
}

TEST_CASE("random: what does not fit is refused") {
  CHECK_THROWS_AS(random_uniform({2}, 1, 0), ValueError);
  CHECK_THROWS_AS(random_uniform({2}, 0, std::nan("")), ValueError);
  CHECK_THROWS_AS(random_uniform({2}, 0, 1, int32), TypeError);
  CHECK_THROWS_AS(random_normal({2}, 0, -1), ValueError);
  CHECK_THROWS_AS(random_normal({2}, 0, 1, boolean), TypeError);
  CHECK_THROWS_AS(random_bernoulli({2}, 1.5), ValueError);
  CHECK_THROWS_AS(random_bernoulli({2}, -0.1), ValueError);
}

TEST_CASE("random: a seed may stand for a key") {
  const Tensor x = random_normal({3}, 0, 1, float32, 42);
  CHECK(x.to_vector<float>() == random_normal({3}, 0, 1, float32, {42, 0}).to_vector<float>());
  CHECK(x.to_vector<float>() == random_normal({3}, 0, 1, float32, {.seed = 42}).to_vector<float>());
}

TEST_CASE("random: integers of an interval, each as often") {
  const Tensor x = random_integers({6000}, -2, 4, int64, 5);
  CHECK(x.dtype() == int64);
  std::vector<int> counts(6);
  for (const int value : x.to_vector<int>()) {
    REQUIRE(value >= -2);
    REQUIRE(value < 4);
    ++counts[static_cast<std::size_t>(value + 2)];
  }
  for (const int count : counts) CHECK(std::abs(count - 1000) < 130);
  CHECK(random_integers({2, 3}, 0, 1).to_vector<int>() == std::vector<int>(6));
  CHECK_THROWS_AS(random_integers({2}, 3, 3), ValueError);
}

TEST_CASE("random: categories come with their probabilities") {
  const Tensor logits = log(Tensor::of({{0.2, 0.5, 0.3, 0}, {1, 0, 0, 0}}));
  const Tensor drawn = random_categorical(logits, 4000, 3);
  CHECK(drawn.shape() == Shape{2, 4000});
  CHECK(drawn.dtype() == int32);
  std::vector<int> counts(4);
  for (const int value : drawn[0].to_vector<int>()) ++counts[static_cast<std::size_t>(value)];
  CHECK(std::abs(counts[0] - 800) < 110);
  CHECK(std::abs(counts[1] - 2000) < 130);
  CHECK(std::abs(counts[2] - 1200) < 120);
  CHECK(counts[3] == 0);
  CHECK(sum(drawn[1]).item<int>() == 0);
  CHECK(random_categorical(logits[0]).shape() == Shape{1});
  CHECK_THROWS_AS(random_categorical(Tensor::scalar(1.0F)), ValueError);
}

TEST_CASE("random: shuffle puts the parts in another order") {
  const Tensor x = counting_up({100, 2});
  const Tensor y = shuffle(x, 0, 1);
  CHECK(y.shape() == x.shape());
  CHECK(sort(y, 0).to_vector<float>() == x.to_vector<float>());
  CHECK(y.to_vector<float>() != x.to_vector<float>());
  CHECK(y.to_vector<float>() == shuffle(x, 0, 1).to_vector<float>());
  CHECK(y.to_vector<float>() != shuffle(x, 0, 2).to_vector<float>());
  for (Index i = 0; i < 100; ++i) CHECK(y.item<int>({i, 1}) == y.item<int>({i, 0}) + 1);
  CHECK(sort(shuffle(counting_up({2, 5}), 1, 3)).to_vector<float>() ==
        counting_up({2, 5}).to_vector<float>());
  // Each of the six orders of three as often.
  std::vector<int> counts(27);
  SeedGenerator seeds(5);
  for (int i = 0; i < 1200; ++i) {
    const std::vector<int> order = shuffle(counting_up({3}), 0, seeds).to_vector<int>();
    ++counts[static_cast<std::size_t>(order[0] * 9 + order[1] * 3 + order[2])];
  }
  for (const std::size_t order : {5U, 7U, 11U, 15U, 19U, 21U}) CHECK(std::abs(counts[order] - 200) < 60);
}

TEST_CASE("random: dropout keeps the mean, and its gradient is that of what was kept") {
  const Tensor x = Tensor::ones({200, 100});
  const Tensor y = dropout(x, 0.25, 9);
  int zeros = 0;
  for (const float value : y.to_vector<float>()) {
    const bool kept = value == 1 / 0.75F;
    CHECK_UNARY(kept || value == 0);
    if (!kept) ++zeros;
  }
  CHECK(std::abs(zeros - 5000) < 250);
  GradientTape tape;
  tape.watch(x);
  CHECK(tape.gradient(sum(dropout(x, 0.25, 9)), x).to_vector<float>() == y.to_vector<float>());
  CHECK(dropout(x, 0).to_vector<float>() == x.to_vector<float>());
  CHECK(sum(dropout(x, 1)).item<float>() == 0);
  set_seed(3);
  const Tensor first = dropout(x, 0.5);
  CHECK(first.to_vector<float>() != dropout(x, 0.5).to_vector<float>());
  set_seed(3);
  CHECK(first.to_vector<float>() == dropout(x, 0.5).to_vector<float>());
  CHECK_THROWS_AS(static_cast<void>(dropout(x, 1.5)), ValueError);
  CHECK_THROWS_AS(static_cast<void>(dropout(Tensor::of<std::int32_t>({1}), 0.5)), TypeError);
  CHECK(spec_of([](auto& z) { return dropout(z[0], 0.5); }, {{None, None, 3}}).shape == Shape{None, None, 3});
}

TEST_CASE("random: dropout in a step of a scan draws anew for every step") {
  const ScanResult result =
      scan([](const std::vector<Tensor>&,
              const std::vector<Tensor>& x) { return ScanStep{.outputs = {dropout(x[0], 0.5)}}; },
           {}, {Tensor::ones({2, 64})});
  const Tensor masks = result.outputs[0];
  CHECK(masks[0].to_vector<float>() != masks[1].to_vector<float>());
}
