#include <algorithm>
#include <cmath>
#include <cstring>
#include <doctest/doctest.h>
#include <functional>
#include <limits>
#include <numeric>
#include <vector>

#include <unspool/autograd/arithmetic.h>
#include <unspool/autograd/conversion.h>
#include <unspool/autograd/gradcheck.h>
#include <unspool/autograd/reduction.h>
#include <unspool/autograd/shaping.h>
#include <unspool/autograd/tape.h>
#include <unspool/autograd/views.h>
#include <unspool/core/error.h>
#include <unspool/core/random.h>
#include <unspool/core/threads.h>

#include "../support/numbers.h"
#include "../support/same_bits.h"
#include "../support/tensors.h"

using namespace unspool;
using namespace unspool::testing;

namespace {

using Values = std::vector<double>;

Tensor drawn(const Shape& shape, std::uint64_t stream = 0) {
  return Tensor::generate<float>(shape, [&](std::span<float> out) { fill_normal({7, stream}, out); });
}

Tensor gradient_of(const std::function<Tensor(const Tensor&)>& function, const Tensor& x) {
  GradientTape tape;
  tape.watch(x);
  return tape.gradient(function(x), x);
}

}  // namespace

TEST_CASE("reduction: over every choice of axes, against loops") {
  const Shape shape{3, 4, 2, 5};
  const Tensor x = cast(drawn(shape), float64);
  const auto data = x.data<double>();
  for (unsigned mask = 0; mask < 16; ++mask) {
    std::vector<Index> axes;
    Shape kept;
    for (int i = 0; i < 4; ++i) {
      ((mask >> i) & 1U) != 0 ? axes.push_back(i) : kept.push_back(shape[i]);
    }
    if (axes.empty()) continue;
    const auto outputs = static_cast<std::size_t>(kept.elements());
    Values sums(outputs, 0);
    Values largest(outputs, -1e9);
    for (std::size_t at = 0; at < data.size(); ++at) {
      std::size_t rest = at;
      std::size_t out = 0;
      std::size_t scale = 1;
      for (int i = 3; i >= 0; --i) {
        const auto size = static_cast<std::size_t>(shape[i]);
        if (((mask >> i) & 1U) == 0) {
          out += rest % size * scale;
          scale *= size;
        }
        rest /= size;
      }
      sums[out] += data[at];
      largest[out] = std::max(largest[out], data[at]);
    }
    const Tensor total = sum(x, axes);
    CHECK(total.shape() == kept);
    const Values got = total.to_vector<double>();
    for (std::size_t i = 0; i < outputs; ++i) CHECK(got[i] == doctest::Approx(sums[i]).epsilon(1e-12));
    CHECK(max(x, axes).to_vector<double>() == largest);
    CHECK(sum(x, axes, true).rank() == 4);
  }
  CHECK(sum(x).shape() == Shape{});
}

TEST_CASE("reduction: the same bits with any number of threads, and for a row alone") {
  const int before = num_threads();
  const Tensor x = drawn({300, 1000});
  const Tensor deep = drawn({20000, 9});
  set_num_threads(1);
  const Tensor a = sum(x);
  const Tensor b = sum(x, {0});
  const Tensor c = sum(x, {1});
  const Tensor d = sum(deep, {0});
  set_num_threads(4);
  CHECK(same_bits(a, sum(x)));
  CHECK(same_bits(b, sum(x, {0})));
  CHECK(same_bits(c, sum(x, {1})));
  CHECK(same_bits(d, sum(deep, {0})));
  CHECK(same_bits(c[17], sum(x[17])));
  CHECK(same_bits(slice(d, 0, 4, 5), sum(slice(deep, 1, 4, 5), {0})));
  // The layout makes no difference either.
  CHECK(same_bits(c, sum(transpose(x), {0})));
  CHECK(same_bits(d, sum(transpose(deep), {1})));
  set_num_threads(before);
}

TEST_CASE("reduction: float32 sums are accurate") {
  const Tensor x = Tensor::full({1 << 24}, 0.1F);
  CHECK(sum(x).item<double>() == doctest::Approx(static_cast<double>(0.1F) * 16777216).epsilon(1e-7));
  CHECK(mean(x).item<float>() == 0.1F);
  CHECK(mean(reshape(x, {4096, 4096}), {0})[9].item<float>() == 0.1F);
}

TEST_CASE("reduction: integers and booleans") {
  const Tensor x = Tensor::of<std::int32_t>({{3, -1}, {2, 5}});
  CHECK(sum(x).item<int>() == 9);
  CHECK(sum(x).dtype() == int32);
  CHECK(prod(x, {0}).to_vector<int>() == std::vector<int>{6, -5});
  CHECK(min(x).item<int>() == -1);
  CHECK(argmax(x).to_vector<int>() == std::vector<int>{0, 1});
  CHECK(argmin(x, 0).to_vector<int>() == std::vector<int>{1, 0});
  CHECK(argmax(x).dtype() == int32);
  CHECK(cumsum(x, 1, true).to_vector<int>() == std::vector<int>{2, -1, 7, 5});
  const Tensor truths = Tensor::of<bool>({{true, false}, {true, true}});
  CHECK(all(truths, {1}).to_vector<int>() == std::vector<int>{0, 1});
  CHECK(any(truths, {0}, true).to_vector<int>() == std::vector<int>{1, 1});
  // As in Keras: sums of truths count, means are floating.
  CHECK(sum(truths, 0).to_vector<int>() == std::vector<int>{2, 1});
  CHECK(sum(truths).dtype() == int32);
  CHECK(mean(x).item<double>() == 2.25);
  CHECK(mean(truths).item<double>() == 0.75);
  CHECK(mean(x).dtype() == float32);
  CHECK(variance(x).dtype() == float32);
  CHECK_THROWS_AS(argmax(truths), TypeError);
  CHECK_THROWS_AS(all(x), TypeError);
}

TEST_CASE("reduction: of no elements") {
  const Tensor none = Tensor::zeros({2, 0}, float64);
  CHECK(sum(none, {1}).to_vector<double>() == Values{0, 0});
  CHECK(prod(none).item<double>() == 1);
  CHECK(std::isnan(mean(none).item<double>()));
  CHECK(sum(none, {0}).shape() == Shape{0});
  CHECK(max(none, {0}).shape() == Shape{0});
  CHECK_THROWS_AS(max(none), ValueError);
  CHECK_THROWS_AS(argmin(none), ValueError);
  CHECK(argmin(none, 0).shape() == Shape{0});
  CHECK(all(Tensor::zeros({0}, boolean)).item<bool>());
  CHECK_FALSE(any(Tensor::zeros({0}, boolean)).item<bool>());
}

TEST_CASE("reduction: axes out of range or named twice") {
  const Tensor x = Tensor::zeros({2, 3});
  CHECK_THROWS_WITH_AS(
      sum(x, {2}), "sum(float32[2, 3], axes={2}, keepdims=false): axis 2 is out of range for float32[2, 3]",
      IndexError);
  CHECK_THROWS_AS(max(x, {-3}), IndexError);
  CHECK_THROWS_AS(mean(x, {1, -1}), ValueError);
  CHECK_THROWS_AS(cumsum(x, 2), IndexError);
  CHECK_THROWS_AS(argmax(Tensor::scalar(1.0F)), IndexError);
}

TEST_CASE("max: NaN is the largest, ties share the gradient") {
  const float nan = std::nanf("");
  CHECK(std::isnan(max(Tensor::of({1, nan, 2})).item<float>()));
  CHECK(std::isnan(min(Tensor::of({nan, -infinity})).item<float>()));
  CHECK(argmax(Tensor::of({1, nan, 2, nan})).item<int>() == 1);
  CHECK(max(Tensor::of({-infinity, -infinity})).item<float>() == -infinity);
  const Tensor x = Tensor::of<double>({{1, 3, 3}, {2, 2, 2}});
  CHECK(gradient_of([](auto& t) { return max(t, {1}); }, x).to_vector<double>() ==
        Values{0, 0.5, 0.5, 1.0 / 3, 1.0 / 3, 1.0 / 3});
  CHECK(gradient_of([](auto& t) { return min(t); }, x).to_vector<double>() == Values{1, 0, 0, 0, 0, 0});
  CHECK(argmax(x).to_vector<int>() == std::vector<int>{1, 0});
}

TEST_CASE("prod: gradients beside zeros, of both orders") {
  const auto product = [](const Tensor& x) { return prod(x); };
  CHECK(gradient_of(product, Tensor::of<double>({2, 0, 5})).to_vector<double>() == Values{0, 10, 0});
  CHECK(gradient_of(product, Tensor::of<double>({0, 0, 5})).to_vector<double>() == Values{0, 0, 0});
  for (Index size = 1; size < 9; ++size) {
    CHECK(gradcheck(product, Tensor::arange(1, static_cast<double>(size) + 1, 1, float64) * 0.7));
  }
  CHECK(gradcheck(product, Tensor::of<double>({2, 0, 5, 0.5})));
  CHECK(gradcheck(product, Tensor::of<double>({0, 3, 0})));
  CHECK(gradcheck(
      [](const Tensor& x) {
        return prod(x, {0, 2});
      },
      Tensor::of<double>({{{1, 2}, {0, 3}}, {{4, 0.5}, {0, 2}}})));
}

TEST_CASE("variance and logsumexp") {
  const Tensor x = Tensor::of<double>({{1, 2, 4}, {0, 0, 3}});
  CHECK(variance(x, {1}).to_vector<double>()[0] == doctest::Approx(14.0 / 9));
  CHECK(logsumexp(x).item<double>() ==
        doctest::Approx(std::log(std::exp(1) + std::exp(2) + std::exp(4) + 2 + std::exp(3))));
  CHECK(logsumexp(x, {0}, true).shape() == Shape{1, 3});
  CHECK(gradcheck([](const Tensor& t) { return variance(t, {0}); }, x));
  CHECK(gradcheck([](const Tensor& t) { return logsumexp(t, {1}); }, x));
  CHECK(logsumexp(Tensor::of({1000, 1000})).item<float>() == doctest::Approx(1000.693147));
}

TEST_CASE("logsumexp: infinities") {
  const Tensor x = Tensor::of({{-infinity, -infinity}, {-infinity, 2}, {infinity, 1}});
  const std::vector<float> y = logsumexp(x, {1}).to_vector<float>();
  CHECK(y[0] == -infinity);
  CHECK(y[1] == 2);
  CHECK(y[2] == infinity);
  const Tensor finite = slice(x, {{0, 2}});
  CHECK(gradient_of([](auto& t) { return logsumexp(t, {1}); }, finite).to_vector<double>() ==
        Values{0, 0, 0, 1});
}

TEST_CASE("cumsum: large and along every axis") {
  const Tensor x = drawn({3, 400, 2});
  const Tensor y = cumsum(x, 1);
  CHECK(y[2].item<double>({399, 1}) == doctest::Approx(sum(x, {1}).item<double>({2, 1})));
  CHECK(y[1].item<float>({0, 0}) == x[1].item<float>({0, 0}));
}

TEST_CASE("sum_to: the reverse of broadcasting") {
  const Tensor x = Tensor::of<double>({{1, 2, 3}, {4, 5, 6}});
  CHECK(sum_to(x, {3}).to_vector<double>() == Values{5, 7, 9});
  CHECK(sum_to(x, {2, 1}).to_vector<double>() == Values{6, 15});
  CHECK(sum_to(x, {}).item<double>() == 21);
  CHECK(sum_to(x, {-1, 3}).to_vector<double>() == x.to_vector<double>());
  CHECK(sum_to(x, {1}, 1).to_vector<double>() == Values{6, 15});
  CHECK_THROWS_AS(sum_to(x, {2}), ValueError);
  CHECK_THROWS_AS(sum_to(x, {1, 2, 3}), ValueError);
}

TEST_CASE("reduction: sizes whose product wraps around beside a 0") {
  constexpr Index huge = Index{1} << 40;
  const Tensor none = Tensor::zeros({huge, huge, 0});
  CHECK(sum(none).item<float>() == 0);
  CHECK(sum(none, {0, 1}).shape() == Shape{0});
  CHECK(transpose(none).shape() == Shape{0, huge, huge});
  CHECK(slice(none, 0, 2, 5).shape() == Shape{3, huge, 0});
  CHECK_THROWS_AS(broadcast_to(Tensor::ones({1}), {huge, huge}), ValueError);
}

TEST_CASE("reduction: axes are one, several or all") {
  const Tensor x = Tensor::of({{0, 1, 2}, {3, 4, 5}});
  CHECK(sum(x, 1).to_vector<double>() == Values{3, 12});
  CHECK(sum(x, -1, true).shape() == Shape{2, 1});
  CHECK(sum(x, {0, 1}).item<double>() == 15);
  CHECK(sum(x, std::vector<Index>{0}).to_vector<double>() == Values{3, 5, 7});
  CHECK(sum(x, None).item<double>() == 15);
  CHECK(sum(x, None, true).shape() == Shape{1, 1});
  CHECK(max(x, std::size_t{0}).to_vector<double>() == Values{3, 4, 5});
  CHECK(squeeze(Tensor::zeros({1, 2, 1}), 0).shape() == Shape{2, 1});
  CHECK(squeeze(Tensor::zeros({1, 2, 1}), None).shape() == Shape{2});
  CHECK(flip(x, 1).to_vector<double>() == Values{2, 1, 0, 5, 4, 3});
  const Tensor one = Tensor::of({3});
  for (const Index axis : Axes(std::vector<Index>{0}).list()) CHECK(sum(one, axis).rank() == 0);
}

// Numbers of NumPy 2.4.
TEST_CASE("reduction: var, stddev and norm as in NumPy") {
  const Tensor x = Tensor::of({{0, 1, 2}, {3, 4, 5}});
  check_tensor(stddev(x), {}, {1.707825127659933});
  check_tensor(stddev(x, 0), {3}, {1.5, 1.5, 1.5});
  check_tensor(var(x, 1), {2}, {0.6666666666666666, 0.6666666666666666});
  check_tensor(var(Tensor::of<std::int32_t>({1, 2, 4})), {}, {1.5555555555555554});
  check_tensor(norm(x), {}, {7.416198487095663});
  check_tensor(norm(x, {.axis = 1}), {2}, {2.23606797749979, 7.0710678118654755});
  check_tensor(norm(x, {.axis = -1, .keepdims = true}), {2, 1}, {2.23606797749979, 7.0710678118654755});
  check_tensor(norm(x, {.ord = 1, .axis = 1}), {2}, {3, 12});
  check_tensor(norm(x, {.ord = 2, .axis = 1}), {2}, {2.23606797749979, 7.0710678118654755});
  check_tensor(norm(x, {.ord = infinity, .axis = 0}), {3}, {3, 4, 5});
  check_tensor(norm(x, {.ord = -infinity, .axis = 1}), {2}, {0, 3});
  check_tensor(norm(x, {.ord = 0, .axis = 1}), {2}, {2, 3});
  check_tensor(norm(x, {.ord = 3, .axis = 1}), {2}, {2.080083823051904, 5.999999999999999});
  check_tensor(norm(counting_up({2, 3, 4}), {.axis = {0, 2}}), {3},
               {27.349588662354687, 36.823905279043935, 47.11687595755899});
  CHECK_THROWS_AS(norm(x, {.ord = 1}), ValueError);
}

TEST_CASE("reduction: the gradients of stddev and norm, at 0 too") {
  const Tensor x = Tensor::of<double>({{0.5, 1, 2}, {3, -4, 5}});
  CHECK(gradcheck([](const Tensor& at) { return stddev(at, 1); }, x));
  CHECK(gradcheck([](const Tensor& at) { return norm(at, {.axis = 0}); }, x));
  CHECK(gradcheck([](const Tensor& at) { return norm(at, {.ord = 3, .axis = 1}); }, x));
  CHECK(gradient_of([](const Tensor& at) { return norm(at); }, Tensor::zeros({2})).to_vector<double>() ==
        Values{0, 0});
  CHECK(gradient_of([](const Tensor& at) { return stddev(at); }, Tensor::ones({2})).to_vector<double>() ==
        Values{0, 0});
}

TEST_CASE("the sum of a list adds tensors, and is 0 for none") {
  CHECK(float(sum(std::vector<Tensor>{})) == 0);
  CHECK(sum(std::vector<Tensor>{Tensor::scalar(1.0f), Tensor::of({2, 3})}).to_vector<float>() ==
        std::vector<float>{3, 4});
}
