#include <doctest/doctest.h>
#include <functional>
#include <vector>

#include <unspool/autograd/arithmetic.h>
#include <unspool/autograd/comparison.h>
#include <unspool/autograd/conversion.h>
#include <unspool/autograd/gradcheck.h>
#include <unspool/autograd/recorder.h>
#include <unspool/autograd/shaping.h>
#include <unspool/core/error.h>

#include "../support/counted.h"
#include "../support/tensors.h"

using namespace unspool;
using namespace unspool::testing;

namespace {

using Ints = std::vector<int>;

Shape inferred(const std::function<Tensor(const Tensor&)>& function, const Shape& shape) {
  return infer([&](const std::vector<Tensor>& x) { return std::vector{function(x[0])}; },
               {{shape, float32}})[0]
      .shape;
}

}  // namespace

TEST_CASE("reshape: shares its elements; one size may follow") {
  const Tensor x = counted({2, 6});
  const Tensor y = reshape(x, {3, -1});
  CHECK(y.shape() == Shape{3, 4});
  CHECK(y.raw() == x.raw());
  CHECK(reshape(x, {2, -1}, 1).shape() == Shape{2, 2, 3});
  CHECK(reshape(Tensor::zeros({0, 3}), {-1, 3}).shape() == Shape{0, 3});
  CHECK(reshape(Tensor::zeros({0, 3}), {5, 0}).shape() == Shape{5, 0});
}

TEST_CASE("reshape: what does not fit") {
  const Tensor x = counted({2, 6});
  CHECK_THROWS_WITH_AS(
      reshape(x, {5, 2}),
      "reshape(int32[2, 6], shape=[5, 2]): expected a shape of 12 elements, got [5, 2], which has 10",
      ValueError);
  CHECK_THROWS_AS(reshape(x, {5, -1}), ValueError);
  CHECK_THROWS_AS(reshape(x, {-1, -1}), ValueError);
  CHECK_THROWS_AS(reshape(Tensor::zeros({0}), {0, -1}), ValueError);
  CHECK_THROWS_AS(reshape(x, {Index{1} << 40, Index{1} << 40}), ValueError);
  CHECK_THROWS_AS(reshape(x, {12}, 3), ValueError);
}

TEST_CASE("reshape: with sizes that are not known yet") {
  CHECK(inferred([](auto& x) { return reshape(x, {-1, 64}); }, {unknown, 8, 8}) == Shape{unknown, 64});
  CHECK(inferred([](auto& x) { return reshape(x, {-1}, 1); }, {unknown, 8, 8}) == Shape{unknown, 64});
  CHECK(inferred([](auto& x) { return reshape(x, {2, 3}); }, {unknown}) == Shape{2, 3});
  CHECK_THROWS_AS(inferred([](auto& x) { return reshape(x, {5, 3}); }, {unknown, 2}), ValueError);
}

TEST_CASE("expand_dims and squeeze") {
  const Tensor x = counted({2, 3});
  CHECK(expand_dims(x, 0).shape() == Shape{1, 2, 3});
  CHECK(expand_dims(x, -1).shape() == Shape{2, 3, 1});
  CHECK(expand_dims(x, {0, -1}).shape() == Shape{1, 2, 3, 1});
  const Tensor expanded = expand_dims(x, 1);
  CHECK(expanded.raw() == x.raw());
  CHECK_THROWS_AS(expand_dims(x, 3), IndexError);
  CHECK_THROWS_AS(expand_dims(x, {0, -4}), ValueError);
  CHECK(squeeze(Tensor::zeros({1, 2, 1})).shape() == Shape{2});
  CHECK(squeeze(Tensor::zeros({1, 2, 1}), {-1}).shape() == Shape{1, 2});
  CHECK_THROWS_WITH_AS(squeeze(x, {0}), "squeeze(int32[2, 3], axes={0}): expected size 1 of axis 0, got 2",
                       ValueError);
  CHECK_THROWS_AS(squeeze(x, {2}), IndexError);
  CHECK(inferred([](auto& y) { return expand_dims(y, 1); }, {unknown, 3}) == Shape{unknown, 1, 3});
  CHECK(inferred([](auto& y) { return squeeze(y, {1}); }, {unknown, 1, 3}) == Shape{unknown, 3});
  CHECK_THROWS_AS(inferred([](auto& y) { return squeeze(y); }, {unknown, 1}), ValueError);
}

TEST_CASE("transpose: every order of three axes, and large ones") {
  const Tensor x = counted({2, 3, 4});
  for (const std::vector<Index>& order : std::vector<std::vector<Index>>{
           {0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}, {-1, 0, 1}}) {
    const Tensor y = transpose(x, order);
    for (Index i = 0; i < 2; ++i) {
      for (Index j = 0; j < 3; ++j) {
        for (Index k = 0; k < 4; ++k) {
          const Index from[] = {i, j, k};
          const auto at = [&](std::size_t axis) { return from[(order[axis] + 3) % 3]; };
          CHECK(y.item<int>({at(0), at(1), at(2)}) == i * 12 + j * 4 + k);
        }
      }
    }
  }
  CHECK(transpose(x).shape() == Shape{4, 3, 2});
  const Tensor large = counted({301, 509});
  const Tensor turned = transpose(large);
  bool right = true;
  for (Index i = 0; i < 509; ++i) {
    for (Index j = 0; j < 301; ++j) {
      right = right && turned.data<std::int32_t>()[static_cast<std::size_t>(i * 301 + j)] == j * 509 + i;
    }
  }
  CHECK(right);
  const Tensor bytes = transpose(Tensor::of<bool>({{true, false}, {true, true}}));
  CHECK(bytes.to_vector<int>() == Ints{1, 1, 0, 1});
  CHECK_THROWS_AS(transpose(x, {0, 1}), ValueError);
  CHECK_THROWS_AS(transpose(x, {0, 1, 1}), ValueError);
  CHECK_THROWS_AS(transpose(x, {0, 1, 3}), IndexError);
  CHECK(inferred([](auto& y) { return transpose(y, {1, 0}); }, {unknown, 3}) == Shape{3, unknown});
}

TEST_CASE("transpose: lines of every short length") {
  for (Index length = 1; length <= 40; ++length) {
    const Tensor x = counted({3, 5, length});
    for (DType dtype : {int32, int64}) {
      const std::vector<Index> y = transpose(cast(x, dtype), {1, 0, 2}).to_vector<Index>();
      std::vector<Index> expected;
      for (Index j = 0; j < 5; ++j) {
        for (Index i = 0; i < 3; ++i) {
          for (Index k = 0; k < length; ++k) expected.push_back((i * 5 + j) * length + k);
        }
      }
      CHECK(y == expected);
    }
    // Bools have one byte.
    const Tensor odd = cast(counted({3, 5, length}), float32) - 7 > 0;
    CHECK(transpose(transpose(odd, {1, 0, 2}), {1, 0, 2}).to_vector<bool>() == odd.to_vector<bool>());
  }
}

TEST_CASE("broadcast_to") {
  CHECK(broadcast_to(counted({2, 1}), {2, 2}).to_vector<int>() == Ints{0, 0, 1, 1});
  CHECK(broadcast_to(counted({2}), {2, 2}).to_vector<int>() == Ints{0, 1, 0, 1});
  CHECK(broadcast_to(counted({2, 2}), {2, 2}, 1).to_vector<int>() == Ints{0, 1, 0, 1, 2, 3, 2, 3});
  CHECK(broadcast_to(counted({3}), {0, 3}).shape() == Shape{0, 3});
  CHECK_THROWS_AS(broadcast_to(counted({2}), {3}), ValueError);
  CHECK_THROWS_AS(broadcast_to(counted({2, 3}), {3}), ValueError);
  CHECK(inferred([](auto& x) { return broadcast_to(x, {-1, 4}); }, {unknown, 1}) == Shape{unknown, 4});
}

TEST_CASE("flip") {
  CHECK(flip(counted({2, 2})).to_vector<int>() == Ints{3, 2, 1, 0});
  CHECK(flip(counted({2, 2}), {1}).to_vector<int>() == Ints{1, 0, 3, 2});
  CHECK(flip(Tensor::zeros({0, 2})).shape() == Shape{0, 2});
  CHECK_THROWS_AS(flip(counted({2}), {1}), IndexError);
}

// Numbers of NumPy 2.4.
TEST_CASE("tile, repeat and roll as in NumPy") {
  const Tensor x = counting_up({2, 3});
  check_tensor(tile(x, 2), {2, 6}, {0, 1, 2, 0, 1, 2, 3, 4, 5, 3, 4, 5});
  CHECK(tile(x, {2, 1}).shape() == Shape{4, 3});
  check_tensor(tile(x, {2, 1, 2}), {2, 2, 6},
               {0, 1, 2, 0, 1, 2, 3, 4, 5, 3, 4, 5, 0, 1, 2, 0, 1, 2, 3, 4, 5, 3, 4, 5});
  check_tensor(tile(counting_up({3}), {2, 2}), {2, 6}, {0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2});
  CHECK(tile(x, {0, 1}).shape() == Shape{0, 3});
  check_tensor(repeat(x, 2), {12}, {0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5});
  check_tensor(repeat(x, 2, 0), {4, 3}, {0, 1, 2, 0, 1, 2, 3, 4, 5, 3, 4, 5});
  check_tensor(repeat(x, 2, -1), {2, 6}, {0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5});
  check_tensor(repeat(x, {1, 0, 2}, 1), {2, 3}, {0, 2, 2, 3, 5, 5});
  check_tensor(roll(x, 1, 1), {2, 3}, {2, 0, 1, 5, 3, 4});
  check_tensor(roll(x, -4, 1), {2, 3}, {1, 2, 0, 4, 5, 3});
  check_tensor(roll(x, 1, 0), {2, 3}, {3, 4, 5, 0, 1, 2});
  CHECK_THROWS_AS(tile(x, {-1, 1}), ValueError);
  CHECK_THROWS_AS(repeat(x, -1, 0), ValueError);
  CHECK_THROWS_AS(repeat(x, {1, 2}, 1), ValueError);
}

TEST_CASE("tile and repeat: sizes that are not known, gradients") {
  const auto shape = [](const std::function<Tensor(const Tensor&)>& function, const Shape& of) {
    return spec_of([&](auto& x) { return function(x[0]); }, {of}).shape;
  };
  CHECK(shape([](const Tensor& x) { return tile(x, {1, 1, 2}); }, {None, None, 3}) == Shape{None, None, 6});
  CHECK(shape([](const Tensor& x) { return tile(x, {1, 2, 1}); }, {None, None, 3}) == Shape{None, None, 3});
  CHECK(shape([](const Tensor& x) { return tile(x, {2, 1}); }, {None, 3}) == Shape{None, 3});
  CHECK(shape([](const Tensor& x) { return repeat(x, 5, 1); }, {None, 1, 3}) == Shape{None, 5, 3});
  CHECK(shape([](const Tensor& x) { return repeat(expand_dims(x, 1), x.shape()[0], 1); }, {None, 3}) ==
        Shape{None, None, 3});
  CHECK(shape([](const Tensor& x) { return tile(x, {1, x.shape()[0]}); }, {None, 3}) == Shape{None, None});
  const Tensor x = cast(counting_up({2, 3}), float64);
  CHECK(gradcheck([](const Tensor& at) { return tile(at, {3, 2}); }, x));
  CHECK(gradcheck([](const Tensor& at) { return repeat(at, 3, 1); }, x));
  CHECK(gradcheck([](const Tensor& at) { return repeat(at, {2, 0, 1}, 1); }, x));
  CHECK(gradcheck([](const Tensor& at) { return roll(at, 1, 1); }, x));
}

TEST_CASE("swapaxes and moveaxis") {
  const Tensor x = counting_up({2, 3, 4});
  CHECK(swapaxes(x, 0, 2).shape() == Shape{4, 3, 2});
  CHECK(swapaxes(x, 0, -1)[1][2].to_vector<int>() == Ints{9, 21});
  CHECK(moveaxis(x, 0, -1).shape() == Shape{3, 4, 2});
  CHECK(moveaxis(x, -1, 0)[1][0].to_vector<int>() == Ints{1, 5, 9});
  CHECK_THROWS_AS(swapaxes(x, 0, 3), IndexError);
}

TEST_CASE("reshape: to one size") {
  CHECK(reshape(counted({2, 6}), -1).shape() == Shape{12});
  CHECK(reshape(counted({2, 6}), {None, 4}).shape() == Shape{3, 4});
}
