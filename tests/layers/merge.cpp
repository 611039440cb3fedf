#include "support.h"

using namespace unspool;
using namespace unspool::testing;

namespace {

std::vector<int> bits(const Tensor& mask) { return mask.to_vector<int>(); }

}  // namespace

TEST_CASE("layers that merge") {
  const Tensor a = Tensor::of({{1, 5}});
  const Tensor b = Tensor::of({{3, 2}});
  const Tensor c = Tensor::of({{2, 2}});
  CHECK(near(Add()({a, b, c}), {6, 9}));
  CHECK(near(Subtract()({a, b}), {-2, 3}));
  CHECK(near(Multiply()({a, b, c}), {6, 20}));
  CHECK(near(Average()({a, b, c}), {2, 3}));
  CHECK(near(Maximum()({a, b}), {3, 5}));
  CHECK(near(Minimum()({a, b}), {1, 2}));
}

TEST_CASE("inputs broadcast; those of fewer axes get them behind the batch") {
  CHECK(Add()({Tensor::ones({2, 3}), Tensor::ones({2, 4, 3})}).shape() == Shape{2, 4, 3});
  CHECK(Multiply()({Tensor::ones({2, 1, 3}), Tensor::ones({2, 4, 1})}).shape() == Shape{2, 4, 3});
  CHECK(Add()->compute_output_shapes({{unknown, unknown, 3}, {unknown, 1, 3}}) ==
        std::vector<Shape>{{unknown, unknown, 3}});
}

TEST_CASE("masks of merged inputs are joined by or, unless one has none") {
  const Tensor x = with_mask(Tensor::of({{{1}, {2}, {3}}}), mask_of_bits({{1, 1, 0}}));
  const Tensor y = with_mask(Tensor::of({{{10}, {20}, {30}}}), mask_of_bits({{1, 0, 0}}));
  CHECK(bits(mask_of(Add()({x, y}))) == std::vector<int>{1, 1, 0});
  CHECK_FALSE(mask_of(Add()({x, Tensor::ones({1, 3, 1})})));
  // As Keras: a masked factor counts as 1, a masked candidate not at all.
  CHECK(near(Multiply()({x, y}), {10, 2, 0}));
  CHECK(near(Multiply()({x, Tensor::full({1, 3, 1}, 5)}), {5, 10, 5}));
  CHECK(near(Maximum()({x, y}), {10, 2, 3}));
  CHECK(near(Minimum()({x, y}), {1, 2, 3}));
  CHECK(near(Minimum()({x, Tensor::full({1, 3, 1}, 9)}), {1, 2, 9}));
}

TEST_CASE("Concatenate and its mask") {
  const Tensor x = with_mask(Tensor::ones({1, 2, 2}), mask_of_bits({{1, 0}}));
  const Tensor y = with_mask(Tensor::ones({1, 2, 2}), mask_of_bits({{0, 0}}));
  const Tensor plain = Tensor::ones({1, 2, 2});
  CHECK(Concatenate()({x, y}).shape() == Shape{1, 2, 4});
  CHECK(bits(mask_of(Concatenate()({x, y}))) == std::vector<int>{1, 0});
  CHECK(bits(mask_of(Concatenate({.axis = 1})({x, y}))) == std::vector<int>{1, 0, 0, 0});
  CHECK(bits(mask_of(Concatenate({.axis = 1})({y, plain}))) == std::vector<int>{0, 0, 1, 1});
  CHECK_FALSE(mask_of(Concatenate()({plain, plain})));
  CHECK(Concatenate({.axis = 1})->compute_output_shapes({{unknown, 3, 2}, {unknown, unknown, 2}}) ==
        std::vector<Shape>{{unknown, unknown, 2}});
}

TEST_CASE("Dot") {
  const Tensor a = Tensor::of({{1, 2}});
  const Tensor b = Tensor::of({{3, 4}});
  CHECK(near(Dot({.axes = 1})({a, b}), {11}));
  CHECK(Dot({.axes = 1})({a, b}).shape() == Shape{1, 1});
  CHECK(near(Dot({.axes = -1, .normalize = true})({a, b}), {11 / (std::sqrt(5.0) * 5)}));
  CHECK(Dot({.axes = {2, 1}})({Tensor::ones({2, 3, 4}), Tensor::ones({2, 4, 5})}).shape() == Shape{2, 3, 5});
  CHECK(Dot({.axes = {1, 2}})({Tensor::ones({2, 4}), Tensor::ones({2, 3, 4})}).shape() == Shape{2, 3});
  CHECK(Dot({.axes = {3, 2}})({Tensor::ones({2, 3, 5, 4}), Tensor::ones({2, 3, 4})}).shape() ==
        Shape{2, 3, 5, 3});
  CHECK(Dot({.axes = 2})->compute_output_shapes({{unknown, unknown, 4}, {unknown, 3, 4}}) ==
        std::vector<Shape>{{unknown, unknown, 3}});
  const Tensor masked = with_mask(Tensor::ones({1, 2, 2}), mask_of_bits({{1, 0}}));
  CHECK_FALSE(mask_of(Dot({.axes = 2})({masked, masked})));
  CHECK(to_json(Dot({.axes = {2, 1}})->get_config()["axes"]) == "[2, 1]");
  CHECK(clone(Dot({.axes = -1}))->options().axes.value().single());
}

TEST_CASE("errors of merging") {
  const Tensor x = Tensor::ones({2, 3});
  const std::string list = message_of<ValueError>([&] { Add({.name = "sum"})(x); });
  CHECK(contains(list, "the layer sum expected several inputs, got [2, 3]: call it on a list"));
  CHECK(contains(message_of<ValueError>([&] { Concatenate()(x); }), "call it on a list"));
  const std::string batch = message_of<ValueError>([&] { Add({.name = "sum"})({x, Tensor::ones({1, 3})}); });
  CHECK(contains(batch, "the layer sum expected inputs of one batch size, got [2, 3], [1, 3]"));
  CHECK(contains(message_of<ValueError>([&] { Maximum()({x, Tensor::ones({2, 4})}); }), "[2, 3], [2, 4]"));
  CHECK(contains(message_of<ValueError>([&] {
                   Subtract({.name = "s"})({x, x, x});
                 }),
                 "the layer s expected exactly 2 inputs, got 3"));
  const std::string concat = message_of<ValueError>([&] {
    Concatenate({.name = "c"})({Tensor::ones({2, 3, 4}), Tensor::ones({2, 5, 4})});
  });
  CHECK(
      contains(concat, "the layer c expected inputs of one shape but for axis -1, got [2, 3, 4], [2, 5, 4]"));
  CHECK(contains(message_of<ValueError>([&] { Concatenate()({x, Tensor::ones({2, 3, 1})}); }), "[2, 3, 1]"));
  CHECK(contains(message_of<ValueError>([&] {
                   Dot({.axes = 1})({x, Tensor::ones({2, 4})});
                 }),
                 "with axes 1"));
  CHECK(contains(message_of<ValueError>([&] {
                   Dot({.axes = 0})({x, x});
                 }),
                 "axes without the batch to sum over, got axis 0"));
  CHECK(contains(message_of<ValueError>([&] { Dot({.axes = {1, 1, 1}}); }), "one number or two"));
  CHECK(contains(message_of<ValueError>([&] { Dot({.axes = 1})({x, x, x}); }), "exactly 2"));
}
