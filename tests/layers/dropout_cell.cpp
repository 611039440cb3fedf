#include <set>

#include "support.h"

using namespace unspool;
using namespace unspool::testing;

namespace {

/// The output is the dropped input plus the dropped state.
class Adding : public DropoutCell {
 public:
  explicit Adding(DropoutCellOptions dropout) : DropoutCell({.state_sizes = {4}}, dropout) {}
  CellOutput call(const Tensor& x, const States& states, const CallArgs& args) override {
    const Tensor output = dropped_input(x, args) + dropped_state(states[0], args);
    return {output, {states[0]}};
  }
};

}  // namespace

TEST_CASE("dropout masks are the same at every step and new at every call") {
  const Ref<layers::RNN> rnn =
      RNN(make<Adding>(DropoutCellOptions{.dropout = 0.5, .seed = 3}), {.return_sequences = true});
  const Tensor x = Tensor::ones({8, 5, 4});
  const Tensor y = rnn(x, {.training = true});
  for (Index t = 1; t < 5; ++t) {
    CHECK(slice(y, 1, t, t + 1).to_vector<float>() == slice(y, 1, 0, 1).to_vector<float>());
  }
  const std::vector<float> first = slice(y, 1, 0, 1).to_vector<float>();
  CHECK(std::set<float>(first.begin(), first.end()) == std::set<float>{0, 2});
  CHECK(y.to_vector<float>() != rnn(x, {.training = true}).to_vector<float>());
  // Not while predicting.
  CHECK(near(rnn(x), std::vector<double>(160, 1)));
}

TEST_CASE("dropout of the state, and of both, independent of each other") {
  const Tensor x = Tensor::ones({50, 2, 4});
  const Tensor h = Tensor::ones({50, 4});
  const Tensor recurrent = RNN(make<Adding>(DropoutCellOptions{.recurrent_dropout = 0.25, .seed = 3}))(
      x, {.training = true, .initial_state = {h}});
  const std::vector<float> values = recurrent.to_vector<float>();
  CHECK(std::set<float>(values.begin(), values.end()).size() == 2);
  CHECK(mean(recurrent).item<double>() == doctest::Approx(2).epsilon(0.1));
  const Tensor both =
      RNN(make<Adding>(DropoutCellOptions{.dropout = 0.5, .recurrent_dropout = 0.5, .seed = 3}))(
          x, {.training = true, .initial_state = {h}});
  const std::vector<float> sums = both.to_vector<float>();
  CHECK(std::set<float>(sums.begin(), sums.end()) == std::set<float>{0, 2, 4});
}

TEST_CASE("rate 1 leaves nothing, rate 0 draws nothing") {
  const Tensor x = Tensor::ones({2, 3, 4});
  CHECK(near(RNN(make<Adding>(DropoutCellOptions{.dropout = 1}))(x, {.training = true}),
             std::vector<double>(8, 0)));
  CHECK(near(RNN(make<Adding>(DropoutCellOptions{}))(x, {.training = true}), std::vector<double>(8, 1)));
}

TEST_CASE("one seed gives one sequence of masks") {
  const Tensor x = Tensor::ones({8, 1, 4});
  const auto masks = [&](std::int64_t seed) {
    const Ref<layers::RNN> rnn = RNN(make<Adding>(DropoutCellOptions{.dropout = 0.5, .seed = seed}));
    std::vector<float> all;
    for (int call = 0; call < 3; ++call) {
      for (const float v : rnn(x, {.training = true}).to_vector<float>()) all.push_back(v);
    }
    return all;
  };
  CHECK(masks(1) == masks(1));
  CHECK(masks(1) != masks(2));
}

TEST_CASE("outside of an RNN masks stay until they are reset or do not fit") {
  const Ref<Adding> cell = make<Adding>(DropoutCellOptions{.dropout = 0.5, .seed = 1});
  const Tensor x = Tensor::ones({8, 4});
  const States zero = cell->get_initial_state(8);
  const auto step = [&] { return cell(x, zero, {.training = true}).output.to_vector<float>(); };
  const std::vector<float> first = step();
  CHECK(first == step());
  cell->reset_dropout_mask();
  CHECK(first != step());
  CHECK(cell->get_dropout_mask_for_cell(Tensor::ones({3, 4}), true).at(0).shape() == Shape{3, 4});
  CHECK(cell->get_dropout_mask_for_cell(x, true, 3).size() == 3);
  CHECK(cell->get_recurrent_dropout_mask_for_cell(x, true).empty());
}

TEST_CASE("masks for a cell: like what is put in, of ones outside of training, as many as asked for") {
  const Tensor x = Tensor::ones({8, 4}, float64);
  const auto check = [&](const Ref<Adding>& cell, auto masks_of_cell, auto reset) {
    const auto values = [](const Tensor& mask) { return mask.to_vector<double>(); };
    const std::vector<Tensor> one = masks_of_cell(true, 1);
    REQUIRE(one.size() == 1);
    CHECK(one[0].shape() == Shape{8, 4});
    CHECK(one[0].dtype() == float64);
    for (const double value : values(one[0])) CHECK((value == 0 || value == 2));
    // Outside of training nothing is left out, nothing is drawn, and what is kept for training stays.
    const std::uint64_t drawn = cell->seed_generators().at(0)->counter();
    const std::vector<Tensor> plain = masks_of_cell(false, 2);
    REQUIRE(plain.size() == 2);
    CHECK(near(plain[1], std::vector<double>(32, 1), 0));
    CHECK(cell->seed_generators().at(0)->counter() == drawn);
    CHECK(values(masks_of_cell(true, 1)[0]) == values(one[0]));
    // Several are independent of each other.
    const std::vector<Tensor> three = masks_of_cell(true, 3);
    REQUIRE(three.size() == 3);
    CHECK(values(three[0]) != values(three[1]));
    CHECK(values(three[1]) != values(three[2]));
    CHECK(values(masks_of_cell(true, 3)[2]) == values(three[2]));
    reset();
    CHECK(values(masks_of_cell(true, 3)[2]) != values(three[2]));
  };
  const Ref<Adding> input = make<Adding>(DropoutCellOptions{.dropout = 0.5, .seed = 1});
  check(
      input, [&](bool training, int count) { return input->get_dropout_mask_for_cell(x, training, count); },
      [&] { input->reset_dropout_mask(); });
  const Ref<Adding> state = make<Adding>(DropoutCellOptions{.recurrent_dropout = 0.5, .seed = 1});
  check(
      state,
      [&](bool training, int count) {
        return state->get_recurrent_dropout_mask_for_cell(x, training, count);
      },
      [&] { state->reset_recurrent_dropout_mask(); });
}

TEST_CASE("each reset forgets its own mask") {
  const Ref<Adding> cell =
      make<Adding>(DropoutCellOptions{.dropout = 0.5, .recurrent_dropout = 0.5, .seed = 1});
  const Tensor x = Tensor::ones({8, 4});
  const auto masks = [&] {
    return std::pair(cell->get_dropout_mask_for_cell(x, true)[0].to_vector<float>(),
                     cell->get_recurrent_dropout_mask_for_cell(x, true)[0].to_vector<float>());
  };
  const auto first = masks();
  cell->reset_dropout_mask();
  const auto second = masks();
  CHECK(second.first != first.first);
  CHECK(second.second == first.second);
  cell->reset_recurrent_dropout_mask();
  const auto third = masks();
  CHECK(third.first == second.first);
  CHECK(third.second != second.second);
}

TEST_CASE("rates outside of 0 to 1") {
  CHECK(contains(message_of<ValueError>([] { make<Adding>(DropoutCellOptions{.dropout = 1.5}); }), "1.5"));
  CHECK(contains(message_of<ValueError>([] { make<Adding>(DropoutCellOptions{.recurrent_dropout = -1}); }),
                 "recurrent_dropout"));
}
