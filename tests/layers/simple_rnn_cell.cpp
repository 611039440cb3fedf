#include "support.h"

using namespace unspool;
using namespace unspool::testing;

TEST_CASE("one step of SimpleRNNCell") {
  const Ref<layers::SimpleRNNCell> cell = SimpleRNNCell({.units = 2, .activation = "linear"});
  cell->build_once(Shape{1, 1});
  cell->set_weights(
      {Tensor::of<float>({{1, 2}}), Tensor::of<float>({{1, 0}, {0, 3}}), Tensor::of<float>({10, 20})});
  const auto [output, states] = cell(Tensor::of<float>({{5}}), {Tensor::of<float>({{1, 2}})});
  CHECK(near(output, {16, 36}));
  CHECK(states.size() == 1);
  CHECK(states[0].id() == output.id());
  CHECK(SimpleRNNCell({.units = 2, .use_bias = false})->options().use_bias == false);
}

TEST_CASE("what SimpleRNNCell is made with is in its config") {
  const SimpleRNNCellOptions options = {.units = 3,
                                        .activation = "relu",
                                        .use_bias = false,
                                        .kernel_initializer = "he_normal",
                                        .recurrent_initializer = Orthogonal({.gain = 2}),
                                        .bias_initializer = "ones",
                                        .kernel_regularizer = "l1",
                                        .recurrent_regularizer = "l2",
                                        .bias_regularizer = L1L2({.l1 = 1}),
                                        .kernel_constraint = "max_norm",
                                        .recurrent_constraint = "unit_norm",
                                        .bias_constraint = "non_neg",
                                        .dropout = 0.1,
                                        .recurrent_dropout = 0.2,
                                        .seed = 5,
                                        .name = "given",
                                        .trainable = false,
                                        .dtype = float64};
  const Ref<layers::SimpleRNNCell> cell = SimpleRNNCell(options);
  CHECK(equal(clone(cell)->options(), options));
}

TEST_CASE("errors of SimpleRNNCell") {
  CHECK(contains(message_of<ValueError>([] { SimpleRNNCell({.units = 0}); }),
                 "units: expected a positive number, got 0"));
  CHECK(contains(message_of<ValueError>([] { SimpleRNNCell({.units = 1, .dropout = 2}); }), "dropout"));
  const Ref<layers::SimpleRNNCell> cell = SimpleRNNCell({.units = 2, .name = "c"});
  CHECK(contains(message_of<ValueError>([&] {
                   cell({Tensor::ones({1, 2, 3})}, cell->get_initial_state(1));
                 }),
                 "c: "));
}
