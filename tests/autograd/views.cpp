#include <algorithm>
#include <doctest/doctest.h>
#include <limits>
#include <optional>
#include <vector>

#include <unspool/autograd/gradcheck.h>
#include <unspool/autograd/joining.h>
#include <unspool/autograd/recorder.h>
#include <unspool/autograd/tape.h>
#include <unspool/autograd/views.h>
#include <unspool/core/error.h>

#include "../support/counted.h"
#include "../support/tensors.h"

using namespace unspool;
using namespace unspool::testing;

namespace {

using Ints = std::vector<int>;

/// What Python's range gives, by its definition: bounds made positive, cut, then walked.
Ints walked(Index size, const Slice& range) {
  const auto bound = [&](std::optional<Index> given, Index otherwise) {
    if (!given) return otherwise;
    const Index at = *given < 0 ? *given + size : *given;
    return range.step > 0 ? std::clamp<Index>(at, 0, size) : std::clamp<Index>(at, -1, size - 1);
  };
  const Index begin = bound(range.begin, range.step > 0 ? 0 : size - 1);
  const Index end = bound(range.end, range.step > 0 ? size : -1);
  Ints values;
  for (Index i = begin; range.step > 0 ? i < end : i > end; i += range.step) {
    values.push_back(static_cast<int>(i));
  }
  return values;
}

}  // namespace

TEST_CASE("slice: bounds as in Python") {
  std::vector<std::optional<Index>> bounds{std::nullopt};
  for (Index i = -6; i <= 6; ++i) bounds.emplace_back(i);
  bounds.emplace_back(std::numeric_limits<Index>::max());
  bounds.emplace_back(std::numeric_limits<Index>::min());
  for (const Index size : {0, 1, 4}) {
    const Tensor x = counted({size});
    for (const auto& begin : bounds) {
      for (const auto& end : bounds) {
        for (const Index step : {1, 2, 3, -1, -2, -7}) {
          const Slice range{begin, end, step};
          if (slice(x, {range}).to_vector<int>() != walked(size, range)) {
            FAIL_CHECK("size " << size << ", begin " << begin.value_or(99) << ", end " << end.value_or(99)
                               << ", step " << step);
          }
        }
      }
    }
  }
}

TEST_CASE("slice: several axes, and one") {
  const Tensor x = counted({3, 4});
  CHECK(slice(x, {{1}, {std::nullopt, std::nullopt, -2}}).to_vector<int>() == Ints{7, 5, 11, 9});
  CHECK(slice(x, {{0, 1}}).to_vector<int>() == Ints{0, 1, 2, 3});
  CHECK(slice(x, 1, 1, 3).to_vector<int>() == Ints{1, 2, 5, 6, 9, 10});
  CHECK(slice(x, -1, -1, 4).to_vector<int>() == Ints{3, 7, 11});
  CHECK(slice(x, {{5}}).shape() == Shape{0, 4});
  CHECK_THROWS_AS(slice(x, {{0, 1, 0}}), ValueError);
  CHECK_THROWS_AS(slice(x, {{}, {}, {}}), IndexError);
  CHECK_THROWS_AS(slice(x, 2, 0, 1), IndexError);
}

TEST_CASE("slice: an axis whose size is not known") {
  const auto shape = [](std::vector<Slice> ranges) {
    return infer([&](const std::vector<Tensor>& x) { return std::vector{slice(x[0], ranges)}; },
                 {{{unknown, 4}, float32}})[0]
        .shape;
  };
  CHECK(shape({{}, {1}}) == Shape{unknown, 3});
  CHECK(shape({{0, 2}}) == Shape{unknown, 4});
}

TEST_CASE("x[i]") {
  const Tensor x = counted({3, 2});
  CHECK(x[1].to_vector<int>() == Ints{2, 3});
  CHECK(x[-1].to_vector<int>() == Ints{4, 5});
  CHECK(x[2][0].item<int>() == 4);
  CHECK_THROWS_AS(x[3], IndexError);
  CHECK_THROWS_AS(x[-4], IndexError);
  CHECK_THROWS_AS(x[0][0][0], IndexError);
  const auto specs = infer(
      [](const std::vector<Tensor>& in) {
        return std::vector{in[0][-1], in[0][5]};
      },
      {{{unknown, 4}, float32}});
  CHECK(specs[0].shape == Shape{4});
  CHECK(specs[1].shape == Shape{4});
}

TEST_CASE("pad") {
  CHECK(pad(counted({2, 1}), {{{1, 0}}, {{0, 1}}}, 9).to_vector<int>() == Ints{9, 9, 0, 9, 1, 9});
  CHECK(pad(Tensor::zeros({0}), {{{1, 1}}}, 0.5).to_vector<float>() == std::vector<float>{0.5, 0.5});
  CHECK_THROWS_AS(pad(counted({2, 1}), {{{1, 0}}}), ValueError);
  CHECK_THROWS_AS(pad(counted({2}), {{{-1, 0}}}), ValueError);
  CHECK_THROWS_AS(pad(counted({2}), {{{std::numeric_limits<Index>::max(), 0}}}), ValueError);
  CHECK_THROWS_AS(pad(counted({2, 2}), {{{Index{1} << 40, 0}}, {{Index{1} << 40, 0}}}), ValueError);
}

TEST_CASE("concat and split") {
  const Tensor a = counted({2, 2});
  const Tensor b = counted({2, 1});
  CHECK(concat({a, b}).to_vector<int>() == Ints{0, 1, 0, 2, 3, 1});
  CHECK(concat({a, a}, 0).shape() == Shape{4, 2});
  CHECK_THROWS_AS(concat({}), ValueError);
  CHECK_THROWS_AS(concat({a, b}, 0), ValueError);
  CHECK_THROWS_AS(concat({a, counted({2})}), ValueError);
  CHECK_THROWS_AS(concat({a, Tensor::zeros({2, 2})}), TypeError);
  CHECK_THROWS_AS(concat({a, b}, 2), IndexError);
  CHECK_THROWS_AS(concat({Tensor::scalar(1.0F)}, 0), IndexError);

  const Tensor x = counted({2, 6});
  const auto [left, middle, right] = split<3>(x);
  CHECK(middle.to_vector<int>() == Ints{2, 3, 8, 9});
  const std::vector<Tensor> parts = split(x, {1, 5});
  CHECK(parts[1].shape() == Shape{2, 5});
  CHECK(concat(parts).to_vector<int>() == x.to_vector<int>());
  CHECK_THROWS_AS(split(x, Index{4}), ValueError);
  CHECK_THROWS_AS(split(x, Index{0}), ValueError);
  CHECK_THROWS_AS(split(x, {1, 4}), ValueError);
  CHECK_THROWS_AS(split(x, {-1, 7}), ValueError);
}

TEST_CASE("split is one operation, whose gradient joins those of the parts that were used") {
  const Tensor x = Tensor::of<double>({1, 2, 3, 4});
  GradientTape tape;
  tape.watch(x);
  const std::vector<Tensor> parts = split(x, Index{2});
  CHECK(tape.size() == 1);
  CHECK(tape.gradient(parts[1], x).to_vector<double>() == std::vector<double>{0, 0, 1, 1});
}

TEST_CASE("stack and unstack") {
  const Tensor a = counted({2});
  CHECK(stack({a, a}).to_vector<int>() == Ints{0, 1, 0, 1});
  CHECK(stack({a, a, a}, -1).to_vector<int>() == Ints{0, 0, 0, 1, 1, 1});
  CHECK(stack({Tensor::scalar(2.0F)}).shape() == Shape{1});
  CHECK_THROWS_AS(stack({}), ValueError);
  CHECK_THROWS_AS(stack({a, counted({3})}), ValueError);
  CHECK_THROWS_AS(stack({a}, 2), IndexError);
  const std::vector<Tensor> columns = unstack(counted({2, 3}), 1);
  REQUIRE(columns.size() == 3);
  CHECK(columns[2].to_vector<int>() == Ints{2, 5});
  CHECK(unstack(counted({0, 2})).empty());
}

// Numbers of NumPy 2.4, which writes in place.
TEST_CASE("with: one element or one part is another one") {
  const Tensor x = counting_up({2, 3});
  check_tensor(x.with({0, 1}, 9), {2, 3}, {0, 9, 2, 3, 4, 5});
  check_tensor(x.with(-1, 7), {2, 3}, {0, 1, 2, 7, 7, 7});
  check_tensor(x.with(0, Tensor::of({7, 8, 9})), {2, 3}, {7, 8, 9, 3, 4, 5});
  check_tensor(x.with({-1, -1}, Tensor::scalar(0.5F)), {2, 3}, {0, 1, 2, 3, 4, 0.5});
  check_tensor(x, {2, 3}, {0, 1, 2, 3, 4, 5});
  check_tensor(slice_update(x, {{}, {1, None}}, Tensor::of({{5, 6}})), {2, 3}, {0, 5, 6, 3, 5, 6});
  check_tensor(slice_update(x, {{}, {None, None, -2}}, Tensor::of({{5, 6}})), {2, 3}, {6, 1, 5, 6, 4, 5});
  check_tensor(slice_update(x, {{0, 1}}, 3), {2, 3}, {3, 3, 3, 3, 4, 5});
  const Tensor counts = Tensor::of<std::int32_t>({1, 2});
  check_tensor(counts.with(0, 5), {2}, {5, 2});
  check_tensor(counts.with(0, 5.0), {2}, {5, 2});
  CHECK(counts.with(0, 5).dtype() == int32);
  check_tensor(Tensor::of<bool>({false, false}).with(1, true), {2}, {0, 1});
}

TEST_CASE("with: what does not fit") {
  const Tensor x = counting_up({2, 3});
  CHECK_THROWS_WITH_AS(static_cast<void>(x.with({0, 3}, 1)),
                       "with: index 3 is out of range for axis 1 of float32[2, 3]", IndexError);
  CHECK_THROWS_WITH_AS(static_cast<void>(x.with({0, 0, 0}, 1)),
                       "with: expected at most 2 indices for float32[2, 3], got 3", IndexError);
  CHECK_THROWS_AS(static_cast<void>(x.with(0, Tensor::of({1, 2}))), ValueError);
  CHECK_THROWS_AS(static_cast<void>(x.with(0, Tensor::of<double>({1, 2, 3}))), TypeError);
  CHECK_THROWS_AS(static_cast<void>(Tensor::of<std::int32_t>({1}).with(0, 0.5)), TypeError);
}

TEST_CASE("with: gradients, and sizes that are not known") {
  const Tensor x = Tensor::of<double>({{1, 2, 3}, {4, 5, 6}});
  const Tensor row = Tensor::of<double>({7, 8, 9});
  const auto written = [](const std::vector<Tensor>& at) { return std::vector{at[0].with(1, at[1])}; };
  CHECK(gradcheck(written, {x, row}));
  const auto broadcast_value = [](const std::vector<Tensor>& at) {
    return std::vector{slice_update(at[0], {{}, {0, 2}}, at[1])};
  };
  CHECK(gradcheck(broadcast_value, {x, Tensor::of<double>({{3}, {4}})}));
  CHECK(spec_of([](auto& y) { return y[0].with({0, 1}, 5); }, {{None, 3}}).shape == Shape{None, 3});
  CHECK(spec_of([](auto& y) { return y[0].with(0, 5); }, {{2, None}}).shape == Shape{2, None});
  CHECK(spec_of([](auto& y) { return y[0].with(0, y[1]); }, {{2, None}, {None}}).shape == Shape{2, None});
}

TEST_CASE("slice: None is a bound that is not given") {
  const Tensor x = counted({4});
  CHECK(slice(x, {{None, 3}}).to_vector<int>() == Ints{0, 1, 2});
  CHECK(slice(x, {{1, None}}).to_vector<int>() == Ints{1, 2, 3});
  CHECK(slice(x, {{None, None, -1}}).to_vector<int>() == Ints{3, 2, 1, 0});
}

TEST_CASE("concatenate: along the first axis, as in keras.ops") {
  CHECK(concatenate({counted({2, 3}), counted({1, 3})}).shape() == Shape{3, 3});
  CHECK(concatenate({counted({2, 3}), counted({2, 1})}, -1).shape() == Shape{2, 4});
}

TEST_CASE("a slice without an end goes to the last index, and a tensor is indexed by a tensor") {
  const Tensor x = Tensor::of({{1, 2, 3}, {4, 5, 6}});
  check_tensor(slice(x, 1, 1), {2, 2}, {2, 3, 5, 6});
  check_tensor(slice(x, 1, -1, None), {2, 1}, {3, 6});
  check_tensor(x[Tensor::of<std::int32_t>({1, 0, -1})], {3, 3}, {4, 5, 6, 1, 2, 3, 4, 5, 6});
}
