#include "support.h"

using namespace unspool;
using namespace unspool::testing;

TEST_CASE("one step of LSTMCell, by hand") {
  const Ref<layers::LSTMCell> cell =
      LSTMCell({.units = 1, .activation = "linear", .recurrent_activation = "linear"});
  cell->build_once(Shape{1, 1});
  cell->set_weights({Tensor::of<float>({{1, 2, 3, 4}}), Tensor::of<float>({{5, 6, 7, 8}}),
                     Tensor::of<float>({10, 20, 30, 40})});
  // x 2, h 3, c 5: i 27, f 42, g 57, o 72.
  const auto [output, states] =
      cell(Tensor::of<float>({{2}}), {Tensor::of<float>({{3}}), Tensor::of<float>({{5}})});
  CHECK(near(output, {72.0 * (42 * 5 + 27 * 57)}));
  REQUIRE(states.size() == 2);
  CHECK(states[0].id() == output.id());
  CHECK(near(states[1], {42 * 5 + 27 * 57}));
}

TEST_CASE("the initial bias of LSTMCell") {
  const auto bias = [](const LSTMCellOptions& options) {
    const Ref<layers::LSTMCell> cell = LSTMCell(options);
    cell->build_once(Shape{1, 1});
    return cell->weights().at(2).value();
  };
  CHECK(near(bias({.units = 2}), {0, 0, 1, 1, 0, 0, 0, 0}));
  CHECK(near(bias({.units = 2, .bias_initializer = Constant({.value = 3})}), {3, 3, 1, 1, 3, 3, 3, 3}));
  CHECK(near(bias({.units = 1, .bias_initializer = "ones", .unit_forget_bias = false}), {1, 1, 1, 1}));
}

TEST_CASE("what LSTMCell is made with is in its config, as in Keras'") {
  const LSTMCellOptions options = {.units = 3,
                                   .activation = "relu",
                                   .recurrent_activation = "tanh",
                                   .use_bias = false,
                                   .kernel_initializer = "he_normal",
                                   .recurrent_initializer = Orthogonal({.gain = 2}),
                                   .bias_initializer = "ones",
                                   .unit_forget_bias = false,
                                   .kernel_regularizer = "l1",
                                   .recurrent_regularizer = "l2",
                                   .bias_regularizer = L1L2({.l1 = 1}),
                                   .kernel_constraint = "max_norm",
                                   .recurrent_constraint = "unit_norm",
                                   .bias_constraint = "non_neg",
                                   .dropout = 0.1,
                                   .recurrent_dropout = 0.2,
                                   .seed = 5,
                                   .implementation = 1,
                                   .name = "given",
                                   .trainable = false,
                                   .dtype = float64};
  CHECK(equal(clone(LSTMCell(options))->options(), options));
  CHECK_FALSE(LSTMCell({.units = 1})->get_config().contains("implementation"));
}

TEST_CASE("errors of LSTMCell") {
  CHECK(contains(message_of<ValueError>([] { LSTMCell({.units = 0}); }),
                 "LSTMCell: units: expected a positive number, got 0"));
  CHECK(contains(message_of<ValueError>([] { LSTMCell({.units = 1, .recurrent_dropout = 1.5}); }), "1.5"));
  CHECK(contains(message_of<ValueError>([] { LSTMCell({.units = 1, .implementation = 3}); }), "got 3"));
  const Ref<layers::LSTMCell> cell = LSTMCell({.units = 2, .name = "c"});
  const Tensor x = Tensor::ones({1, 3});
  CHECK(contains(message_of<ValueError>([&] {
                   cell(x, {Tensor::ones({1, 2})});
                 }),
                 "the cell c: expected 2 states, got 1"));
  CHECK(contains(message_of<ValueError>([&] {
                   cell(x, {Tensor::ones({1, 2}), Tensor::ones({1, 3})});
                 }),
                 "[1, 2]"));
}
