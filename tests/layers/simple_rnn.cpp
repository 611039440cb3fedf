#include "recurrent_support.h"

using namespace unspool;
using namespace unspool::testing;

namespace {

SimpleRNNOptions constant_simple_rnn(Index units) { return constant_weights<layers::SimpleRNN>(units); }

}  // namespace

TEST_CASE("SimpleRNN gives Keras' numbers for weights and inputs that are all different") {
  for (const DType dtype : {float32, float64}) {
    const Ref<layers::SimpleRNN> rnn = SimpleRNN({.units = 2, .return_sequences = true, .dtype = dtype});
    const Tensor x = cos(counting({2, 3, 2}, dtype));
    rnn(x);
    fill_with_sines(*rnn);
    CHECK(near(rnn(x),
               {.5816273, -.0218095, -.3139442, -.1767669, .0434936, -.6169771,  //
                .5805105, -.1201645, -.2328996, -.1331387, -.0785621, -.5970118},
               1e-6));
  }
}

TEST_CASE("the numbers of Keras' own tests") {
  const Tensor a = counting({2, 3, 4});
  const Tensor b = counting({2, 4, 3});
  for (const bool unroll : {false, true}) {
    SimpleRNNOptions options = constant_simple_rnn(4);
    options.unroll = unroll;
    CHECK(near(SimpleRNN(options)(a), per_unit({.405432, .7360535}, 4)));
    options.go_backwards = true;
    CHECK(near(SimpleRNN(options)(a), per_unit({.1114473, .5528889}, 4)));
  }
  const CallArgs state = {.initial_state = {counting({2, 4})}};
  CHECK(near(SimpleRNN(constant_simple_rnn(4))(b, state), per_unit({.3362165, .6262637}, 4)));
  SimpleRNNOptions backwards = constant_simple_rnn(4);
  backwards.go_backwards = true;
  CHECK(near(SimpleRNN(backwards)(b, state), per_unit({.0734444, .4304360}, 4)));

  const Tensor mask = mask_of_bits({{1, 1, 0, 1}, {1, 0, 0, 1}});
  for (const bool unroll : {false, true}) {
    SimpleRNNOptions options = constant_simple_rnn(4);
    options.unroll = unroll;
    CHECK(near(SimpleRNN(options)(b, {.mask = mask}), per_unit({.3295163, .6179948}, 4)));
    options = constant_simple_rnn(2);
    options.unroll = unroll;
    options.return_sequences = true;
    CHECK(near(SimpleRNN(options)(b, {.mask = mask}),
               per_unit({.0599281, .1512281, .1512281, .3239457, .3969304, .3969304, .3969304, .608085}, 2)));
    options.zero_output_for_mask = true;
    CHECK(near(SimpleRNN(options)(b, {.mask = mask}),
               per_unit({.0599281, .1512281, 0, .3239457, .3969304, 0, 0, .608085}, 2)));
  }
  CHECK(near(SimpleRNN(backwards)(b, {.mask = mask}), per_unit({.0737620, .4364512}, 4)));

  SimpleRNNOptions stateful = constant_simple_rnn(4);
  stateful.stateful = true;
  const Ref<layers::SimpleRNN> rnn = SimpleRNN(stateful);
  for (int round = 0; round < 2; ++round) {
    rnn(a);
    CHECK(near(rnn(a), per_unit({.4055926, .7361247}, 4)));
    rnn->reset_state();
  }
}

TEST_CASE("gradients of SimpleRNN, first and second order, with all it can do at once") {
  const Tensor x = some({2, 3, 2});
  const Tensor mask = mask_of_bits({{0, 1, 1}, {1, 0, 1}});
  for (const bool backwards : {false, true}) {
    for (const bool zero : {false, true}) {
      const Ref<layers::SimpleRNN> rnn = SimpleRNN({.units = 2,
                                                    .kernel_initializer = GlorotUniform({.seed = 1}),
                                                    .recurrent_initializer = Orthogonal({.seed = 2}),
                                                    .return_sequences = true,
                                                    .return_state = true,
                                                    .go_backwards = backwards,
                                                    .zero_output_for_mask = zero,
                                                    .dtype = float64});
      rnn(x);
      const GradcheckResult result = gradcheck(
          [&](const std::vector<Tensor>& in) {
            return rnn(in[0], {.mask = mask, .initial_state = {in[1]}}).all();
          },
          {x, some({2, 2})}, rnn->trainable_weights());
      CHECK_MESSAGE(result, result.message);
    }
  }
}

TEST_CASE("weights, regularizers, and the activity regularizer over output and state") {
  const Ref<layers::SimpleRNN> rnn = SimpleRNN({.units = 3,
                                                .kernel_regularizer = "l1",
                                                .recurrent_regularizer = "l2",
                                                .bias_regularizer = "l1",
                                                .activity_regularizer = L1({.l1 = 1}),
                                                .return_state = true});
  const Outputs outputs = rnn(some({2, 4, 2}, float32));
  CHECK(rnn->trainable_weights().size() == 3);
  CHECK(rnn->non_trainable_weights().empty());
  REQUIRE(rnn->losses().size() == 5);
  const double activity = sum(abs(outputs[0])).item<double>() / 2;
  CHECK(near(rnn->losses()[0], {activity}));
  CHECK(near(rnn->losses()[1], {activity}));
}

TEST_CASE("dropout in training only, and one seed repeats it") {
  const Tensor x = some({4, 3, 5}, float32);
  SimpleRNNOptions options = constant_simple_rnn(3);
  options.dropout = 0.5;
  options.recurrent_dropout = 0.5;
  options.seed = 3;
  const Tensor plain = SimpleRNN(constant_simple_rnn(3))(x);
  CHECK(near(SimpleRNN(options)(x), plain.to_vector<double>()));
  const Tensor first = SimpleRNN(options)(x, {.training = true});
  CHECK_FALSE(near(first, plain.to_vector<double>(), 1e-4));
  CHECK(near(SimpleRNN(options)(x, {.training = true}), first.to_vector<double>()));
  // All of the input dropped: the bias alone is left.
  options = constant_simple_rnn(1);
  options.dropout = 1;
  CHECK(near(SimpleRNN(options)(Tensor::ones({1, 1, 5}), {.training = true}), {std::tanh(0.03)}));
}

TEST_CASE("the config of SimpleRNN is Keras', and makes it again") {
  clear_session();
  const std::string keras_keys =
      "name trainable dtype return_sequences return_state go_backwards stateful unroll zero_output_for_mask "
      "units "
      "activation use_bias kernel_initializer recurrent_initializer bias_initializer kernel_regularizer "
      "recurrent_regularizer bias_regularizer activity_regularizer kernel_constraint recurrent_constraint "
      "bias_constraint dropout recurrent_dropout seed ";
  std::string keys;
  for (const std::string& key : SimpleRNN({.units = 3})->get_config().keys()) keys += key + " ";
  CHECK(keys == keras_keys);
  const SimpleRNNOptions options = {.units = 3,
                                    .activation = "relu",
                                    .activity_regularizer = "l2",
                                    .bias_constraint = "non_neg",
                                    .dropout = 0.25,
                                    .recurrent_dropout = 0.5,
                                    .return_sequences = true,
                                    .return_state = true,
                                    .go_backwards = true,
                                    .stateful = true,
                                    .unroll = true,
                                    .seed = 9,
                                    .zero_output_for_mask = true,
                                    .time_major = true,
                                    .name = "given",
                                    .trainable = false,
                                    .dtype = float64};
  const Ref<layers::SimpleRNN> again = clone(SimpleRNN(options));
  CHECK(equal(again->options(), options));
  // The layer itself and its cell got them.
  CHECK(equal(again->RNN::options(), options_from<RNNOptions>(options)));
  const auto cell = std::dynamic_pointer_cast<layers::SimpleRNNCell>(again->cell().pointer());
  REQUIRE(cell != nullptr);
  CHECK(cell->options().recurrent_dropout == 0.5);
  CHECK(cell->options().activation.name() == "relu");
  CHECK(cell->dtype() == float64);
}

TEST_CASE("a config that Keras wrote is read") {
  const Config config = from_json(R"({"module": "keras.layers", "class_name": "SimpleRNN", "config": {
    "name": "second", "trainable": true, "dtype": {"module": "keras", "class_name": "DTypePolicy",
    "config": {"name": "float64"}, "registered_name": null}, "return_sequences": true, "return_state": false,
    "go_backwards": true, "stateful": false, "unroll": false, "zero_output_for_mask": false, "units": 3,
    "activation": "tanh", "use_bias": true, "kernel_initializer": {"module": "keras.initializers",
    "class_name": "GlorotUniform", "config": {"seed": null, "input_axes": null, "output_axes": null},
    "registered_name": null}, "recurrent_initializer": {"module": "keras.initializers", "class_name": "Orthogonal",
    "config": {"seed": null, "gain": 1.0}, "registered_name": null}, "bias_initializer":
    {"module": "keras.initializers", "class_name": "Zeros", "config": {}, "registered_name": null},
    "kernel_regularizer": {"module": "keras.regularizers", "class_name": "L1", "config": {"l1": 0.05},
    "registered_name": null}, "recurrent_regularizer": null, "bias_regularizer": null, "activity_regularizer": null,
    "kernel_constraint": null, "recurrent_constraint": null, "bias_constraint": null, "dropout": 0.0,
    "recurrent_dropout": 0.0}, "registered_name": null, "build_config": {"input_shape": [null, 5, 3]}})");
  const auto rnn = layer_from_config<layers::SimpleRNN>(config);
  CHECK(rnn->name() == "second");
  CHECK(rnn->dtype() == float64);
  CHECK(rnn->options().units == 3);
  CHECK(rnn->options().go_backwards);
  CHECK(rnn->options().kernel_regularizer == L1({.l1 = 0.05}));
}

TEST_CASE("errors of SimpleRNN") {
  CHECK(contains(message_of<ValueError>([] { SimpleRNN({.units = -1}); }), "got -1"));
  for (const Shape& shape : {Shape{2, 3}, Shape{2, 3, 4, 5}}) {
    const std::string message =
        message_of<ValueError>([&] { SimpleRNN({.units = 1, .name = "r"})(Tensor::ones(shape)); });
    CHECK(contains(message, "the layer r: expected ndim=3"));
    CHECK(contains(message, to_string(shape)));
  }
  const Ref<layers::SimpleRNN> rnn = SimpleRNN({.units = 1, .name = "r"});
  rnn(Tensor::ones({1, 2, 3}));
  CHECK(contains(message_of<ValueError>([&] { rnn(Tensor::ones({1, 2, 4})); }), "r/simple_rnn_cell: "));
}

TEST_CASE("the steps by hand, as in TF 1") {
  const Ref<layers::SimpleRNN> rnn =
      SimpleRNN({.units = 3, .dropout = 0.5, .recurrent_dropout = 0.25, .seed = 5, .dtype = float64});
  const Tensor x = some({2, 4, 5});
  rnn(x);
  const auto by_hand = [&](bool training) {
    const Tensor sequence = rnn->preprocess_input(x, training);
    CHECK(sequence.id() == x.id());
    const std::vector<Tensor> constants = rnn->get_constants(x, training);
    std::vector<Tensor> states = rnn->get_initial_state(x);
    for (const Tensor& step : unstack(sequence, 1)) {
      states.insert(states.end(), constants.begin(), constants.end());
      states = rnn->step(step, states).states;
    }
    return states.at(0);
  };
  const std::vector<Tensor> inactive = rnn->get_constants(x);
  REQUIRE(inactive.size() == 2);
  CHECK(inactive[0].shape() == Shape{});
  CHECK(near(inactive[1], {1}));
  CHECK(near(by_hand(false), rnn(x).to_vector<double>(), 1e-15));

  SeedGenerator& seeds = *rnn->seed_generators().at(0);
  const std::uint64_t drawn = seeds.counter();
  const Tensor trained = rnn(x, {.training = true});
  seeds.set_counter(drawn);
  CHECK(near(by_hand(true), trained.to_vector<double>(), 1e-15));
  seeds.set_counter(drawn);
  CHECK(rnn->get_constants(x, true)[0].shape() == Shape{2, 5});
  CHECK(rnn->get_constants(x, true)[1].shape() == Shape{2, 3});
  // Without constants nothing is left out.
  CHECK(near(rnn->step(x[0], rnn->get_initial_state(4)).output,
             rnn->cell()(x[0], rnn->get_initial_state(4)).output.to_vector<double>(), 0));
  CHECK(contains(message_of<ValueError>([&] { rnn->step(x[0], {}); }), "got 0 tensors"));
}

TEST_CASE("second and third derivatives of two steps agree with closed forms") {
  const auto rnn = SimpleRNN({.units = 1, .dtype = float64});
  rnn->build_once({1, 2, 1});
  const double w = 0.7, u = -1.3, b = 0.2, x1 = 0.9, x2 = -0.4;
  rnn->set_weights({Tensor::of<double>({{w}}), Tensor::of<double>({{u}}), Tensor::of<double>({b})});
  const Tensor x = Tensor::of<double>({{{x1}, {x2}}});
  const Variable kernel = rnn->trainable_weights()[0];
  const Variable recurrent = rnn->trainable_weights()[1];

  const double h = std::tanh(w * x1 + b);
  const double y = std::tanh(w * x2 + u * h + b);
  // The derivatives of tanh, from its value.
  const auto first = [](double t) { return 1 - t * t; };
  const auto second = [&](double t) { return -2 * t * first(t); };
  const auto third = [&](double t) { return (6 * t * t - 2) * first(t); };
  // Those of the last step's argument, by the kernel and by the recurrent kernel.
  const double z1 = x2 + u * x1 * first(h);
  const double z2 = u * x1 * x1 * second(h);
  const double z3 = u * x1 * x1 * x1 * third(h);
  const double by_kernel[] = {first(y) * z1, second(y) * z1 * z1 + first(y) * z2,
                              third(y) * z1 * z1 * z1 + 3 * second(y) * z1 * z2 + first(y) * z3};
  const double by_recurrent[] = {first(y) * h, second(y) * h * h, third(y) * h * h * h};

  for (const auto& [variable, expected] :
       {std::pair(kernel, by_kernel), std::pair(recurrent, by_recurrent)}) {
    GradientTape outer;
    GradientTape middle;
    GradientTape inner;
    const Tensor output = rnn(x);
    CHECK(std::abs(output.item<double>() - y) < 1e-15);
    const Tensor d1 = inner.gradient(output, variable);
    const Tensor d2 = middle.gradient(d1, variable);
    const Tensor d3 = outer.gradient(d2, variable);
    CHECK(std::abs(d1.item<double>() - expected[0]) < 1e-10);
    CHECK(std::abs(d2.item<double>() - expected[1]) < 1e-10);
    CHECK(std::abs(d3.item<double>() - expected[2]) < 1e-10);
  }
}
