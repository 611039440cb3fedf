#include "support.h"

using namespace unspool;
using namespace unspool::testing;

TEST_CASE("Activation as a layer") {
  const Ref<layers::Activation> layer = ActivationLayer({.activation = "relu"});
  const Tensor mask = mask_of_bits({{1, 0}});
  const Tensor y = layer(with_mask(Tensor::of({{{-1}, {2}}}), mask));
  CHECK(near(y, {0, 2}));
  CHECK(mask_of(y).id() == mask.id());
  CHECK(clone(layer)->options().activation.value().name() == "relu");
  CHECK(ActivationLayer({.activation = "glu"})->compute_output_shape({unknown, 4}) == Shape{unknown, 2});
}

TEST_CASE("ReLU, LeakyReLU, ELU with their arguments") {
  const Tensor x = Tensor::of({-2, -0.5, 0.5, 3});
  CHECK(near(ReLU({.max_value = 2, .negative_slope = 0.5, .threshold = 1})(x), {-1.5, -0.75, -0.25, 2}));
  CHECK(near(ReLU()(x), {0, 0, 0.5, 3}));
  CHECK(near(LeakyReLU()(x), {-0.6, -0.15, 0.5, 3}));
  CHECK(near(ELU({.alpha = 2})(x), {2 * (std::exp(-2) - 1), 2 * (std::exp(-0.5) - 1), 0.5, 3}));
}

TEST_CASE("PReLU learns its slope, one number along shared axes") {
  const Ref<layers::PReLU> layer = PReLU({.shared_axes = 1});
  CHECK(layer->compute_output_shape({unknown, unknown, 2}) == Shape{unknown, unknown, 2});
  layer->build_once(Shape{unknown, unknown, 2});
  CHECK(layer->weights()[0].shape() == Shape{1, 2});
  layer->set_weights({Tensor::of({{0.5, 2}})});
  CHECK(near(layer(Tensor::of({{{-1, -1}, {3, -2}}})), {-0.5, -2, 3, -4}));
  CHECK(PReLU()(Tensor::ones({2, 3, 4})).shape() == Shape{2, 3, 4});
  const std::string length = message_of<ValueError>([] {
    PReLU({.name = "p"})(Input({.shape = {unknown, 2}}));
  });
  CHECK(contains(length, "the layer p has an alpha for each element"));
  CHECK(contains(length, "shared_axes"));
  CHECK(contains(message_of<ValueError>([] {
                   PReLU({.shared_axes = {1, 3}})(Tensor::ones({2, 3}));
                 }),
                 "expected shared_axes from 1 to"));
}

TEST_CASE("Softmax along one axis or several, with masks") {
  CHECK(near(Softmax()(Tensor::of({{0, 0}})), {0.5, 0.5}));
  CHECK(near(Softmax({.axis = {1, 2}})(Tensor::zeros({1, 2, 2})), {0.25, 0.25, 0.25, 0.25}));
  // What is masked has no part; nothing left gives zeros.
  const Tensor y =
      Softmax()(Tensor::of({{1, 1, 9}, {1, 2, 3}}), {.mask = mask_of_bits({{1, 1, 0}, {0, 0, 0}})});
  CHECK(near(y, {0.5, 0.5, 0, 0, 0, 0}));
  // Steps of a sequence.
  const Tensor steps = Softmax({.axis = 1})(with_mask(Tensor::zeros({1, 3, 2}), mask_of_bits({{1, 0, 1}})));
  CHECK(near(steps, {0.5, 0.5, 0, 0, 0.5, 0.5}));
  CHECK(mask_of(steps));
  CHECK(
      contains(message_of<ValueError>([] {
                 Softmax({.name = "s"})(Tensor::ones({2, 3}), {.mask = Tensor::ones({4}, boolean)});
               }),
               "the layer s expected a mask of the first or the last axes of its input [2, 3], got bool[4]"));
  CHECK(contains(message_of<ValueError>([] {
                   Softmax({.axis = 2})(Tensor::ones({2, 3}));
                 }),
                 "expected an axis of the input's shape"));
}

TEST_CASE("errors of activation layers") {
  CHECK(contains(message_of<ValueError>([] { ReLU({.max_value = -1}); }),
                 "max_value: expected a number >= 0, got -1"));
  CHECK(contains(message_of<ValueError>([] { ReLU({.negative_slope = -1}); }), "negative_slope"));
  CHECK(contains(message_of<ValueError>([] { ReLU({.threshold = -1}); }), "threshold"));
  CHECK(contains(message_of<ValueError>([] { LeakyReLU({.negative_slope = -0.5}); }), "got -0.5"));
  CHECK(contains(message_of<ValueError>([] { ActivationLayer({.activation = "rellu"}); }),
                 "did you mean \"relu\""));
}
