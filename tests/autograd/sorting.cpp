#include <cmath>
#include <doctest/doctest.h>
#include <limits>
#include <vector>

#include <unspool/autograd/conversion.h>
#include <unspool/autograd/gradcheck.h>
#include <unspool/autograd/indexing.h>
#include <unspool/autograd/reduction.h>
#include <unspool/autograd/sorting.h>
#include <unspool/autograd/tape.h>
#include <unspool/core/error.h>

#include "../support/tensors.h"

using namespace unspool;
using namespace unspool::testing;

namespace {

const double no_number = std::numeric_limits<double>::quiet_NaN();

Tensor unsorted() { return Tensor::of<double>({{3, 1, 2, 1}, {0.5, no_number, -1, -0.0}}); }

}  // namespace

// Numbers of NumPy 2.4, with kind="stable".
TEST_CASE("sorting: sort and argsort as in NumPy") {
  const Tensor x = unsorted();
  check_tensor(sort(x), {2, 4}, {1, 1, 2, 3, -1, 0, 0.5, no_number});
  check_tensor(argsort(x), {2, 4}, {1, 3, 2, 0, 2, 3, 0, 1});
  check_tensor(sort(x, 0), {2, 4}, {0.5, 1, -1, 0, 3, no_number, 2, 1});
  check_tensor(argsort(x, 0), {2, 4}, {1, 0, 1, 1, 0, 1, 0, 0});
  CHECK(argsort(x).dtype() == int32);
  CHECK(std::signbit(sort(x).item<double>({1, 1})));
  check_tensor(sort(x, -1, true), {2, 4}, {3, 2, 1, 1, no_number, 0.5, 0, -1});
  check_tensor(argsort(x, -1, true), {2, 4}, {0, 2, 1, 3, 1, 0, 3, 2});
  check_tensor(sort(Tensor::zeros({0, 3})), {0, 3}, {});
  check_tensor(sort(Tensor::zeros({2, 0})), {2, 0}, {});
  CHECK_THROWS_AS(static_cast<void>(sort(x, 2)), IndexError);
  CHECK_THROWS_AS(static_cast<void>(sort(Tensor::scalar(1.0F))), IndexError);
}

TEST_CASE("sorting: every dtype has its order") {
  check_tensor(sort(Tensor::of<std::int64_t>({5, std::numeric_limits<std::int64_t>::min(), -5, 0})), {4},
               {-9223372036854775808.0, -5, 0, 5});
  check_tensor(sort(Tensor::of<std::int32_t>({5, -5, 0})), {3}, {-5, 0, 5});
  check_tensor(sort(Tensor::of<bool>({true, false, true})), {3}, {0, 1, 1});
  const float infinity = std::numeric_limits<float>::infinity();
  check_tensor(argsort(Tensor::of({infinity, -1e-45, 0, 1e-45, -infinity})), {5}, {4, 1, 2, 3, 0});
}

TEST_CASE("sorting: top_k gives the largest, those in front first of equal ones") {
  const auto [values, indices] = top_k(unsorted(), 2);
  check_tensor(values, {2, 2}, {3, 2, no_number, 0.5});
  check_tensor(indices, {2, 2}, {0, 2, 1, 0});
  CHECK(indices.dtype() == int32);
  check_tensor(top_k(Tensor::of({1, 4, 4, 2, 4}), 4).indices, {4}, {1, 2, 4, 3});
  check_tensor(top_k(Tensor::of({1, 2}), 0).values, {0}, {});
  CHECK_THROWS_AS(static_cast<void>(top_k(Tensor::of({1, 2}), 3)), ValueError);
  CHECK_THROWS_AS(static_cast<void>(top_k(Tensor::of({1, 2}), -1)), ValueError);
}

TEST_CASE("sorting: shapes with unknown sizes") {
  CHECK(spec_of([](auto& x) { return sort(x[0]); }, {{None, None}}).shape == Shape{None, None});
  CHECK(spec_of([](auto& x) { return top_k(x[0], 3).values; }, {{None, 7}}).shape == Shape{None, 3});
  CHECK(spec_of([](auto& x) { return top_k(x[0], 3).indices; }, {{None, None}}) == Spec{{None, 3}, int32});
}

TEST_CASE("sorting: gradients go where the elements came from") {
  const Tensor x = Tensor::of<double>({{3, 1, 2}, {-1, 5, 0}});
  CHECK(gradcheck([](const Tensor& at) { return sort(at); }, x));
  CHECK(gradcheck([](const Tensor& at) { return sort(at, 0, true); }, x));
  CHECK(gradcheck([](const Tensor& at) { return top_k(at, 2).values; }, x));
  GradientTape tape;
  tape.watch(x);
  check_tensor(tape.gradient(sum(top_k(x, 1).values), x), {2, 3}, {1, 0, 0, 0, 1, 0});
}

// Numbers of NumPy 2.4.
TEST_CASE("indexing: take_along_axis as in NumPy") {
  const Tensor x = counting_up({2, 3});
  check_tensor(take_along_axis(x, Tensor::of<std::int32_t>({{2, 0}, {-1, 1}}), 1), {2, 2}, {2, 0, 5, 4});
  check_tensor(take_along_axis(x, Tensor::of<std::int64_t>({{0, 1, 0}}), 0), {1, 3}, {0, 4, 2});
  check_tensor(take_along_axis(x, Tensor::of<std::int32_t>({{2}, {0}}), -1), {2, 1}, {2, 3});
  check_tensor(take_along_axis(x, Tensor::of<std::int32_t>({{2, 1}}), 1), {2, 2}, {2, 1, 5, 4});
  check_tensor(take_along_axis(Tensor::of({{7, 8, 9}}), Tensor::of<std::int32_t>({{2}, {0}}), 1), {2, 1},
               {9, 7});
  CHECK_THROWS_AS(take_along_axis(x, Tensor::of<std::int32_t>({{3}, {0}}), 1), IndexError);
  CHECK_THROWS_AS(take_along_axis(x, Tensor::of<std::int32_t>({0}), 1), ValueError);
  CHECK_THROWS_AS(take_along_axis(x, Tensor::of<std::int32_t>({{0}, {0}, {0}}), 1), ValueError);
  CHECK_THROWS_AS(take_along_axis(x, Tensor::of({{0}, {0}}), 1), TypeError);
  const Tensor places = Tensor::of<std::int32_t>({{2, 2}, {0, -1}});
  CHECK(gradcheck([&](const Tensor& at) { return take_along_axis(at, places, 1); }, cast(x, float64)));
}

TEST_CASE("indexing: nonzero gives the indices along each axis") {
  const std::vector<Tensor> places = nonzero(Tensor::of({{3, 0, 0}, {0, 4, 0}, {5, 6, 0}}));
  REQUIRE(places.size() == 2);
  check_tensor(places[0], {4}, {0, 1, 2, 2});
  check_tensor(places[1], {4}, {0, 1, 0, 1});
  CHECK(places[0].dtype() == int32);
  check_tensor(nonzero(Tensor::of<bool>({false, true}))[0], {1}, {1});
  CHECK(nonzero(Tensor::scalar(1)).empty());
}
