#include "recurrent_support.h"

using namespace unspool;
using namespace unspool::testing;

namespace {

GRUOptions constant_gru(Index units) { return constant_weights<layers::GRU>(units); }

}  // namespace

TEST_CASE("GRU gives Keras' numbers for weights and inputs that are all different") {
  for (const DType dtype : {float32, float64}) {
    for (const int implementation : {1, 2}) {
      GRUOptions options = {
          .units = 2, .return_sequences = true, .implementation = implementation, .dtype = dtype};
      CHECK(near(of_sines<layers::GRU>(options),
                 {-.3541242, -.1541498, .1464861, -.2710050, -.1096131, -.4129590,  //
                  -.3526721, -.1471187, .0197288, -.2832788, .0045620, -.4097569}));
      options.reset_after = false;
      CHECK(near(of_sines<layers::GRU>(options),
                 {-.2937111, -.1624263, .1911593, -.1015284, -.0203408, -.2565295,  //
                  -.2947247, -.1586874, .0758185, -.1392299, .0796820, -.2419241}));
    }
    CHECK(near(of_sines<layers::GRU>({.units = 2, .use_bias = false, .dtype = dtype}),
               {.1694607, .0754807, .2647225, .0948974}));
  }
}

TEST_CASE("the numbers of Keras' own tests of GRU") {
  const auto result = [&](auto change, const Tensor& x, const CallArgs& args = {}) {
    GRUOptions options = constant_gru(3);
    change(options);
    const Outputs outputs = GRU(options)(x, args);
    options.unroll = true;
    CHECK(near(GRU(options)(x, args), outputs.to_vector<double>()));
    return outputs;
  };
  const Tensor c = counting({3, 6, 4});
  CHECK(near(result([](auto&) {}, c), per_unit({.5217289, .6371659, .3938497}, 3)));
  CHECK(near(result([](auto& o) { o.go_backwards = true; }, c), per_unit({.2440626, .611516, .3928808}, 3)));
  CHECK(near(result([](auto& o) { o.reset_after = false; }, c), per_unit({.5144776, .6426879, .4020830}, 3)));
  CHECK(near(result([](auto& o) { o.use_bias = false; }, c), per_unit({.4998846, .6470119, .4103359}, 3)));

  const Tensor b = counting({2, 4, 3});
  const auto two = [](auto& o) { o = constant_gru(2); };
  const auto two_backwards = [](auto& o) {
    o = constant_gru(2);
    o.go_backwards = true;
  };
  const CallArgs state = {.initial_state = {counting({2, 2})}};
  CHECK(near(result(two, b, state), {.2377410, .3350846, .8365991, 1.0227708}));
  CHECK(near(result(two_backwards, b, state), {.1348605, .2326122, .7825730, .9691353}));

  const CallArgs masked = {.mask = mask_of_bits({{1, 1, 0, 1}, {1, 0, 0, 1}})};
  CHECK(near(result(two, b, masked), per_unit({.1939376, .3081856}, 2)));
  CHECK(near(result(two_backwards, b, masked), per_unit({.1166919, .2838098}, 2)));
  const auto sequences = [](bool zero) {
    return [zero](auto& o) {
      o = constant_gru(2);
      o.return_sequences = true;
      o.zero_output_for_mask = zero;
    };
  };
  CHECK(near(result(sequences(false), b, masked),
             per_unit({.0360669, .0949758, .0949758, .1939376, .1605141, .1605141, .1605141, .3081856}, 2)));
  CHECK(near(result(sequences(true), b, masked),
             per_unit({.0360669, .0949758, 0, .1939376, .1605141, 0, 0, .3081856}, 2)));

  GRUOptions stateful = constant_gru(4);
  stateful.stateful = true;
  const Ref<layers::GRU> gru = GRU(stateful);
  for (int round = 0; round < 2; ++round) {
    gru(counting({2, 3, 4}));
    CHECK(near(gru(counting({2, 3, 4})), per_unit({.2954239, .5885018}, 4)));
    gru->reset_states();
  }
}

TEST_CASE("weights and config of GRU are Keras'") {
  clear_session();
  const Ref<layers::GRU> gru = GRU({.units = 3});
  gru(Tensor::ones({1, 2, 5}));
  CHECK(paths_of(gru->weights()) == std::vector<std::string>{"gru/gru_cell/kernel",
                                                             "gru/gru_cell/recurrent_kernel",
                                                             "gru/gru_cell/bias"});
  CHECK(gru->weights()[0].shape() == Shape{5, 9});
  CHECK(gru->weights()[1].shape() == Shape{3, 9});
  CHECK(gru->weights()[2].shape() == Shape{2, 9});
  const Ref<layers::GRU> before = GRU({.units = 3, .reset_after = false});
  before(Tensor::ones({1, 2, 5}));
  CHECK(before->weights()[2].shape() == Shape{9});
  std::string keys;
  for (const std::string& key : gru->get_config().keys()) keys += key + " ";
  CHECK(
      keys ==
      "name trainable dtype return_sequences return_state go_backwards stateful unroll zero_output_for_mask "
      "units activation recurrent_activation use_bias kernel_initializer recurrent_initializer "
      "bias_initializer kernel_regularizer recurrent_regularizer bias_regularizer activity_regularizer "
      "kernel_constraint recurrent_constraint bias_constraint dropout recurrent_dropout seed reset_after ");
  const GRUOptions options = {.units = 3,
                              .activation = "relu",
                              .recurrent_activation = "hard_sigmoid",
                              .activity_regularizer = "l2",
                              .recurrent_dropout = 0.5,
                              .seed = 9,
                              .return_sequences = true,
                              .stateful = true,
                              .unroll = true,
                              .reset_after = false,
                              .implementation = 1,
                              .name = "given",
                              .trainable = false};
  const Ref<layers::GRU> again = clone(GRU(options));
  CHECK(equal(again->options(), options));
  CHECK(equal(again->RNN::options(), options_from<RNNOptions>(options)));
  const auto cell = std::dynamic_pointer_cast<layers::GRUCell>(again->cell().pointer());
  REQUIRE(cell != nullptr);
  CHECK(cell->name() == "gru_cell");
  CHECK_FALSE(cell->options().reset_after);
}
