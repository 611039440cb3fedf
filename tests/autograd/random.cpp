#include <algorithm>
#include <cmath>
#include <doctest/doctest.h>
#include <vector>

#include <unspool/autograd/random.h>
#include <unspool/autograd/tape.h>
#include <unspool/core/error.h>
#include <unspool/core/threads.h>

using namespace unspool;

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
