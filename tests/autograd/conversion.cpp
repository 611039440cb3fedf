#include <cmath>
#include <cstdint>
#include <doctest/doctest.h>
#include <limits>

#include <unspool/autograd/arithmetic.h>
#include <unspool/autograd/conversion.h>
#include <unspool/autograd/elementary.h>
#include <unspool/autograd/gradcheck.h>
#include <unspool/autograd/tape.h>
#include <unspool/core/error.h>

#include "../support/numbers.h"

using namespace unspool;
using namespace unspool::testing;

namespace {

using Integers = std::vector<std::int64_t>;

}  // namespace

TEST_CASE("cast: between all dtypes") {
  const Tensor x = Tensor::of<double>({-2.7, -0.5, 0, 0.5, 2.7});
  CHECK(cast(x, int32).to_vector<std::int64_t>() == Integers{-2, 0, 0, 0, 2});
  CHECK(cast(x, int64).dtype() == int64);
  CHECK(cast(x, boolean).to_vector<std::int64_t>() == Integers{1, 1, 0, 1, 1});
  CHECK(cast(x, float32).to_vector<float>()[4] == 2.7F);
  CHECK(cast(Tensor::of<bool>({true, false}), float64).to_vector<double>() == std::vector<double>{1, 0});
  CHECK(cast(Tensor::of<std::int64_t>({7}), int32).item<int>() == 7);
  CHECK(cast(x, float64).id() == x.id());
}

TEST_CASE("cast: what does not fit is an error") {
  for (const double bad : {2147483648.0, -2147483649.0, infinity, -infinity, std::nan("")}) {
    CHECK_THROWS_AS(cast(Tensor::scalar(bad), int32), ValueError);
  }
  CHECK(cast(Tensor::scalar(2147483647.5), int32).item<int>() == 2147483647);
  CHECK(cast(Tensor::scalar(-2147483648.0), int32).item<std::int64_t>() == -2147483648LL);
  CHECK_THROWS_AS(cast(Tensor::scalar(std::ldexp(1.0, 63)), int64), ValueError);
  CHECK(cast(Tensor::scalar(-std::ldexp(1.0, 63)), int64).item<std::int64_t>() ==
        std::numeric_limits<std::int64_t>::min());
  CHECK_THROWS_WITH_AS(cast(Tensor::scalar(2147483648.0F), int32),
                       "cast: expected values in the range of int32, got 2147483600", ValueError);
  CHECK_THROWS_AS(cast(Tensor::scalar(std::int64_t{1} << 31), int32), ValueError);
  // Among many elements, on several threads.
  Tensor many = Tensor::zeros({200000}, float64) + Tensor::scalar(std::nan(""));
  CHECK_THROWS_AS(cast(many, int64), ValueError);
}

TEST_CASE("cast: the gradient has the operand's dtype") {
  const Tensor x = Tensor::of({1, 2});
  GradientTape tape;
  tape.watch(x);
  const Tensor y = square(cast(x, float64));
  const Tensor dx = tape.gradient(y, x);
  CHECK(dx.dtype() == float32);
  CHECK(dx.to_vector<double>() == std::vector<double>{2, 4});
}

TEST_CASE("stop_gradient: a constant to the tape, the same elements") {
  const Tensor x = Tensor::of<double>({3});
  GradientTape tape;
  tape.watch(x);
  const Tensor y = x * stop_gradient(x);
  CHECK(tape.gradient(y, x).item<double>() == 3);
}

TEST_CASE("custom_gradient: the author's gradient, of the first and second order") {
  // log(1 + exp(x)) with a gradient that does not overflow.
  const auto softened = [](const Tensor& x) {
    return custom_gradient(
        [](const std::vector<Tensor>& in) {
          return CustomGradient{{log1p(exp(in[0]))}, [in](const std::vector<Tensor>& dy) {
                                  return std::vector{dy[0] * sigmoid(in[0])};
                                }};
        },
        {x})[0];
  };
  CHECK(gradcheck(softened, Tensor::of<double>({-1, 0.5, 2})));
  const Tensor large = Tensor::of<double>({800});
  GradientTape tape;
  tape.watch(large);
  CHECK(tape.gradient(softened(large), large).item<double>() == 1);
}

TEST_CASE("custom_gradient: several inputs and outputs") {
  const Tensor a = Tensor::of<double>({2});
  const Tensor b = Tensor::of<double>({5});
  GradientTape tape({.persistent = true});
  tape.watch(a);
  tape.watch(b);
  const std::vector<Tensor> y = custom_gradient(
      [](const std::vector<Tensor>& in) {
        return CustomGradient{{in[0] * in[1], in[0] + in[1]}, [](const std::vector<Tensor>& dy) {
                                return std::vector<Tensor>{dy[0] * 100 + dy[1], Tensor()};
                              }};
      },
      {a, b});
  CHECK(y[0].item<double>() == 10);
  CHECK(tape.gradient(y[0], a).item<double>() == 100);
  CHECK(tape.gradient(y[1], a).item<double>() == 1);
  CHECK_FALSE(tape.gradient(y[0], b));
  CHECK(tape.size() == 1);
}

TEST_CASE("custom_gradient: errors") {
  const Tensor x = Tensor::of<double>({2});
  const auto with = [&](std::vector<Tensor> gradients) {
    GradientTape tape;
    tape.watch(x);
    const auto y = custom_gradient(
        [&](const std::vector<Tensor>& in) {
          return CustomGradient{{in[0] * 2}, [gradients](const std::vector<Tensor>&) { return gradients; }};
        },
        {x});
    return tape.gradient(y[0], x);
  };
  CHECK_THROWS_AS(with({}), ValueError);
  CHECK_THROWS_AS(with({Tensor::zeros({3}, float64)}), ValueError);
  CHECK_THROWS_AS(with({Tensor::zeros({1}, float32)}), ValueError);
  CHECK_FALSE(with({Tensor()}));
  CHECK_THROWS_AS(custom_gradient(
                      [](const std::vector<Tensor>& in) {
                        return CustomGradient{in, {}};
                      },
                      {x}),
                  ValueError);
}
