#include "recurrent_support.h"

using namespace unspool;
using namespace unspool::testing;

namespace {

Ref<Cell> ones_cell(Index units) {
  return SimpleRNNCell({.units = units,
                        .activation = "linear",
                        .use_bias = false,
                        .kernel_initializer = "ones",
                        .recurrent_initializer = "ones"});
}

}  // namespace

TEST_CASE("stacked cells: the numbers of Keras' own tests") {
  const Tensor a = counting({2, 3, 4});
  CHECK(near(RNN({ones_cell(3), ones_cell(2)})(a), {786, 786, 4386, 4386}));
  const auto [sequence, first, second] =
      unpack<3>(RNN({ones_cell(3), ones_cell(2)}, {.return_sequences = true, .return_state = true})(a));
  CHECK(near(sequence, per_unit({18, 156, 786, 162, 1020, 4386}, 2)));
  CHECK(near(first, per_unit({158, 782}, 3)));
  CHECK(near(second, per_unit({786, 4386}, 2)));

  const Ref<layers::RNN> stateful = RNN({ones_cell(3), ones_cell(2)}, {.stateful = true});
  for (int round = 0; round < 2; ++round) {
    stateful(a);
    CHECK(near(stateful(a), {34092, 34092, 173196, 173196}));
    stateful->reset_states();
  }

  const auto lstm = [] {
    return LSTMCell({.units = 1, .kernel_initializer = "ones", .recurrent_initializer = "ones"});
  };
  CHECK(near(RNN({lstm(), lstm()})(Tensor::ones({2, 3, 4}), {.mask = mask_of_bits({{1, 1, 1}, {1, 1, 0}})}),
             {.7793, .5998}, 1e-4));
}

TEST_CASE("the states of stacked cells, flat and cell by cell") {
  clear_session();
  const Ref<layers::StackedRNNCells> stack = StackedRNNCells({LSTMCell({.units = 3}), GRUCell({.units = 2})});
  CHECK(stack->state_sizes() == std::vector<Shape>{{3}, {3}, {2}});
  CHECK(stack->output_size() == Shape{2});
  const States initial = stack->get_initial_state(4);
  REQUIRE(initial.size() == 3);
  CHECK(initial[2].shape() == Shape{4, 2});
  const std::vector<States> nested = stack->by_cell(initial);
  REQUIRE(nested.size() == 2);
  CHECK(nested[0].size() == 2);
  CHECK(nested[1].at(0).id() == initial[2].id());
  CHECK(stack->get_initial_state(Tensor::ones({5, 1}, float64)).at(0).dtype() == float64);
  CHECK(contains(message_of<ValueError>([&] { stack->by_cell({initial[0]}); }), "3 states, got 1"));

  const Ref<layers::RNN> rnn = RNN(stack, {.return_state = true});
  const Tensor x = some({4, 5, 6}, float32);
  const Outputs outputs = rnn(x);
  REQUIRE(outputs.all().size() == 4);
  CHECK(outputs.all()[3].to_vector<float>() == outputs[0].to_vector<float>());
  CHECK(paths_of(rnn->weights()) ==
        std::vector<std::string>{
            "rnn/stacked_rnn_cells/lstm_cell/kernel", "rnn/stacked_rnn_cells/lstm_cell/recurrent_kernel",
            "rnn/stacked_rnn_cells/lstm_cell/bias", "rnn/stacked_rnn_cells/gru_cell/kernel",
            "rnn/stacked_rnn_cells/gru_cell/recurrent_kernel", "rnn/stacked_rnn_cells/gru_cell/bias"});
  CHECK(rnn->get_initial_state(x).at(2).shape() == Shape{4, 2});
  CHECK(rnn->get_initial_state(7, float64).at(1).dtype() == float64);
  CHECK(rnn->compute_output_shapes({{unknown, unknown, 6}}) ==
        std::vector<Shape>{{unknown, 2}, {unknown, 3}, {unknown, 3}, {unknown, 2}});
}

TEST_CASE("a stack in a stack is one cell as well") {
  const Tensor a = counting({2, 3, 4});
  const Ref<layers::RNN> nested = RNN({StackedRNNCells({ones_cell(3), ones_cell(2)}), ones_cell(1)});
  const Ref<layers::RNN> flat = RNN({ones_cell(3), ones_cell(2), ones_cell(1)});
  CHECK(nested(a).to_vector<float>() == flat(a).to_vector<float>());
  CHECK(nested->get_initial_state(2).size() == 3);
}

TEST_CASE("a stack of one cell is that cell") {
  const Tensor a = counting({2, 3, 4});
  CHECK(RNN({ones_cell(3)})(a).to_vector<float>() == RNN(ones_cell(3))(a).to_vector<float>());
}

TEST_CASE("each cell of a stack has dropout masks of its own, kept over the steps of a call") {
  // Inputs are ones, kernels the identity and no state flows: the output shows the masks' product.
  const auto dropping = [](double rate, std::int64_t seed) {
    return SimpleRNNCell({.units = 50,
                          .activation = "linear",
                          .kernel_initializer = "identity",
                          .recurrent_initializer = "zeros",
                          .dropout = rate,
                          .seed = seed});
  };
  const Tensor x = Tensor::ones({20, 3, 50});
  const Ref<layers::RNN> rnn = RNN({dropping(0.5, 1), dropping(0.5, 2)}, {.return_sequences = true});
  const Tensor y = rnn(x, {.training = true});
  const std::vector<float> first = slice(y, 1, 0, 1).to_vector<float>();
  CHECK(slice(y, 1, 1, 2).to_vector<float>() == first);
  CHECK(slice(y, 1, 2, 3).to_vector<float>() == first);
  double kept = 0;
  for (const float value : first) {
    CHECK((value == 0 || value == 4));
    kept += static_cast<double>(value) / 4;
  }
  CHECK(kept / 1000 == doctest::Approx(0.25).epsilon(0.25));
  CHECK(slice(rnn(x, {.training = true}), 1, 0, 1).to_vector<float>() != first);
  CHECK(near(rnn(x), std::vector<double>(3000, 1)));
}

TEST_CASE("stacked cells and the RNN over them are made again from their config") {
  const Ref<layers::RNN> rnn = RNN({LSTMCell({.units = 3}), GRUCell({.units = 2, .reset_after = false})},
                                   {.return_sequences = true, .go_backwards = true});
  const Ref<layers::RNN> again = clone(rnn);
  CHECK(again->get_config() == rnn->get_config());
  const auto stack = std::dynamic_pointer_cast<layers::StackedRNNCells>(again->cell().pointer());
  REQUIRE(stack != nullptr);
  REQUIRE(stack->cells().size() == 2);
  CHECK(stack->cells()[1]->class_name() == "GRUCell");
  CHECK(clone(stack->cells()[0])->state_sizes().size() == 2);
  // A list of cells serves as well.
  Config serialized = serialize_layer(*rnn);
  Config arguments = serialized["config"];
  arguments.set("cell", arguments["cell"]["config"]["cells"]).set("num_constants", 2);
  const auto from_list = layer_from_config<layers::RNN>(serialized.set("config", arguments));
  CHECK(from_list->cell()->state_sizes().size() == 3);
}

TEST_CASE("errors of stacked cells") {
  CHECK(contains(message_of<ValueError>([] { StackedRNNCells({}); }), "at least one cell"));
  CHECK(contains(message_of<ValueError>([] {
                   StackedRNNCells({GRUCell({.units = 1}), Ref<Cell>()});
                 }),
                 "expected a cell as cell 1, got an empty Ref"));
  const Ref<layers::RNN> rnn = RNN({LSTMCell({.units = 3}), GRUCell({.units = 2})}, {.name = "r"});
  const Tensor x = Tensor::ones({1, 2, 3});
  CHECK(contains(message_of<ValueError>([&] {
                   rnn(x, {.initial_state = {Tensor::ones({1, 3})}});
                 }),
                 "r expected 3 initial states, got 1"));
  rnn(x);
  CHECK(contains(message_of<ValueError>([&] { rnn(Tensor::ones({1, 2, 4})); }), "r/stacked_rnn_cells"));
  CHECK(contains(message_of<ValueError>([&] { rnn(x, {.constants = {x}}); }), "does not support them"));
}
