// What each argument that the reference pages of SimpleRNN and SimpleRNNCell name does: docs/parity.md.
#include "support.h"

using namespace unspool;
using namespace unspool::testing;

namespace {

Tensor weight(const Ref<layers::SimpleRNN>& rnn, std::size_t i) {
  rnn->build_once(Shape{unknown, unknown, 2});
  return rnn->get_weights().at(i);
}

double only_loss(const Ref<layers::SimpleRNN>& rnn) {
  rnn(Tensor::ones({1, 1, 1}));
  REQUIRE(rnn->losses().size() == 1);
  return rnn->losses()[0].item<double>();
}

/// A layer of ones: h' = x + h + 1.
SimpleRNNOptions of_ones(SimpleRNNOptions options) {
  options.activation = "linear";
  options.kernel_initializer = "ones";
  options.recurrent_initializer = "ones";
  return options;
}

}  // namespace

TEST_CASE("units: the size of the state, of the output and of the weights") {
  const Ref<layers::SimpleRNN> rnn = SimpleRNN({.units = 3});
  CHECK(rnn(Tensor::ones({2, 4, 5})).shape() == Shape{2, 3});
  CHECK(rnn->options().units == 3);
  CHECK(rnn->weights()[0].shape() == Shape{5, 3});
  CHECK(rnn->weights()[1].shape() == Shape{3, 3});
  CHECK(rnn->weights()[2].shape() == Shape{3});
}

TEST_CASE("activation: tanh unless said, linear for nothing") {
  CHECK(SimpleRNN({.units = 1})->options().activation.name() == "tanh");
  const Tensor x = Tensor::of({{{2}}});
  const SimpleRNNOptions plain = of_ones({.units = 1});
  CHECK(near(SimpleRNN(plain)(x), {2}));
  for (const char* nothing : {"linear", ""}) {
    SimpleRNNOptions options = plain;
    options.activation = nothing;
    CHECK(near(SimpleRNN(options)(x), {2}));
  }
  SimpleRNNOptions squashed = plain;
  squashed.activation = "tanh";
  CHECK(near(SimpleRNN(squashed)(x), {std::tanh(2.0)}));
}

TEST_CASE("use_bias: a third weight or none") {
  CHECK(weight(SimpleRNN({.units = 1}), 2).shape() == Shape{1});
  const Ref<layers::SimpleRNN> without = SimpleRNN({.units = 1, .use_bias = false});
  weight(without, 0);
  CHECK(without->weights().size() == 2);
}

TEST_CASE("kernel_initializer, recurrent_initializer, bias_initializer: each for its weight") {
  CHECK(near(weight(SimpleRNN({.units = 1, .kernel_initializer = Constant({.value = 2})}), 0), {2, 2}));
  CHECK(near(weight(SimpleRNN({.units = 1, .recurrent_initializer = Constant({.value = 3})}), 1), {3}));
  CHECK(near(weight(SimpleRNN({.units = 1, .bias_initializer = Constant({.value = 4})}), 2), {4}));
  // The defaults: glorot_uniform, orthogonal, zeros.
  CHECK(std::fabs(weight(SimpleRNN({.units = 1}), 1).item<double>()) == doctest::Approx(1));
  CHECK(near(weight(SimpleRNN({.units = 1}), 2), {0}));
}

TEST_CASE("kernel_regularizer, recurrent_regularizer, bias_regularizer: each a loss of its weight") {
  CHECK(only_loss(SimpleRNN({.units = 1,
                             .kernel_initializer = Constant({.value = 2}),
                             .kernel_regularizer = L1({.l1 = 0.5})})) == doctest::Approx(1));
  CHECK(only_loss(SimpleRNN({.units = 1,
                             .recurrent_initializer = Constant({.value = 3}),
                             .recurrent_regularizer = L2({.l2 = 0.5})})) == doctest::Approx(4.5));
  CHECK(only_loss(SimpleRNN({.units = 1,
                             .bias_initializer = Constant({.value = 4}),
                             .bias_regularizer = L1({.l1 = 0.25})})) == doctest::Approx(1));
}

TEST_CASE("activity_regularizer: a loss of the output") {
  SimpleRNNOptions options = of_ones({.units = 1});
  options.activity_regularizer = L1({.l1 = 2});
  const Ref<layers::SimpleRNN> rnn = SimpleRNN(options);
  CHECK(only_loss(rnn) == doctest::Approx(2));
  CHECK(rnn->activity_regularizer() == L1({.l1 = 2}));
}

TEST_CASE("kernel_constraint, recurrent_constraint, bias_constraint: each on its weight after an update") {
  const Ref<layers::SimpleRNN> rnn = SimpleRNN({.units = 1,
                                                .kernel_constraint = "non_neg",
                                                .recurrent_constraint = UnitNorm(),
                                                .bias_constraint = MaxNorm({.max_value = 0.5})});
  weight(rnn, 0);
  const auto constrained = [&](std::size_t i, double value) {
    const Variable variable = rnn->weights()[i];
    return variable.constraint()(Tensor::full(variable.shape(), value));
  };
  CHECK(near(constrained(0, -1), {0, 0}));
  CHECK(near(constrained(1, 7), {1}));
  CHECK(near(constrained(2, 3), {0.5}));
  // As training does it.
  Model model(rnn);
  model.compile({.optimizer = SGD({.learning_rate = 100}), .loss = "mse"});
  model.fit(Tensor::ones({4, 2, 2}), Tensor::full({4, 1}, -1), {.epochs = 1, .verbose = 0});
  for (const double value : rnn->get_weights()[0].to_vector<double>()) CHECK(value >= 0);
  CHECK(std::fabs(rnn->get_weights()[1].item<double>()) == doctest::Approx(1));
  CHECK(std::fabs(rnn->get_weights()[2].item<double>()) <= 0.5 + 1e-6);
}

TEST_CASE("dropout, recurrent_dropout, seed: drawn in training alone, and the same for one seed") {
  const Tensor x = Tensor::ones({8, 4, 8});
  const auto run = [&](SimpleRNNOptions options, bool training) {
    return SimpleRNN(of_ones(std::move(options)))(x, {.training = training}).to_vector<double>();
  };
  const std::vector<double> plain = run({.units = 2}, false);
  for (const SimpleRNNOptions& options :
       {SimpleRNNOptions{.units = 2, .dropout = 0.5, .seed = 1},
        SimpleRNNOptions{.units = 2, .recurrent_dropout = 0.5, .seed = 1}}) {
    CHECK(run(options, false) == plain);
    CHECK(run(options, true) != plain);
    CHECK(run(options, true) == run(options, true));
    SimpleRNNOptions other = options;
    other.seed = 2;
    CHECK(run(other, true) != run(options, true));
  }
}

TEST_CASE("name, trainable, dtype: what every layer takes") {
  const Ref<layers::SimpleRNN> rnn =
      SimpleRNN({.units = 1, .name = "mine", .trainable = false, .dtype = float64});
  CHECK(rnn->name() == "mine");
  CHECK_FALSE(rnn->trainable());
  CHECK(rnn->dtype() == float64);
  CHECK(weight(rnn, 0).dtype() == float64);
  CHECK(rnn->trainable_weights().empty());
  CHECK(rnn->non_trainable_weights().size() == 3);
}

TEST_CASE("mask and training of a call") {
  const Ref<layers::SimpleRNN> rnn = SimpleRNN(of_ones({.units = 1}));
  const Tensor x = Tensor::of({{{1}, {2}, {3}}});
  CHECK(near(rnn(x), {6}));
  CHECK(near(rnn(x, {.mask = mask_of_bits({{1, 0, 1}})}), {4}));
  CHECK(near(rnn(x, {.training = true}), {6}));
}

TEST_CASE("the states before the first step, by batch size, by inputs, of another dtype") {
  const Ref<layers::SimpleRNNCell> cell = SimpleRNNCell({.units = 3});
  CHECK(cell->get_initial_state(2).at(0).shape() == Shape{2, 3});
  CHECK(cell->get_initial_state(2, float64).at(0).dtype() == float64);
  const States states = cell->get_initial_state(Tensor::ones({4, 5}, float64));
  CHECK(states.at(0).shape() == Shape{4, 3});
  CHECK(states.at(0).dtype() == float64);
  const Ref<layers::SimpleRNN> rnn = SimpleRNN({.units = 3});
  CHECK(rnn->get_initial_state(2).at(0).shape() == Shape{2, 3});
  CHECK(rnn->get_initial_state(Tensor::ones({4, 6, 5})).at(0).shape() == Shape{4, 3});
}
