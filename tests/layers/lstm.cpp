#include "recurrent_support.h"

using namespace unspool;
using namespace unspool::testing;

namespace {

LSTMOptions constant_lstm(Index units) { return constant_weights<layers::LSTM>(units); }

}  // namespace

TEST_CASE("LSTM gives Keras' numbers for weights and inputs that are all different") {
  for (const DType dtype : {float32, float64}) {
    for (const int implementation : {1, 2}) {
      const Outputs outputs = of_sines<layers::LSTM>({.units = 2,
                                                      .return_sequences = true,
                                                      .return_state = true,
                                                      .implementation = implementation,
                                                      .dtype = dtype});
      CHECK(near(outputs[0], {-.3011510, .1172316, -.2496908, -.0777474, -.1302036, .0752862,  //
                              -.2879444, .1526126, -.2826699, -.0803205, -.1372544, .0482392}));
      CHECK(near(outputs.all().at(1), {-.1302036, .0752862, -.1372544, .0482392}));
      CHECK(near(outputs.all().at(2), {-.2139141, .1444033, -.2390556, .0938212}));
    }
    CHECK(near(of_sines<layers::LSTM>({.units = 2, .use_bias = false, .dtype = dtype}),
               {.0424872, .0046660, .0288886, -.0126031}));
  }
}

TEST_CASE("the numbers of Keras' own tests of LSTM") {
  const Tensor c = counting({3, 6, 4});
  const auto result = [&](auto change, const Tensor& x, const CallArgs& args = {}) {
    LSTMOptions options = constant_lstm(3);
    change(options);
    const Outputs outputs = LSTM(options)(x, args);
    options.unroll = true;
    CHECK(near(LSTM(options)(x, args), outputs.to_vector<double>()));
    return outputs;
  };
  CHECK(near(result([](auto&) {}, c), per_unit({.6288687, .8689916, .9460773}, 3)));
  CHECK(near(result([](auto& o) { o.go_backwards = true; }, c), per_unit({.3562217, .7478952, .8872726}, 3)));
  CHECK(near(result([](auto& o) { o.unit_forget_bias = false; }, c),
             per_unit({.5701971, .8661914, .9459622}, 3)));
  CHECK(near(result([](auto& o) { o.use_bias = false; }, c), per_unit({.5498692, .8622679, .9443936}, 3)));

  const Tensor b = counting({2, 4, 3});
  const auto two = [](auto& o) { o = constant_lstm(2); };
  const auto two_backwards = [](auto& o) {
    o = constant_lstm(2);
    o.go_backwards = true;
  };
  const CallArgs states = {.initial_state = {counting({2, 2}), counting({2, 2})}};
  CHECK(near(result(two, b, states), {.2057444, .3558822, .6493083, .66276}));
  CHECK(near(result(two_backwards, b, states), {.1328162, .2790356, .5839337, .5992567}));

  const CallArgs masked = {.mask = mask_of_bits({{1, 1, 1, 0}, {1, 1, 0, 0}})};
  CHECK(near(result(two, b, masked), per_unit({.1175594, .2855621}, 2)));
  const auto sequences = [](bool zero) {
    return [zero](auto& o) {
      o = constant_lstm(2);
      o.return_sequences = true;
      o.zero_output_for_mask = zero;
    };
  };
  CHECK(near(result(sequences(false), b, masked),
             per_unit({.0158891, .0555205, .1175594, .1175594, .1418560, .2855621, .2855621, .2855621}, 2)));
  CHECK(near(result(sequences(true), b, masked),
             per_unit({.0158891, .0555205, .1175594, 0, .1418560, .2855621, 0, 0}, 2)));
  CHECK(near(result(two_backwards, b, {.mask = mask_of_bits({{0, 1, 1, 1}, {0, 0, 1, 1}})}),
             per_unit({.1534120, .3844719}, 2)));

  LSTMOptions stateful = constant_lstm(4);
  stateful.stateful = true;
  const Ref<layers::LSTM> lstm = LSTM(stateful);
  for (int round = 0; round < 2; ++round) {
    lstm(counting({2, 3, 4}));
    CHECK(near(lstm(counting({2, 3, 4})), per_unit({.3124785, .6863672}, 4)));
    lstm->reset_states();
  }
}

TEST_CASE("weights and config of LSTM are Keras'") {
  clear_session();
  const Ref<layers::LSTM> lstm = LSTM({.units = 3});
  lstm(Tensor::ones({1, 2, 5}));
  CHECK(paths_of(lstm->weights()) == std::vector<std::string>{"lstm/lstm_cell/kernel",
                                                              "lstm/lstm_cell/recurrent_kernel",
                                                              "lstm/lstm_cell/bias"});
  CHECK(lstm->weights()[0].shape() == Shape{5, 12});
  CHECK(lstm->weights()[1].shape() == Shape{3, 12});
  CHECK(near(lstm->weights()[2].value(), {0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0}));
  std::string keys;
  for (const std::string& key : lstm->get_config().keys()) keys += key + " ";
  CHECK(
      keys ==
      "name trainable dtype return_sequences return_state go_backwards stateful unroll zero_output_for_mask "
      "units activation recurrent_activation use_bias kernel_initializer recurrent_initializer "
      "bias_initializer unit_forget_bias kernel_regularizer recurrent_regularizer bias_regularizer "
      "activity_regularizer kernel_constraint recurrent_constraint bias_constraint dropout "
      "recurrent_dropout seed ");
  const LSTMOptions options = {.units = 3,
                               .activation = "relu",
                               .recurrent_activation = "hard_sigmoid",
                               .use_bias = false,
                               .unit_forget_bias = false,
                               .activity_regularizer = "l2",
                               .bias_constraint = "non_neg",
                               .dropout = 0.25,
                               .seed = 9,
                               .return_state = true,
                               .go_backwards = true,
                               .implementation = 1,
                               .zero_output_for_mask = true,
                               .time_major = true,
                               .name = "given",
                               .dtype = float64};
  const Ref<layers::LSTM> again = clone(LSTM(options));
  CHECK(equal(again->options(), options));
  CHECK(equal(again->RNN::options(), options_from<RNNOptions>(options)));
  const auto cell = std::dynamic_pointer_cast<layers::LSTMCell>(again->cell().pointer());
  REQUIRE(cell != nullptr);
  CHECK(cell->name() == "lstm_cell");
  CHECK(cell->options().recurrent_activation.name() == "hard_sigmoid");
  CHECK(cell->options().implementation == 1);
}
