#include <cmath>
#include <doctest/doctest.h>
#include <limits>
#include <vector>

#include <unspool/autograd/arithmetic.h>
#include <unspool/autograd/elementary.h>
#include <unspool/autograd/recorder.h>
#include <unspool/autograd/softmax.h>
#include <unspool/autograd/tape.h>
#include <unspool/core/error.h>
#include <unspool/core/threads.h>

#include "../support/numbers.h"

using namespace unspool;
using namespace unspool::testing;

namespace {

using Values = std::vector<double>;

Values list(const Tensor& x) { return x.to_vector<double>(); }

void check_near(const Values& got, const Values& wanted, double tolerance = 1e-12) {
  REQUIRE(got.size() == wanted.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    CAPTURE(i);
    CHECK(std::fabs(got[i] - wanted[i]) <= tolerance);
  }
}

}  // namespace

TEST_CASE("softmax: values along each axis") {
  const Tensor x = Tensor::of<double>({{0, std::log(3)}, {std::log(4), 0}});
  check_near(list(softmax(x)), {0.25, 0.75, 0.8, 0.2});
  check_near(list(softmax(x, 0)), {0.2, 0.75, 0.8, 0.25});
  check_near(list(log_softmax(x)), {std::log(0.25), std::log(0.75), std::log(0.8), std::log(0.2)});
  check_near(list(log_softmax(x, -2)), {std::log(0.2), std::log(0.75), std::log(0.8), std::log(0.25)});
}

TEST_CASE("softmax: large and infinite logits") {
  const Tensor x = Tensor::of<double>({{1000, 999, -1000}, {-infinity, 0, -infinity}});
  const double e = std::exp(1.0);
  check_near(list(softmax(x)), {e / (e + 1), 1 / (e + 1), 0, 0, 1, 0});
  const Values logs = list(log_softmax(x));
  CHECK(logs[0] == doctest::Approx(-std::log1p(1 / e)));
  CHECK(logs[2] == doctest::Approx(-2000 - std::log1p(1 / e)));
  CHECK(logs[3] == -infinity);
  CHECK(logs[4] == 0);
  const Tensor labels = Tensor::of<std::int32_t>({2, 1});
  check_near(list(sparse_softmax_cross_entropy(labels, x)), {2000 + std::log1p(1 / e), 0});
  const Tensor target = Tensor::of<double>({{0, 0, 1}, {0, 1, 0}});
  check_near(list(softmax_cross_entropy(target, x)), {2000 + std::log1p(1 / e), 0});
}

TEST_CASE("softmax: float32 rows do not depend on the others, nor on threads") {
  constexpr Index rows = 300;
  constexpr Index columns = 37;
  const Tensor x = Tensor::generate<float>({rows, columns}, [](std::span<float> out) {
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = std::sin(static_cast<float>(i * i % 1013));
  });
  const int threads = num_threads();
  set_num_threads(3);
  const std::vector<float> all = softmax(x).to_vector<float>();
  set_num_threads(threads);
  for (Index row = 0; row < rows; row += 13) {
    const Tensor lone =
        Tensor::from(x.data<float>().subspan(static_cast<std::size_t>(row * columns), columns), {columns});
    const std::vector<float> got = softmax(lone).to_vector<float>();
    CHECK(std::equal(got.begin(), got.end(), all.begin() + row * columns));
  }
}

TEST_CASE("softmax: gradients of the first and second order") {
  // Of two classes the softmax is a sigmoid of the difference.
  const Tensor x = Tensor::of<double>({{0.3, -0.5}});
  const double p = 1 / (1 + std::exp(-0.8));
  const double q = 1 - p;
  GradientTape outer;
  outer.watch(x);
  GradientTape inner;
  inner.watch(x);
  const Tensor seed = Tensor::of<double>({{1, 0}});
  const Tensor dx = inner.gradient(softmax(x), x, {.output_gradient = seed});
  check_near(list(dx), {p * q, -p * q});
  check_near(list(outer.gradient(dx, x, {.output_gradient = seed})), {p * q * (q - p), -p * q * (q - p)});
}

TEST_CASE("softmax: the gradient of log_softmax") {
  const Tensor x = Tensor::of<double>({{0.3, -0.5}});
  const double p = 1 / (1 + std::exp(-0.8));
  GradientTape tape;
  tape.watch(x);
  const Tensor dx = tape.gradient(log_softmax(x), x, {.output_gradient = Tensor::of<double>({{2, 1}})});
  check_near(list(dx), {2 - 3 * p, 1 - 3 * (1 - p)});
}

TEST_CASE("softmax: cross entropies agree with each other and with their formula") {
  const Tensor logits = Tensor::of<double>({{0.3, -0.5, 2}, {1, 1, 1}});
  const Tensor labels = Tensor::of<std::int64_t>({2, 0});
  const Tensor target = Tensor::of<double>({{0, 0, 1}, {1, 0, 0}});
  const Tensor seed = Tensor::of<double>({2, 3});
  GradientTape tape({.persistent = true});
  tape.watch(logits);
  tape.watch(target);
  const Tensor sparse = sparse_softmax_cross_entropy(labels, logits);
  const Tensor dense = softmax_cross_entropy(target, logits);
  tape.stop();
  const Values logs = list(log_softmax(logits));
  check_near(list(sparse), {-logs[2], -logs[3]});
  check_near(list(dense), list(sparse));
  const Values p = list(softmax(logits));
  const Values wanted{2 * p[0], 2 * p[1], 2 * (p[2] - 1), 3 * (p[3] - 1), 3 * p[4], 3 * p[5]};
  check_near(list(tape.gradient(sparse, logits, {.output_gradient = seed})), wanted);
  check_near(list(tape.gradient(dense, logits, {.output_gradient = seed})), wanted);
  const Values by_target{-2 * logs[0], -2 * logs[1], -2 * logs[2], -3 * logs[3], -3 * logs[4], -3 * logs[5]};
  check_near(list(tape.gradient(dense, target, {.output_gradient = seed})), by_target);
}

TEST_CASE("softmax: targets that do not sum to 1") {
  const Tensor logits = Tensor::of<double>({0, std::log(3)});
  const Tensor target = Tensor::of<double>({2, 1});
  GradientTape tape;
  tape.watch(logits);
  const Tensor loss = softmax_cross_entropy(target, logits);
  CHECK(loss.shape() == Shape{});
  CHECK(loss.item<double>() == doctest::Approx(-2 * std::log(0.25) - std::log(0.75)));
  check_near(list(tape.gradient(loss, logits)), {3 * 0.25 - 2, 3 * 0.75 - 1});
}

TEST_CASE("softmax: the sparse cross entropy's second derivative is that of logsumexp") {
  const Tensor logits = Tensor::of<double>({{0, std::log(3)}});
  GradientTape outer;
  outer.watch(logits);
  GradientTape inner;
  inner.watch(logits);
  const Tensor loss = sparse_softmax_cross_entropy(Tensor::of<std::int32_t>({1}), logits);
  const Tensor first = inner.gradient(loss, logits);
  const Tensor second = outer.gradient(first, logits, {.output_gradient = Tensor::of<double>({{1, 0}})});
  check_near(list(second), {0.25 * 0.75, -0.25 * 0.75});
}

TEST_CASE("softmax: sigmoid_cross_entropy") {
  const Tensor target = Tensor::of<double>({0, 1, 0.25, 1, 0, 0, 1});
  const Tensor z = Tensor::of<double>({2, 2, -1, -1000, 1000, -infinity, infinity});
  GradientTape tape;
  tape.watch(z);
  const Tensor loss = sigmoid_cross_entropy(target, z);
  check_near(list(loss), {2 + std::log1p(std::exp(-2)), std::log1p(std::exp(-2)),
                          0.25 + std::log1p(std::exp(-1)), 1000, 1000, 0, 0});
  const double s = 1 / (1 + std::exp(-2.0));
  check_near(list(tape.gradient(loss, z)), {s, s - 1, 1 / (1 + std::exp(1.0)) - 0.25, -1, 1, 0, 0});
}

TEST_CASE("softmax: sparsemax") {
  const Tensor x = Tensor::of<double>({{0.5, 0.3, -2}, {0, 3, 1}, {1, 1, 1}, {1e9, 1e9 + 0.5, 0}});
  GradientTape tape;
  tape.watch(x);
  const Tensor y = sparsemax(x);
  check_near(list(y), {0.6, 0.4, 0, 0, 1, 0, 1. / 3, 1. / 3, 1. / 3, 0.25, 0.75, 0});
  const Tensor seed = Tensor::of<double>({{1, 0, 7}, {1, 2, 3}, {3, 0, 0}, {4, 2, 9}});
  check_near(list(tape.gradient(y, x, {.output_gradient = seed})),
             {0.5, -0.5, 0, 0, 0, 0, 2, -1, -1, 1, -1, 0});
}

TEST_CASE("softmax: empty axes and rows") {
  CHECK(softmax(Tensor::zeros({0, 3})).shape() == Shape{0, 3});
  CHECK(softmax(Tensor::zeros({2, 0})).shape() == Shape{2, 0});
  CHECK(sparsemax(Tensor::zeros({2, 0})).shape() == Shape{2, 0});
  CHECK(list(softmax_cross_entropy(Tensor::zeros({2, 0}), Tensor::zeros({2, 0}))) == Values{0, 0});
}

TEST_CASE("softmax: unknown dimensions") {
  const auto spec = [](Tensor (*function)(const Tensor&, const Tensor&), const Spec& a, const Spec& b) {
    return infer([&](const std::vector<Tensor>& in) { return std::vector<Tensor>{function(in[0], in[1])}; },
                 {a, b})[0];
  };
  const auto dense = [](const Tensor& target, const Tensor& logits) {
    return softmax_cross_entropy(target, logits);
  };
  CHECK(spec(dense, {{unknown, 3}, float32}, {{2, unknown}, float32}) == Spec{{2}, float32});
  CHECK(spec(sparse_softmax_cross_entropy, {{unknown}, int32}, {{unknown, 3}, float32}) ==
        Spec{{unknown}, float32});
  CHECK(spec(sparse_softmax_cross_entropy, {{4}, int64}, {{unknown, unknown}, float64}) ==
        Spec{{4}, float64});
}

TEST_CASE("softmax: what does not fit is refused") {
  const Tensor x = Tensor::zeros({2, 3});
  CHECK_THROWS_AS(softmax(x, 2), IndexError);
  CHECK_THROWS_AS(softmax(Tensor::zeros({}), -1), IndexError);
  CHECK_THROWS_AS(softmax(Tensor::zeros({2, 3}, int32)), TypeError);
  CHECK_THROWS_AS(softmax_cross_entropy(Tensor::zeros({2, 4}), x), ValueError);
  CHECK_THROWS_AS(softmax_cross_entropy(Tensor::zeros({2, 3}, float64), x), TypeError);
  CHECK_THROWS_AS(sparse_softmax_cross_entropy(Tensor::zeros({2}), x), TypeError);
  CHECK_THROWS_AS(sparse_softmax_cross_entropy(Tensor::zeros({3}, int32), x), ValueError);
  CHECK_THROWS_AS(sparse_softmax_cross_entropy(Tensor::of<std::int32_t>({0, 3}), x), IndexError);
  CHECK_THROWS_AS(sparse_softmax_cross_entropy(Tensor::of<std::int32_t>({0, -1}), x), IndexError);
}
