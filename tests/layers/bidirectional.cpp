#include "recurrent_support.h"

using namespace unspool;
using namespace unspool::testing;

namespace {

/// h' = x + h.
SimpleRNNOptions sums() {
  return {.units = 1, .activation = "linear", .kernel_initializer = "ones", .recurrent_initializer = "ones"};
}

const std::optional<std::string> none = std::nullopt;

}  // namespace

TEST_CASE("every way to merge, sequences and last outputs, with and without a mask: Keras' numbers") {
  const Tensor x = reshape(Tensor::of<float>({1, 2, 3, 4}), {1, 4, 1});
  const CallArgs masked = {.mask = mask_of_bits({{0, 1, 1, 0}})};
  SimpleRNNOptions sequences = sums();
  sequences.return_sequences = true;
  const auto merged = [&](const std::string& mode, const CallArgs& args = {}) {
    return Bidirectional(SimpleRNN(sequences), {.merge_mode = mode})(x, args);
  };
  CHECK(near(merged("concat"), {1, 10, 3, 9, 6, 7, 10, 4}));
  CHECK(near(merged("sum"), {11, 12, 13, 14}));
  CHECK(near(merged("ave"), {5.5, 6, 6.5, 7}));
  CHECK(near(merged("mul"), {10, 27, 42, 40}));
  CHECK(near(merged("concat", masked), {0, 0, 2, 5, 5, 3, 0, 0}));
  const auto [forward, backward] = unpack<2>(Bidirectional(SimpleRNN(sequences), {.merge_mode = none})(x));
  CHECK(near(forward, {1, 3, 6, 10}));
  CHECK(near(backward, {10, 9, 7, 4}));

  CHECK(near(Bidirectional(SimpleRNN(sums()))(x), {10, 10}));
  CHECK(near(Bidirectional(SimpleRNN(sums()))(x, masked), {5, 5}));
  SimpleRNNOptions states = sequences;
  states.return_state = true;
  const auto all = Bidirectional(SimpleRNN(states), {.merge_mode = none})(x, masked).all();
  REQUIRE(all.size() == 4);
  CHECK(near(all[0], {0, 2, 5, 0}));
  CHECK(near(all[1], {0, 5, 3, 0}));
  CHECK(near(all[2], {5}));
  CHECK(near(all[3], {5}));
  const auto [merged_output, first, second] = unpack<3>(Bidirectional(SimpleRNN(states))(
      x, {.initial_state = {Tensor::full({1, 1}, 100), Tensor::full({1, 1}, 200)}}));
  CHECK(near(merged_output, {101, 210, 103, 209, 106, 207, 110, 204}));
  CHECK(near(first, {110}));
  CHECK(near(second, {210}));
}

TEST_CASE("time-major sequences are turned back on their first axis") {
  SimpleRNNOptions options = sums();
  options.return_sequences = true;
  options.time_major = true;
  const Tensor x = reshape(Tensor::of<float>({1, 2, 3, 4}), {4, 1, 1});
  CHECK(near(Bidirectional(SimpleRNN(options), {.merge_mode = "sum"})(x), {11, 12, 13, 14}));
}

TEST_CASE("the numbers of Keras' own tests of Bidirectional") {
  const Tensor a = counting({2, 3, 4});
  const Tensor b = counting({2, 4, 3});
  const auto simple = constant_weights<layers::SimpleRNN>(2);
  CHECK(near(Bidirectional(SimpleRNN(simple))(a),
             {.3968728, .3968728, .1000430, .1000430, .7237238, .7237238, .5339159, .5339159}));
  CHECK(near(Bidirectional(SimpleRNN(simple), {.merge_mode = "ave"})(a), per_unit({.2484579, .6288199}, 2)));
  SimpleRNNOptions other = simple;
  other.kernel_initializer = Constant({.value = 0.03});
  other.bias_initializer = Constant({.value = 0.01});
  other.go_backwards = true;
  CHECK(near(Bidirectional(SimpleRNN(simple), {.merge_mode = "mul", .backward_layer = SimpleRNN(other)})(a),
             per_unit({.0837499, .6740834}, 2)));

  GRUOptions gru = constant_weights<layers::GRU>(2);
  gru.return_sequences = true;
  CHECK(near(Bidirectional(GRU(gru), {.merge_mode = "sum"})(a),
             per_unit({.2093787, .3446299, .4029053, .5982965, .6734641, .6479671}, 2)));
  gru.return_sequences = false;
  CHECK(near(Bidirectional(GRU(gru))(b, {.mask = mask_of_bits({{1, 1, 0, 1}, {1, 0, 0, 1}})}),
             {.1939376, .1939376, .1166919, .1166919, .3081856, .3081856, .2838098, .2838098}));

  LSTMOptions lstm = constant_weights<layers::LSTM>(2);
  const Tensor c = counting({2, 2});
  CHECK(near(Bidirectional(LSTM(lstm))(b, {.initial_state = {c, 2 * c, 3 * c, 4 * c}}),
             {.2079460, .4577124, .1404638, .4819167, .6682636, .6711909, .6094365, .6095045}));
  lstm.return_state = true;
  const auto all = Bidirectional(LSTM(lstm))(b).all();
  REQUIRE(all.size() == 5);
  CHECK(near(all[0], {.1990008, .1990008, .1265976, .1265976, .5233544, .5233544, .4471798, .4471798}));
  lstm.return_state = false;
  lstm.stateful = true;
  const Ref<layers::Bidirectional> stateful = Bidirectional(LSTM(lstm));
  for (int round = 0; round < 2; ++round) {
    stateful(b);
    CHECK(
        near(stateful(b), {.2623466, .2623466, .1695915, .1695915, .6137073, .6137073, .5381646, .5381646}));
    CHECK(stateful->states().size() == 4);
    stateful->reset_state();
  }
}

TEST_CASE("two different layers, and a backward layer that is the forward one in time") {
  LSTMOptions lstm = constant_weights<layers::LSTM>(3);
  GRUOptions gru = constant_weights<layers::GRU>(5);
  lstm.return_state = gru.return_state = true;
  gru.go_backwards = true;
  const Tensor x = some({2, 4, 3}, float32);
  const Ref<layers::Bidirectional> both = Bidirectional(LSTM(lstm), {.backward_layer = GRU(gru)});
  const States states = {some({2, 3}, float32, 2), some({2, 3}, float32, 3), some({2, 5}, float32, 4)};
  const auto all = both(x, {.initial_state = states}).all();
  REQUIRE(all.size() == 4);
  CHECK(both->compute_output_shapes({{unknown, unknown, 3}}) ==
        std::vector<Shape>{{unknown, 8}, {unknown, 3}, {unknown, 3}, {unknown, 5}});
  const Outputs forward = LSTM(lstm)(x, {.initial_state = {states[0], states[1]}});
  const Outputs backward = GRU(gru)(x, {.initial_state = {states[2]}});
  CHECK(all[0].to_vector<float>() == concat({forward[0], backward[0]}).to_vector<float>());
  CHECK(all[3].to_vector<float>() == backward.all()[1].to_vector<float>());
  // The states may also follow the sequence.
  CHECK(both({x, states[0], states[1], states[2]})[0].to_vector<float>() == all[0].to_vector<float>());

  // The layer runs backwards, and its outputs stay in that order; those of the other are turned round.
  SimpleRNNOptions last_first = sums();
  last_first.return_sequences = last_first.go_backwards = true;
  SimpleRNNOptions first_last = sums();
  first_last.return_sequences = true;
  const Tensor steps = reshape(Tensor::of<float>({1, 2, 3, 4}), {1, 4, 1});
  CHECK(near(Bidirectional(SimpleRNN(last_first), {.backward_layer = SimpleRNN(first_last)})(steps),
             {4, 10, 7, 6, 9, 3, 10, 1}));
}

TEST_CASE("the mask goes on with every sequence that is returned") {
  const Tensor mask = mask_of_bits({{1, 1, 0}});
  const Tensor x = with_mask(Tensor::ones({1, 3, 2}), mask);
  const auto masks = [&](bool sequences, std::optional<std::string> mode) {
    std::string found;
    const Ref<layers::Bidirectional> layer = Bidirectional(
        GRU({.units = 2, .return_sequences = sequences, .return_state = true}), {.merge_mode = mode});
    const Outputs outputs = layer(x);
    for (const Tensor& output : outputs.all()) found += mask_of(output) ? "m" : "-";
    return found;
  };
  CHECK(masks(true, "concat") == "m--");
  CHECK(masks(true, none) == "mm--");
  CHECK(masks(false, "sum") == "---");
  CHECK(masks(false, none) == "----");
}

TEST_CASE("shapes of Bidirectional with unknown batch and time") {
  const std::vector<Shape> input = {{unknown, unknown, 5}};
  const auto shapes = [&](std::optional<std::string> mode) {
    return Bidirectional(LSTM({.units = 4, .return_sequences = true}), {.merge_mode = mode})
        ->compute_output_shapes(input);
  };
  CHECK(shapes("concat") == std::vector<Shape>{{unknown, unknown, 8}});
  CHECK(shapes("mul") == std::vector<Shape>{{unknown, unknown, 4}});
  CHECK(shapes(none) == std::vector<Shape>{{unknown, unknown, 4}, {unknown, unknown, 4}});
  // In a graph of layers, with masks of both outputs.
  const Tensor symbolic = Input({.shape = {unknown, 5}});
  const Ref<layers::Bidirectional> layer =
      Bidirectional(LSTM({.units = 4, .return_sequences = true}), {.merge_mode = none});
  const std::vector<Tensor> outputs = layer(symbolic).all();
  REQUIRE(outputs.size() == 2);
  CHECK(outputs[1].shape() == Shape{unknown, unknown, 4});
}

TEST_CASE("names, weights and copies: the layer given keeps none of it") {
  clear_session();
  const Ref<layers::LSTM> lstm = LSTM({.units = 2});
  const Tensor x = Tensor::ones({1, 2, 3});
  lstm(x);
  const Ref<layers::Bidirectional> both = Bidirectional(lstm);
  both(x);
  CHECK(paths_of(both->weights()) ==
        std::vector<std::string>{"bidirectional/forward_lstm/lstm_cell/kernel",
                                 "bidirectional/forward_lstm/lstm_cell/recurrent_kernel",
                                 "bidirectional/forward_lstm/lstm_cell/bias",
                                 "bidirectional/backward_lstm/lstm_cell/kernel",
                                 "bidirectional/backward_lstm/lstm_cell/recurrent_kernel",
                                 "bidirectional/backward_lstm/lstm_cell/bias"});
  CHECK(lstm->weights()[0].value().to_vector<float>() != both->weights()[0].value().to_vector<float>());
  CHECK(Bidirectional(GRU({.units = 1, .name = "forward_g"}))->forward_layer()->name() == "forward_g");
  CHECK(Bidirectional(GRU({.units = 1, .name = "backward_g"}))->backward_layer()->name() == "backward_g");

  const Ref<layers::Bidirectional> given =
      Bidirectional(LSTM({.units = 2}), {.weights = both->get_weights()});
  CHECK(given(x).to_vector<float>() == both(x).to_vector<float>());
  CHECK(Bidirectional(LSTM({.units = 2}), {.trainable = false})->trainable_weights().empty());
}

TEST_CASE("masked outputs are zeros where sequences are returned, in both layers and their configs") {
  const Ref<layers::GRU> backward = GRU({.units = 1, .return_sequences = true, .go_backwards = true});
  const Ref<layers::Bidirectional> both =
      Bidirectional(GRU({.units = 1, .return_sequences = true}), {.backward_layer = backward});
  CHECK(both->forward_layer()->options().zero_output_for_mask);
  CHECK(both->backward_layer().pointer() == Ref<layers::RNN>(backward).pointer());
  CHECK(backward->get_config()["zero_output_for_mask"] == Config(true));
  CHECK_FALSE(Bidirectional(GRU({.units = 1, .zero_output_for_mask = true}))
                  ->forward_layer()
                  ->options()
                  .zero_output_for_mask);
}

TEST_CASE("losses of both layers and of the wrapper") {
  const Ref<layers::Bidirectional> both =
      Bidirectional(GRU({.units = 2, .kernel_regularizer = "l2", .activity_regularizer = "l1"}),
                    {.activity_regularizer = "l2"});
  const Tensor y = both(some({2, 3, 4}, float32));
  CHECK(both->losses().size() == 5);
}

TEST_CASE("Bidirectional is made again from its config, which has Keras' keys") {
  GRUOptions gru = {.units = 5, .return_sequences = true, .go_backwards = true, .name = "g"};
  const Ref<layers::Bidirectional> both =
      Bidirectional(LSTM({.units = 3, .return_sequences = true}),
                    {.merge_mode = none, .backward_layer = GRU(gru), .name = "b"});
  CHECK(both->get_config().keys() ==
        std::vector<std::string>{"name", "trainable", "dtype", "merge_mode", "layer", "backward_layer"});
  const Ref<layers::Bidirectional> again = clone(both);
  CHECK(again->get_config() == both->get_config());
  CHECK_FALSE(again->merge_mode().has_value());
  CHECK(again->backward_layer()->name() == "g");
  const Ref<layers::Bidirectional> doubles =
      clone(Bidirectional(SimpleRNN({.units = 1, .dtype = float64}), {.activity_regularizer = "l2"}));
  CHECK(doubles->dtype() == float64);
  CHECK(doubles->activity_regularizer());
  // Without a backward layer there is one all the same.
  Config serialized = serialize_layer(*Bidirectional(SimpleRNN({.units = 1, .name = "s"})));
  Config arguments = serialized["config"];
  arguments.erase("backward_layer").erase("merge_mode");
  const auto short_one = layer_from_config<layers::Bidirectional>(serialized.set("config", arguments));
  CHECK(short_one->merge_mode() == "concat");
  CHECK(short_one->backward_layer()->options().go_backwards);
}

TEST_CASE("gradients of Bidirectional, first and second order") {
  const Ref<layers::Bidirectional> both =
      Bidirectional(GRU({.units = 2, .return_sequences = true, .return_state = true, .dtype = float64}),
                    {.merge_mode = "mul"});
  const Tensor x = some({2, 3, 2});
  both(x);
  const GradcheckResult result = gradcheck(
      [&](const std::vector<Tensor>& in) {
        return both(in[0], {.mask = mask_of_bits({{0, 1, 1}, {1, 0, 1}}), .initial_state = {in[1], in[2]}})
            .all();
      },
      {x, some({2, 2}), some({2, 2}, float64, 5)}, both->trainable_weights());
  CHECK_MESSAGE(result, result.message);
}

TEST_CASE("errors of Bidirectional") {
  const auto message = [](const Ref<layers::RNN>& layer, BidirectionalOptions options) {
    return message_of<ValueError>([&] { Bidirectional(layer, std::move(options)); });
  };
  const Ref<layers::LSTM> lstm = LSTM({.units = 2, .name = "l"});
  CHECK(contains(message({}, {}), "got an empty Ref"));
  CHECK(contains(message(lstm, {.merge_mode = "product"}), "got \"product\""));
  const std::string same = message(lstm, {.backward_layer = GRU({.units = 2, .name = "g"})});
  CHECK(
      contains(same, "expected layers of two directions, got go_backwards = false for both forward_l and g"));
  CHECK(contains(message(LSTM({.units = 2, .go_backwards = true}), {}), "got go_backwards = true for both"));
  CHECK(contains(
      message(lstm, {.backward_layer = GRU({.units = 2, .return_sequences = true, .go_backwards = true})}),
      "expected one value of return_sequences for the layers"));
  CHECK(contains(
      message(lstm, {.backward_layer = GRU({.units = 2, .return_state = true, .go_backwards = true})}),
      "return_state"));
  CHECK(contains(message(lstm, {.backward_layer = GRU({.units = 2, .go_backwards = true, .stateful = true})}),
                 "stateful"));
  CHECK(
      contains(message(lstm, {.backward_layer = GRU({.units = 2, .go_backwards = true, .time_major = true})}),
               "time_major"));

  const Tensor x = Tensor::ones({1, 2, 3});
  const Ref<layers::Bidirectional> both = Bidirectional(lstm, {.name = "b"});
  const Tensor h = Tensor::ones({1, 2});
  CHECK(contains(message_of<ValueError>([&] {
                   both(x, {.initial_state = {h, h, h}});
                 }),
                 "the layer b expected initial states for 2 forwards and 2 backwards, got 3"));
  CHECK(contains(message_of<ValueError>([&] { both({x, h}); }), "expected 4 initial states, got 1"));
  CHECK(contains(message_of<ValueError>([&] {
                   both(x, {.initial_state = {h, h, h, x}});
                 }),
                 "b/backward_l: "));
  CHECK(contains(message_of<ValueError>([&] { both(Tensor::ones({2, 3})); }), "expected ndim=3"));
  CHECK(contains(message_of<AttributeError>([&] { both->reset_states(); }),
                 "expected a stateful layer, got b"));
  const Ref<layers::Bidirectional> weights = Bidirectional(lstm, {.weights = {h, h}, .name = "w"});
  CHECK(contains(message_of<ValueError>([&] { weights(x); }),
                 "expected weights for 3 forwards and 3 backwards, got 2 weights"));
  Config serialized = serialize_layer(*both);
  Config arguments = serialized["config"];
  arguments.set("layer", serialize_layer(*Dense({.units = 1})));
  CHECK(contains(message_of<TypeError>([&] { deserialize_layer(serialized.set("config", arguments)); }),
                 "Dense"));
}
