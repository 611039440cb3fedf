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

/// Makes one variable, by the newer name or by the older one.
class WeightOwner : public Layer {
 public:
  WeightOwner(bool old_name, WeightOptions options, LayerOptions layer = {})
      : Layer(std::move(layer)), old_name_(old_name), options_(std::move(options)) {}
  void build(const Shape&) override { made = old_name_ ? add_variable(options_) : add_weight(options_); }
  Tensor call(const Tensor& x, const CallArgs&) override { return x; }
  Variable made;

 private:
  bool old_name_;
  WeightOptions options_;
};

/// Shows what its call() is given.
class Shown : public Layer {
 public:
  using Layer::Layer;
  Tensor call(const Tensor& x, const CallArgs& args) override {
    input = x;
    given = args;
    return x;
  }
  Tensor input;
  CallArgs given;
};

/// Adds what it is told to.
class Adds : public Layer {
 public:
  void build(const Shape&) override {
    total = add_weight({.name = "total", .initializer = "zeros", .trainable = false});
  }
  Tensor call(const Tensor& x, const CallArgs&) override {
    add_loss(sum(x) * 2, x);
    add_loss(total.value() + 7);
    add_update(total, total.value() + 1, x);
    add_update(total, total.value() + 10);
    return x;
  }
  Variable total;
};

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

TEST_CASE("add_weight, add_variable: each argument shows in what is made") {
  for (const bool old_name : {false, true}) {
    const auto made = [&](WeightOptions options, LayerOptions layer = {}) {
      const Ref<WeightOwner> owner = make<WeightOwner>(old_name, std::move(options), std::move(layer));
      owner->build_once(Shape{1, 1});
      return owner;
    };
    CHECK(made({.name = "mine"})->made.name() == "mine");
    CHECK(made({.shape = {2, 3}})->made.shape() == Shape{2, 3});
    CHECK(made({.dtype = int32})->made.dtype() == int32);
    CHECK(made({}, {.dtype = float64})->made.dtype() == float64);
    CHECK(near(made({.shape = {2}, .initializer = Constant({.value = 5})})->made.value(), {5, 5}));
    CHECK_FALSE(near(made({.shape = {2}})->made.value(), {0, 0}));  // Glorot's, unless said.
    const Ref<WeightOwner> frozen = made({.trainable = false});
    CHECK(frozen->trainable_variables().empty());
    CHECK(frozen->non_trainable_variables().size() == 1);
    CHECK(made({})->trainable_variables().size() == 1);
    const Ref<WeightOwner> regular = made({.initializer = "ones", .regularizer = L2({.l2 = 3})});
    REQUIRE(regular->losses().size() == 1);
    CHECK(near(regular->losses()[0], {3}));
    CHECK(near(made({.constraint = "non_neg"})->made.constraint()(Tensor::of<float>({-1})), {0}));
  }
}

TEST_CASE("add_loss, add_update: a loss or an update, and the inputs that it depends on") {
  const Ref<Adds> layer = make<Adds>();
  const Tensor x = Tensor::of<float>({{1, 2}});
  layer(x);
  REQUIRE(layer->losses().size() == 2);
  REQUIRE(layer->get_losses_for(x).size() == 1);
  CHECK(near(layer->get_losses_for(x)[0], {6}));
  REQUIRE(layer->get_losses_for(std::nullopt).size() == 1);
  CHECK(near(layer->get_losses_for(std::nullopt)[0], {7}));
  CHECK(near(layer->total.value(), {11}));  // Done at once.
  const Tensor symbol = Input({.shape = {2}});
  const Tensor y = layer(symbol);
  REQUIRE(layer->get_updates_for(symbol).size() == 1);
  CHECK(layer->get_updates_for(symbol)[0].variable == layer->total);
  CHECK(layer->get_updates_for(std::nullopt).size() == 1);
  CHECK(layer->updates().size() == 2);
  CHECK(near(layer->total.value(), {11}));  // When the graph is run.
}

TEST_CASE("__call__, apply: inputs, initial_state and the other arguments of a call") {
  SimpleRNNOptions options = of_ones({.units = 1});
  options.dropout = 1;
  const Ref<layers::SimpleRNN> rnn = SimpleRNN(options);
  const Tensor x = Tensor::of({{{1}, {2}, {3}}});
  const CallArgs args = {.mask = mask_of_bits({{1, 0, 1}}), .initial_state = {Tensor::of({{10}})}};
  CallArgs training = args;
  training.training = true;
  CHECK(near(rnn(x), {6}));
  CHECK(near(rnn->apply(x), {6}));
  CHECK(near(rnn(x, args), {14}));
  CHECK(near(rnn->apply(x, args), {14}));
  CHECK(near(rnn(x, training), {10}));
  CHECK(near(rnn->apply(x, training), {10}));
  // By its place, as *args.
  CHECK(near(rnn->apply({x, Tensor::of({{10}})}), {16}));
}

TEST_CASE("build: of the shape of an input") {
  const Ref<layers::SimpleRNN> rnn = SimpleRNN({.units = 3});
  rnn->build_once(Shape{unknown, 10, 8});
  CHECK(rnn->built());
  CHECK(rnn->weights()[0].shape() == Shape{8, 3});
}

TEST_CASE("call: inputs, mask, training and initial_state reach a layer of one's own") {
  const Ref<Shown> layer = make<Shown>();
  const Tensor x = Tensor::ones({1, 2, 3});
  const Tensor mask = mask_of_bits({{1, 0}});
  const Tensor h = Tensor::ones({1, 3});
  layer(x, {.training = true, .mask = mask, .initial_state = {h}});
  CHECK(layer->input.id() == x.id());
  CHECK(layer->given.mask.id() == mask.id());
  CHECK(layer->given.training);
  REQUIRE(layer->given.initial_state.size() == 1);
  CHECK(layer->given.initial_state[0].id() == h.id());
}

TEST_CASE("compute_mask: of the inputs and of their mask") {
  const Tensor x = Tensor::of({{{1, 2}, {0, 0}}});
  const Tensor mask = mask_of_bits({{0, 1}});
  CHECK(SimpleRNN({.units = 1, .return_sequences = true})->compute_mask({x}, mask).id() == mask.id());
  CHECK_FALSE(SimpleRNN({.units = 1})->compute_mask({x}, mask));
  CHECK(Masking()->compute_mask({x}, {}).to_vector<int>() == std::vector<int>{1, 0});
}

TEST_CASE("from_config: the class asked for, from its config") {
  const Config config = serialize_layer(*SimpleRNN({.units = 3, .go_backwards = true}));
  const Ref<layers::SimpleRNN> rnn = layer_from_config<layers::SimpleRNN>(config);
  CHECK(rnn->options().units == 3);
  CHECK(rnn->options().go_backwards);
  CHECK(contains(message_of<TypeError>([&] { layer_from_config<layers::LSTM>(config); }),
                 "expected a LSTM, got the class SimpleRNN"));
}

TEST_CASE("state_size, output_size: of a cell, of any number of axes") {
  const Ref<layers::SimpleRNNCell> cell = SimpleRNNCell({.units = 3});
  CHECK(cell->state_sizes() == std::vector<Shape>{{3}});
  CHECK(cell->output_size() == Shape{3});
  CHECK(LSTMCell({.units = 2})->state_sizes() == std::vector<Shape>{{2}, {2}});
}

TEST_CASE("get_constants, preprocess_input, step: inputs, states and training") {
  const Ref<layers::SimpleRNN> rnn = SimpleRNN(of_ones({.units = 1, .dropout = 1, .seed = 1}));
  const Tensor x = Tensor::of({{{1}, {2}}});
  rnn->build_once(x.shape());
  CHECK(rnn->preprocess_input(x).id() == x.id());
  CHECK(rnn->preprocess_input(x, true).id() == x.id());
  CHECK(near(rnn->get_constants(x)[0], {1}));
  CHECK(near(rnn->get_constants(x, false)[0], {1}));
  CHECK(near(rnn->get_constants(x, true)[0], {0}));
  const Tensor h = Tensor::of({{10}});
  CHECK(near(rnn->step(Tensor::of({{1}}), {h}).output, {11}));
  std::vector<Tensor> states = {h};
  for (const Tensor& constant : rnn->get_constants(x, true)) states.push_back(constant);
  CHECK(near(rnn->step(Tensor::of({{1}}), states).output, {10}));
}

TEST_CASE("a node by its index: get_input_at and its relatives") {
  const Ref<layers::SimpleRNN> rnn = SimpleRNN({.units = 2, .return_sequences = true});
  const Tensor a = Input({.shape = {5, 3}});
  const Tensor mask = Input({.shape = {4}, .dtype = boolean});
  const Tensor b = with_mask(Input({.shape = {4, 3}}), mask);
  const Tensor ya = rnn(a);
  const Tensor yb = rnn(b);
  CHECK(rnn->get_input_at(0).id() == a.id());
  CHECK(rnn->get_input_at(1).id() == b.id());
  CHECK(rnn->get_output_at(0).id() == ya.id());
  CHECK(rnn->get_output_at(1).id() == yb.id());
  CHECK(rnn->get_input_shape_at(1) == Shape{unknown, 4, 3});
  CHECK(rnn->get_output_shape_at(1) == Shape{unknown, 4, 2});
  CHECK_FALSE(rnn->get_input_mask_at(0));
  CHECK(rnn->get_input_mask_at(1).id() == mask.id());
  CHECK_FALSE(rnn->get_output_mask_at(0));
  CHECK(rnn->get_output_mask_at(1).id() == mask_of(yb).id());
}

TEST_CASE("reset_states: to zeros, or to the states given") {
  const Ref<layers::SimpleRNN> rnn = SimpleRNN(of_ones({.units = 1, .stateful = true}));
  const Tensor x = Tensor::of({{{1}}});
  CHECK(near(rnn(x), {1}));
  CHECK(near(rnn(x), {2}));
  rnn->reset_states({Tensor::of({{10}})});
  CHECK(near(rnn(x), {11}));
  rnn->reset_states();
  CHECK(near(rnn(x), {1}));
}
