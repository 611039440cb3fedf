#include <doctest/doctest.h>
#include <limits>
#include <vector>

#include <unspool/autograd/arithmetic.h>
#include <unspool/autograd/comparison.h>
#include <unspool/autograd/elementary.h>
#include <unspool/autograd/reduction.h>
#include <unspool/autograd/tape.h>
#include <unspool/core/error.h>

#include "../support/errors.h"
#include "../support/tensors.h"

using namespace unspool;
using namespace unspool::testing;

TEST_CASE("arithmetic: += and its like give the name another tensor") {
  Tensor x = Tensor::of({1, 2});
  const Tensor before = x;
  x += Tensor::of({10, 20});
  check_tensor(x, {2}, {11, 22});
  check_tensor(before, {2}, {1, 2});
  x -= 1;
  x *= 2;
  x /= 4;
  check_tensor(x, {2}, {5, 10.5});
  (x *= x) -= x;
  check_tensor(x, {2}, {0, 0});
  // Broadcasting may change the shape, as in x = x + y.
  Tensor total = Tensor::scalar(0.0F);
  total += before;
  check_tensor(total, {2}, {1, 2});
  const Variable weight(before);
  total *= weight;
  check_tensor(total, {2}, {1, 4});
}

TEST_CASE("arithmetic: += is on the tape") {
  const Tensor x = Tensor::of({3, 4});
  GradientTape tape;
  tape.watch(x);
  Tensor loss = sum(x);
  loss += sum(square(x));
  loss *= 2;
  check_tensor(tape.gradient(loss, x), {2}, {14, 18});
}

// Numbers of NumPy 2.4.
TEST_CASE("arithmetic: integers are divided as Keras divides them") {
  const Tensor x = Tensor::of<std::int32_t>({7, -7});
  const Tensor y = x / 2;
  check_tensor(y, {2}, {3.5, -3.5});
  CHECK(y.dtype() == float32);
  check_tensor(1 / x, {2}, {1.0 / 7, -1.0 / 7});
  check_tensor(divide(x, Tensor::of<std::int32_t>({2, 0})), {2},
               {3.5, -std::numeric_limits<double>::infinity()});
  const Tensor pixels = Tensor::of<std::int64_t>({0, 51, 255}) / 255;
  check_tensor(pixels, {3}, {0, 0.2, 1});
}

TEST_CASE("arithmetic: floor_divide and mod as in NumPy") {
  const Tensor a = Tensor::of<std::int32_t>({7, -7, 7, -7});
  const Tensor b = Tensor::of<std::int32_t>({2, 2, -2, -2});
  check_tensor(floor_divide(a, b), {4}, {3, -4, -4, 3});
  check_tensor(mod(a, b), {4}, {1, 1, -1, -1});
  CHECK(floor_divide(a, b).dtype() == int32);
  check_tensor(floor_divide(Tensor::of({7.5, -7.5}), 2), {2}, {3, -4});
  check_tensor(mod(Tensor::of({7.5, -7.5}), 2), {2}, {1.5, 0.5});
  check_tensor(floor_divide(Tensor::of<std::int64_t>({std::numeric_limits<std::int64_t>::min()}), -1), {1},
               {-9223372036854775808.0});
  CHECK_THROWS_AS(floor_divide(a, 0), ValueError);
}

TEST_CASE("arithmetic: maximum and minimum take numbers on either side") {
  const Tensor x = Tensor::of({1, 2, 3});
  check_tensor(maximum(2, x), {3}, {2, 2, 3});
  check_tensor(maximum(x, 2), {3}, {2, 2, 3});
  check_tensor(minimum(2, x), {3}, {1, 2, 2});
  check_tensor(clip(x, 1.5, 2.5), {3}, {1.5, 2, 2.5});
  CHECK(maximum(1.5, Tensor::of<std::int32_t>({1})).dtype() == float32);
}

// Numbers of NumPy 2.4.
TEST_CASE("elementary: rounding and logarithms as in NumPy") {
  check_tensor(round(Tensor::of({0.5, 1.5, -0.5, 2.4, -2.6})), {5}, {0, 2, 0, 2, -3});
  check_tensor(floor(Tensor::of({-1.5, 1.5})), {2}, {-2, 1});
  check_tensor(ceil(Tensor::of({-1.5, 1.5})), {2}, {-1, 2});
  check_tensor(log2(Tensor::of({8, 1})), {2}, {3, 0});
  check_tensor(log10(Tensor::of({1000, 0.1})), {2}, {3, -1});
}

TEST_CASE("condition: asks for the answer, not whether a tensor is there") {
  const Tensor loss = Tensor::scalar(0.5F);
  bool small = false;
  if (loss < 1) small = true;
  CHECK(small);
  if (loss > 1) small = false;
  CHECK(small);
  CHECK(static_cast<bool>(0 < loss));
  CHECK_FALSE(static_cast<bool>(1 <= loss));
  CHECK((loss > 0 && loss < 1));
  CHECK_FALSE((loss > 0 && loss < 0.25));
  CHECK((loss > 1 || loss < 1));
  CHECK_FALSE(!(loss > 0));
  const Tensor x = Tensor::of({1, 2, 3});
  CHECK(static_cast<bool>(all(x > 0)));
  CHECK_FALSE(static_cast<bool>(any(x > 3)));
  CHECK(static_cast<bool>(all(equal(x, Tensor::of({1, 2, 3})))));
  int steps = 0;
  for (Tensor left = Tensor::scalar(3.0F); left > 0; left -= 1) ++steps;
  CHECK(steps == 3);
  CHECK(message_of<ValueError>([&] {
          if (x > 2) ++steps;
        }) ==
        "expected a condition of one element, got bool[3]: write all(x) or any(x), and logical_and(a, b), "
        "logical_or(a, b), logical_not(x) in place of a && b, a || b, !x");
  CHECK_THROWS_AS(static_cast<void>(static_cast<bool>(Condition())), ValueError);
  CHECK_THROWS_AS(spec_of(
                      [](auto& y) {
                        if (sum(y[0]) > 0) return y[0];
                        return -y[0];
                      },
                      {{2}}),
                  RuntimeError);
}

TEST_CASE("condition: a tensor like any other") {
  const Tensor x = Tensor::of({1, 2, 3});
  const Tensor mask = x > 1;
  if (!mask) FAIL("a tensor asks whether it is there");
  check_tensor(mask, {3}, {0, 1, 1});
  auto both = x > 1;
  both = logical_and(both, x < 3);
  check_tensor(both, {3}, {0, 1, 0});
  check_tensor((x > 1) & (x < 3), {3}, {0, 1, 0});
  check_tensor((x < 2) | (x > 2), {3}, {1, 0, 1});
  check_tensor(~(x < 2), {3}, {0, 1, 1});
  const std::vector<Tensor> masks{x > 1, x > 2};
  CHECK(masks[1].to_vector<int>() == std::vector<int>{0, 0, 1});
}

TEST_CASE("where: numbers on either side") {
  const Tensor x = Tensor::of({1, 2, 3});
  check_tensor(where(x > 1, x, 0), {3}, {0, 2, 3});
  check_tensor(where(x > 1, -1, x), {3}, {1, -1, -1});
  check_tensor(where(x > 1, 1, 0), {3}, {0, 1, 1});
  CHECK(where(x > 1, 1, 0).dtype() == int32);
  CHECK(where(x > 1, 1, 0.5).dtype() == float32);
  CHECK(where(x > 1, Tensor::of<std::int32_t>({1, 2, 3}), 0.5).dtype() == float32);
}

// Numbers of NumPy 2.4.
TEST_CASE("comparison: isnan, isinf and isfinite as in NumPy") {
  const double infinity = std::numeric_limits<double>::infinity();
  const Tensor x = Tensor::of({1, infinity, -infinity, std::numeric_limits<double>::quiet_NaN()});
  check_tensor(isnan(x), {4}, {0, 0, 0, 1});
  check_tensor(isinf(x), {4}, {0, 1, 1, 0});
  check_tensor(isfinite(x), {4}, {1, 0, 0, 0});
}
