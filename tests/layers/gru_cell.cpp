#include "support.h"

using namespace unspool;
using namespace unspool::testing;

namespace {

/// One step on x 2, h 3 with kernel 1 2 3, recurrent kernel 4 5 6 and no activation.
double step(bool reset_after, const Tensor& bias) {
  const Ref<layers::GRUCell> cell = GRUCell(
      {.units = 1, .activation = "linear", .recurrent_activation = "linear", .reset_after = reset_after});
  cell->build_once(Shape{1, 1});
  cell->set_weights({Tensor::of<float>({{1, 2, 3}}), Tensor::of<float>({{4, 5, 6}}), bias});
  const auto [output, states] = cell(Tensor::of<float>({{2}}), {Tensor::of<float>({{3}})});
  CHECK(states.size() == 1);
  CHECK(states[0].id() == output.id());
  return output.item<double>();
}

}  // namespace

TEST_CASE("one step of GRUCell, by hand") {
  // z = 2 + 12 + 11, r = 4 + 15 + 22, and what r acts on differs.
  const double after = 6 + 30 + 41 * (18 + 3);
  CHECK(step(true, Tensor::of<float>({{10, 20, 30}, {1, 2, 3}})) == 25 * 3 - 24 * after);
  const double before = 6 + 30 + 41 * 3 * 6;
  CHECK(step(false, Tensor::of<float>({11, 22, 30})) == 25 * 3 - 24 * before);
}

TEST_CASE("what GRUCell is made with is in its config, as in Keras'") {
  const GRUCellOptions options = {.units = 3,
                                  .activation = "relu",
                                  .recurrent_activation = "tanh",
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
                                  .reset_after = false,
                                  .seed = 5,
                                  .implementation = 1,
                                  .name = "given",
                                  .trainable = false,
                                  .dtype = float64};
  CHECK(equal(clone(GRUCell(options))->options(), options));
  CHECK_FALSE(GRUCell({.units = 1})->get_config().contains("implementation"));
}

TEST_CASE("errors of GRUCell") {
  CHECK(contains(message_of<ValueError>([] { GRUCell({.units = -3}); }),
                 "GRUCell: units: expected a positive number, got -3"));
  CHECK(contains(message_of<ValueError>([] { GRUCell({.units = 1, .dropout = -1}); }), "-1"));
  CHECK(contains(message_of<ValueError>([] { GRUCell({.units = 1, .implementation = 0}); }), "got 0"));
}
