#include <doctest/doctest.h>
#include <limits>
#include <vector>

#include <unspool/autograd/arithmetic.h>
#include <unspool/autograd/creation.h>
#include <unspool/autograd/gradcheck.h>
#include <unspool/autograd/random.h>
#include <unspool/autograd/scan.h>
#include <unspool/core/error.h>

#include "../support/tensors.h"

using namespace unspool;
using namespace unspool::testing;

TEST_CASE("creation: of a shape, of a number, of a dtype") {
  check_tensor(zeros({2, 1}), {2, 1}, {0, 0});
  check_tensor(ones({}), {}, {1});
  check_tensor(full({2}, 2.5), {2}, {2.5, 2.5});
  check_tensor(zeros(3), {3}, {0, 0, 0});
  check_tensor(ones(std::size_t{2}), {2}, {1, 1});
  check_tensor(full(2, -1), {2}, {-1, -1});
  CHECK(zeros({2}).dtype() == float32);
  CHECK(ones(2, int64).dtype() == int64);
  CHECK(full({2}, 7, boolean).item<bool>({0}));
  CHECK_THROWS_WITH_AS(full({2}, 3e9, int32), "expected a number that fits int32, got 3000000000.000000",
                       ValueError);
  CHECK_THROWS_AS(Tensor::scalar(3000000000LL, int32), ValueError);
  CHECK_THROWS_AS(full({2}, std::numeric_limits<double>::quiet_NaN(), int64), ValueError);
}

TEST_CASE("creation: like another tensor") {
  const Tensor x = Tensor::of<double>({{1, 2, 3}});
  check_tensor(zeros_like(x), {1, 3}, {0, 0, 0});
  check_tensor(ones_like(x, int32), {1, 3}, {1, 1, 1});
  check_tensor(full_like(x, 7), {1, 3}, {7, 7, 7});
  check_tensor(full_like(x, Tensor::of<double>({4, 5, 6})), {1, 3}, {4, 5, 6});
  check_tensor(full_like(x, Tensor::scalar(2, int32)), {1, 3}, {2, 2, 2});
  CHECK(zeros_like(x).dtype() == float64);
  CHECK(ones_like(x, int32).dtype() == int32);
  CHECK_THROWS_AS(full_like(x, Tensor::zeros({2}, float64)), ValueError);
  CHECK_THROWS_AS(full_like(x, Tensor::zeros({2, 3}, float64)), ValueError);
}

TEST_CASE("creation: like an abstract tensor, whose sizes may be unknown") {
  for (const DType dtype : {float32, int64, boolean}) {
    const Spec spec = spec_of([&](auto& x) { return ones_like(x[0], dtype); }, {{None, 3}});
    CHECK(spec == Spec{{None, 3}, dtype});
  }
  CHECK(spec_of([](auto& x) { return full_like(x[0], 2); }, {{None, None}}).shape == Shape{None, None});
  CHECK(spec_of([](auto& x) { return zeros({x[0].shape()[0], 4}); }, {{None, 3}}).shape == Shape{None, 4});
  CHECK(spec_of([](auto& x) { return arange(x[0].shape()[1]); }, {{2, None}}) == Spec{{None}, int32});
  CHECK(spec_of([](auto& x) { return linspace(0, 1, x[0].shape()[1]); }, {{2, None}}).shape == Shape{None});
  CHECK(spec_of([](auto& x) { return eye(x[0].shape()[1]); }, {{2, None}}).shape == Shape{None, None});
  // In the step of a scan it stands for the numbers of every step, whatever x is.
  const Tensor xs = Tensor::of<float>({{1}, {std::numeric_limits<float>::quiet_NaN()}, {3}});
  const ScanResult result = scan(
      [](const std::vector<Tensor>& carry, const std::vector<Tensor>& x) {
        const Tensor next = carry[0] + full_like(x[0], 2) + ones_like(x[0]) - zeros_like(carry[0]);
        return ScanStep{.carry = {next}, .outputs = {next}};
      },
      {Tensor::zeros({1})}, {xs});
  check_tensor(result.outputs[0], {3, 1}, {3, 6, 9});
}

TEST_CASE("creation: a value that is broadcast has a gradient") {
  const Tensor x = Tensor::ones({2, 3}, float64);
  CHECK(gradcheck([&](const Tensor& value) { return full_like(x, value); }, Tensor::of<double>({1, 2, 3})));
}

// Numbers of NumPy 2.4.
TEST_CASE("creation: eye, arange and linspace as in NumPy") {
  check_tensor(eye(2), {2, 2}, {1, 0, 0, 1});
  check_tensor(eye(2, 3), {2, 3}, {1, 0, 0, 0, 1, 0});
  CHECK(eye(2, int32).dtype() == int32);
  check_tensor(arange(5), {5}, {0, 1, 2, 3, 4});
  check_tensor(arange(1, 2, 0.25), {4}, {1, 1.25, 1.5, 1.75});
  check_tensor(arange(5, 0, -2), {3}, {5, 3, 1});
  check_tensor(arange(0.5, 3), {3}, {0.5, 1.5, 2.5});
  check_tensor(arange(3, 1), {0}, {});
  CHECK(arange(5).dtype() == int32);
  CHECK(arange(5.0).dtype() == float32);
  CHECK(arange(5, float64).dtype() == float64);
  CHECK_THROWS_AS(arange(0, 5, 0), ValueError);
  CHECK_THROWS_AS(arange(3000000000LL, 3000000002LL), ValueError);
  check_tensor(arange(3000000000LL, 3000000002LL, 1, int64), {2}, {3000000000., 3000000001.});
  check_tensor(linspace(2, 3, 5), {5}, {2, 2.25, 2.5, 2.75, 3});
  check_tensor(linspace(0, 1, 4, false), {4}, {0, 0.25, 0.5, 0.75});
  check_tensor(linspace(5, 6, 1), {1}, {5});
  check_tensor(linspace(0, 1, 0), {0}, {});
  check_tensor(linspace(-1.5, 2.5, 4, true, int32), {4}, {-2, -1, 1, 2});
  CHECK(linspace(0, 0.1, 7).item<float>({-1}) == 0.1F);
  CHECK_THROWS_AS(linspace(0, 1, -1), ValueError);
}
