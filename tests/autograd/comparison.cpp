#include <cmath>
#include <doctest/doctest.h>
#include <limits>
#include <vector>

#include <unspool/autograd/arithmetic.h>
#include <unspool/autograd/comparison.h>
#include <unspool/autograd/elementary.h>
#include <unspool/autograd/recorder.h>
#include <unspool/autograd/tape.h>
#include <unspool/core/error.h>

#include "../support/numbers.h"

using namespace unspool;
using namespace unspool::testing;

namespace {

using Truths = std::vector<int>;
using Values = std::vector<double>;

Truths truths(const Tensor& x) {
  CHECK(x.dtype() == boolean);
  return x.to_vector<int>();
}

}  // namespace

TEST_CASE("comparison: every dtype") {
  const auto check = [](auto zero) {
    using T = decltype(zero);
    const Tensor a = Tensor::of<T>({1, 1, 0, 0});
    const Tensor b = Tensor::of<T>({1, 0, 1, 0});
    CHECK(truths(equal(a, b)) == Truths{1, 0, 0, 1});
    CHECK(truths(not_equal(a, b)) == Truths{0, 1, 1, 0});
    CHECK(truths(less(a, b)) == Truths{0, 0, 1, 0});
    CHECK(truths(less_equal(a, b)) == Truths{1, 0, 1, 1});
    CHECK(truths(greater(a, b)) == Truths{0, 1, 0, 0});
    CHECK(truths(greater_equal(a, b)) == Truths{1, 1, 0, 1});
    CHECK(truths(a < b) == Truths{0, 0, 1, 0});
    CHECK(truths(a <= b) == Truths{1, 0, 1, 1});
    CHECK(truths(a > b) == Truths{0, 1, 0, 0});
    CHECK(truths(a >= b) == Truths{1, 1, 0, 1});
    CHECK(truths(is_nan(a)) == Truths{0, 0, 0, 0});
    const Tensor chosen = where(Tensor::of<bool>({true, true, false, false}), a, b);
    CHECK(chosen.dtype() == a.dtype());
    CHECK(chosen.to_vector<int>() == Truths{1, 1, 1, 0});
  };
  check(float{});
  check(double{});
  check(std::int32_t{});
  check(std::int64_t{});
  check(bool{});
}

TEST_CASE("comparison: with numbers") {
  const Tensor x = Tensor::of<std::int32_t>({1, 2, 3});
  CHECK(truths(equal(x, 2)) == Truths{0, 1, 0});
  CHECK(truths(not_equal(x, 2)) == Truths{1, 0, 1});
  CHECK(truths(x < 2) == Truths{1, 0, 0});
  CHECK(truths(x <= 2) == Truths{1, 1, 0});
  CHECK(truths(x > 2) == Truths{0, 0, 1});
  CHECK(truths(x >= 2) == Truths{0, 1, 1});
}

TEST_CASE("comparison: NaN equals nothing, infinities compare") {
  const double nan = std::nan("");
  const Tensor a = Tensor::of<double>({nan, nan, infinity, -infinity});
  const Tensor b = Tensor::of<double>({nan, 1, infinity, infinity});
  CHECK(truths(equal(a, b)) == Truths{0, 0, 1, 0});
  CHECK(truths(not_equal(a, b)) == Truths{1, 1, 0, 1});
  CHECK(truths(a < b) == Truths{0, 0, 0, 1});
  CHECK(truths(a >= b) == Truths{0, 0, 1, 0});
  CHECK(truths(is_nan(a)) == Truths{1, 1, 0, 0});
}

TEST_CASE("comparison: broadcasting") {
  const Tensor column = Tensor::of<float>({{1}, {2}});
  const Tensor row = Tensor::of<float>({1, 2, 3});
  const Tensor result = column < row;
  CHECK(result.shape() == Shape{2, 3});
  CHECK(truths(result) == Truths{0, 1, 1, 0, 0, 1});
  CHECK(truths(logical_and(Tensor::of<bool>({{true}, {false}}), Tensor::of<bool>({true, false}))) ==
        Truths{1, 0, 0, 0});
  CHECK(equal(Tensor::zeros({0, 3}), row).shape() == Shape{0, 3});
  CHECK_THROWS_AS(equal(row, Tensor::zeros({4})), ValueError);
}

TEST_CASE("comparison: logic") {
  const Tensor a = Tensor::of<bool>({true, true, false, false});
  const Tensor b = Tensor::of<bool>({true, false, true, false});
  CHECK(truths(logical_and(a, b)) == Truths{1, 0, 0, 0});
  CHECK(truths(logical_or(a, b)) == Truths{1, 1, 1, 0});
  CHECK(truths(logical_xor(a, b)) == Truths{0, 1, 1, 0});
  CHECK(truths(logical_not(a)) == Truths{0, 0, 1, 1});
}

TEST_CASE("comparison: wrong dtypes are refused") {
  const Tensor x = Tensor::of<float>({1, 2});
  const Tensor mask = Tensor::of<bool>({true, false});
  CHECK_THROWS_AS(logical_and(x, x), TypeError);
  CHECK_THROWS_AS(logical_not(x), TypeError);
  CHECK_THROWS_AS(logical_or(mask, x), TypeError);
  CHECK_THROWS_AS(equal(x, mask), TypeError);
  CHECK_THROWS_AS(less(x, Tensor::of<double>({1, 2})), TypeError);
  CHECK_THROWS_AS(where(x, x, x), TypeError);
  CHECK_THROWS_AS(where(mask, x, Tensor::of<double>({1, 2})), TypeError);
  CHECK_THROWS_AS(where(mask, x, Tensor::zeros({3})), ValueError);
}

TEST_CASE("comparison: unknown dimensions") {
  const auto shape_of = [](const Shape& condition, const Shape& a, const Shape& b) {
    return infer(
        [](const std::vector<Tensor>& in) { return std::vector<Tensor>{where(in[0], in[1], in[2])}; },
        {{condition, boolean}, {a, float32}, {b, float32}})[0];
  };
  CHECK(shape_of({unknown, 1}, {unknown, 3}, {}) == Spec{{unknown, 3}, float32});
  CHECK(shape_of({unknown, 1}, {2, 3}, {}) == Spec{{2, 3}, float32});
}

TEST_CASE("comparison: where sends the gradient to what was chosen alone") {
  const Tensor mask = Tensor::of<bool>({true, false, true});
  const Tensor a = Tensor::of<double>({1, 2, 3});
  const Tensor b = Tensor::of<double>({4, 5, 6});
  GradientTape tape;
  tape.watch(a);
  tape.watch(b);
  const Tensor y = where(mask, a * 2, b * 3);
  CHECK(y.to_vector<double>() == Values{2, 15, 6});
  const std::vector<Tensor> gradients = tape.gradient(y, Sources{a, b});
  CHECK(gradients[0].to_vector<double>() == Values{2, 0, 2});
  CHECK(gradients[1].to_vector<double>() == Values{0, 3, 0});
}

TEST_CASE("comparison: what where did not choose gets exactly 0, even beside NaN") {
  const Tensor mask = Tensor::of<bool>({true, false});
  const Tensor x = Tensor::of<double>({1, std::nan("")});
  GradientTape tape;
  tape.watch(x);
  const Tensor y = where(mask, x, 7.0 + Tensor::of<double>({0, 0}));
  CHECK(y.to_vector<double>() == Values{1, 7});
  const Tensor seed = Tensor::of<double>({2, std::nan("")});
  CHECK(tape.gradient(y, x, {.output_gradient = seed}).to_vector<double>() == Values{2, 0});
}

TEST_CASE("comparison: a comparison is a constant to the tape") {
  const Tensor x = Tensor::of<double>({1, -1});
  GradientTape tape;
  tape.watch(x);
  static_cast<void>(x > 0);
  CHECK(tape.size() == 0);
}

TEST_CASE("comparisons by name take a number, and an answer is a bool") {
  const Tensor x = Tensor::of({-1, 0, 2});
  CHECK(greater(x, 0).to_vector<int>() == Truths{0, 0, 1});
  CHECK(greater_equal(x, 0).to_vector<int>() == Truths{0, 1, 1});
  CHECK(less(x, 0).to_vector<int>() == Truths{1, 0, 0});
  CHECK(less_equal(x, 0.5).to_vector<int>() == Truths{1, 1, 0});
  const bool answer = x[0] < 0;
  CHECK(answer);
  CHECK_THROWS_AS(static_cast<void>(static_cast<bool>(x < 0)), ValueError);
  static_assert(!std::is_convertible_v<Condition, int> && !std::is_convertible_v<Condition, double>);
}
