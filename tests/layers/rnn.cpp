#include <limits>

#include "support.h"

using namespace unspool;
using namespace unspool::testing;

namespace {

/// h' = w x + u h + b with numbers for weights.
SimpleRNNOptions linear(double w = 1, double u = 1) {
  return {.units = 1,
          .activation = "linear",
          .kernel_initializer = Constant({.value = w}),
          .recurrent_initializer = Constant({.value = u})};
}

/// Every state is summed with the input: h' = x 1 + h 1 for each state; the output is their sum.
class OnesCell : public Cell {
 public:
  OnesCell(Index units, std::size_t states) : Cell({.state_sizes = std::vector<StateSize>(states, units)}) {}
  void build(const Shape& input) override {
    const Index units = state_sizes()[0][0];
    kernel_ = add_weight({.name = "kernel", .shape = {input.back(), units}, .initializer = "ones"});
    recurrent_ = add_weight({.name = "recurrent", .shape = {units, units}, .initializer = "ones"});
  }
  CellOutput call(const Tensor& x, const States& states, const CallArgs&) override {
    CellOutput result;
    for (const Tensor& state : states) {
      result.states.push_back(matmul(x, kernel_) + matmul(state, recurrent_));
      result.output = result.output ? result.output + result.states.back() : result.states.back();
    }
    return result;
  }

 private:
  Variable kernel_, recurrent_;
};

struct Row {
  std::vector<int> mask;  // Empty: none.
  bool backwards;
  double first_state;
  std::vector<double> sequence;
  std::vector<double> zeroed;
  double state;
};

}  // namespace

TEST_CASE("masks, directions and states: a table of Keras' results") {
  const std::vector<Row> table = {
      {{}, false, 0, {1, 3, 6, 10}, {1, 3, 6, 10}, 10},
      {{}, true, 0, {4, 7, 9, 10}, {4, 7, 9, 10}, 10},
      {{0, 1, 0, 1}, false, 0, {0, 2, 2, 6}, {0, 2, 0, 6}, 6},
      {{0, 1, 0, 1}, true, 0, {4, 4, 6, 6}, {4, 0, 6, 0}, 6},
      {{0, 1, 1, 0}, false, 0, {0, 2, 5, 5}, {0, 2, 5, 0}, 5},
      {{0, 0, 0, 0}, false, 5, {0, 0, 0, 0}, {0, 0, 0, 0}, 5},
  };
  const Tensor x = reshape(Tensor::of<float>({1, 2, 3, 4}), {1, 4, 1});
  for (const Row& row : table) {
    for (const bool zero : {false, true}) {
      for (const bool unroll : {false, true}) {
        for (const bool time_major : {false, true}) {
          SimpleRNNOptions options = linear();
          options.return_state = true;
          options.go_backwards = row.backwards;
          options.unroll = unroll;
          options.zero_output_for_mask = zero;
          options.time_major = time_major;
          CallArgs args;
          if (!row.mask.empty()) args.mask = mask_of_bits({row.mask});
          if (time_major && args.mask) args.mask = transpose(args.mask);
          if (row.first_state != 0) args.initial_state = {Tensor::full({1, 1}, row.first_state)};
          const Tensor input = time_major ? transpose(x, {1, 0, 2}) : x;

          const std::vector<double>& expected = zero ? row.zeroed : row.sequence;
          const auto [last, state] = unpack<2>(SimpleRNN(options)(input, args));
          CHECK(near(last, {expected.back()}));
          CHECK(near(state, {row.state}));
          options.return_sequences = true;
          const auto [sequence, same] = unpack<2>(SimpleRNN(options)(input, args));
          CHECK(sequence.shape() == (time_major ? Shape{4, 1, 1} : Shape{1, 4, 1}));
          CHECK(near(sequence, expected));
          CHECK(near(same, {row.state}));
        }
      }
    }
  }
}

TEST_CASE("gradients through time: Keras' numbers") {
  const Tensor x = Tensor::ones({1, 3, 1});
  const auto gradients = [&](const CallArgs& args) {
    const Ref<layers::SimpleRNN> rnn = SimpleRNN(linear(2, 3));
    rnn(x);
    GradientTape tape;
    const Tensor y = rnn(x, args);
    std::vector<double> found = {y.item<double>()};
    for (const Tensor& gradient : tape.gradient(y, rnn->trainable_weights()))
      found.push_back(gradient.item<double>());
    return found;
  };
  CHECK(gradients({}) == std::vector<double>{26, 13, 14, 13});
  CHECK(gradients({.mask = mask_of_bits({{1, 0, 1}})}) == std::vector<double>{8, 4, 2, 4});
}

TEST_CASE("a NaN under a mask reaches neither results nor gradients") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const Tensor clean = Tensor::of<float>({{{1, 2}, {3, 4}, {5, 6}}});
  const Tensor dirty = Tensor::of<float>({{{1, 2}, {nan, nan}, {5, 6}}});
  const CallArgs args = {.mask = mask_of_bits({{1, 0, 1}})};
  for (const bool sequences : {false, true}) {
    const Ref<layers::SimpleRNN> rnn = SimpleRNN({.units = 2, .return_sequences = sequences});
    rnn(clean);
    std::vector<std::vector<float>> found;
    for (const Tensor& x : {clean, dirty}) {
      GradientTape tape;
      tape.watch(x);
      const Tensor y = sum(square(rnn(x, args)));
      found.push_back(y.to_vector<float>());
      for (const Tensor& gradient : tape.gradient(y, rnn->trainable_weights())) {
        for (const float value : gradient.to_vector<float>()) found.back().push_back(value);
      }
    }
    CHECK(found[0] == found[1]);
    GradientTape tape;
    tape.watch(dirty);
    const Tensor by_x = tape.gradient(sum(square(rnn(dirty, args))), dirty);
    CHECK(by_x.item<float>({0, 1, 0}) == 0);
    CHECK(by_x.item<float>({0, 1, 1}) == 0);
    CHECK(std::isfinite(sum(by_x).item<float>()));
  }
}

TEST_CASE("cells with one and two states: the numbers of Keras' own tests") {
  const Tensor ones = Tensor::ones({1, 2, 3});
  for (const std::size_t states : {1U, 2U}) {
    const double n = static_cast<double>(states);
    CHECK(near(RNN(make<OnesCell>(2, states))(ones), {9 * n, 9 * n}));
    auto all = RNN(make<OnesCell>(2, states), {.return_sequences = true, .return_state = true})(ones).all();
    REQUIRE(all.size() == 1 + states);
    CHECK(near(all[0], {3 * n, 3 * n, 9 * n, 9 * n}));
    for (std::size_t i = 1; i < all.size(); ++i) CHECK(near(all[i], {9, 9}));
    const Ref<layers::RNN> rnn = RNN(make<OnesCell>(2, states));
    CHECK(near(
        rnn(Tensor::ones({2, 3, 2}), {.initial_state = std::vector<Tensor>(states, Tensor::ones({2, 2}))}),
        std::vector<double>(4, 22 * n)));
    const Ref<layers::RNN> stateful = RNN(make<OnesCell>(2, states), {.stateful = true});
    stateful(ones);
    CHECK(near(stateful(ones), {45 * n, 45 * n}));
  }
  const Tensor a = counting({2, 3, 4});
  CHECK(near(RNN(make<OnesCell>(2, 1), {.go_backwards = true})(a), {202, 202, 538, 538}));
  const Ref<layers::RNN> stateful = RNN(make<OnesCell>(2, 1), {.stateful = true});
  stateful(a);
  CHECK(near(stateful(a), {954, 954, 3978, 3978}));
  const CallArgs masked = {.mask = mask_of_bits({{1, 1, 1, 0}, {1, 1, 0, 0}})};
  CHECK(near(RNN(make<OnesCell>(2, 1))(counting({2, 4, 3}), masked), {57, 57, 126, 126}));
  CHECK(near(RNN(make<OnesCell>(2, 1), {.return_sequences = true})(counting({2, 4, 3}), masked),
             {3, 3, 18, 18, 57, 57, 57, 57, 39, 39, 126, 126, 126, 126, 126, 126}));
}

TEST_CASE("stacked cells of two states: the numbers of Keras' own tests") {
  const Tensor a = counting({2, 3, 4});
  const auto cells = [] { return std::vector<Ref<Cell>>{make<OnesCell>(3, 2), make<OnesCell>(2, 2)}; };
  CHECK(near(RNN(cells())(a), {3144, 3144, 17544, 17544}));
  const auto all = RNN(cells(), {.return_state = true})(a).all();
  REQUIRE(all.size() == 5);
  for (std::size_t i : {1U, 2U}) CHECK(near(all[i], {158, 158, 158, 782, 782, 782}));
  for (std::size_t i : {3U, 4U}) CHECK(near(all[i], {1572, 1572, 8772, 8772}));
  const Ref<layers::RNN> stateful = RNN(cells(), {.stateful = true});
  for (int round = 0; round < 2; ++round) {
    stateful(a);
    CHECK(near(stateful(a), {136368, 136368, 692784, 692784}));
    stateful->reset_states();
  }
}

TEST_CASE("stateful: the next call starts where this one ended") {
  const Tensor x = reshape(Tensor::of<float>({1, 2, 3, 4}), {1, 4, 1});
  SimpleRNNOptions options = linear();
  options.stateful = true;
  options.return_sequences = true;
  const Ref<layers::SimpleRNN> rnn = SimpleRNN(options);
  CHECK(near(rnn(x), {1, 3, 6, 10}));
  CHECK(near(rnn(x), {11, 13, 16, 20}));
  CHECK(near(rnn->states().at(0).value(), {20}));
  // A given state is used instead, and the last is kept all the same.
  CHECK(near(rnn(x, {.initial_state = {Tensor::full({1, 1}, 100)}}), {101, 103, 106, 110}));
  CHECK(near(rnn(x), {111, 113, 116, 120}));
  CHECK(near(rnn(x, {.initial_state = {Tensor::full({1, 1}, 10)}}), {11, 13, 16, 20}));
  CHECK(near(rnn->states().at(0).value(), {20}));
  rnn->reset_states();
  CHECK(near(rnn(x), {1, 3, 6, 10}));
  rnn->reset_states({Tensor::full({1, 1}, 10)});
  CHECK(near(rnn(x), {11, 13, 16, 20}));
  rnn->reset_state();
  CHECK(near(rnn(x), {1, 3, 6, 10}));
  // States are no weights.
  CHECK(rnn->weights().size() == 3);
  // Nothing flows into an earlier call.
  GradientTape tape;
  tape.watch(x);
  const Tensor first = rnn(x);
  const Tensor second = rnn(x + 0);
  CHECK(near(tape.gradient(sum(second), x), {4, 3, 2, 1}));

  CHECK(contains(message_of<ValueError>([&] {
                   rnn(Tensor::ones({2, 4, 1}));
                 }),
                 "batch size 1 that it was built for, got a batch size of 2"));
  CHECK(contains(message_of<ValueError>([&] {
                   rnn->reset_states({x, x});
                 }),
                 "expected 1 state, got 2 values"));
  CHECK(contains(message_of<ValueError>([&] {
                   rnn->reset_states({Tensor::ones({2, 1})});
                 }),
                 "expected shape [1, 1]"));
  CHECK(contains(message_of<AttributeError>([] { SimpleRNN({.units = 1})->reset_states(); }),
                 "expected a stateful layer"));
  CHECK(contains(message_of<ValueError>([&] {
                   make<layers::SimpleRNN>(options)(Input({.shape = {4, 1}}));
                 }),
                 "batch size"));
}

TEST_CASE("initial states: given, in the list of inputs, checked") {
  const Tensor x = Tensor::ones({2, 3, 1});
  const Ref<layers::SimpleRNN> rnn = SimpleRNN(linear());
  const Tensor h = Tensor::of<float>({{10}, {20}});
  CHECK(near(rnn(x, {.initial_state = {h}}), {13, 23}));
  CHECK(near(rnn({x, h}), {13, 23}));
  CHECK(near(rnn(x, {.initial_state = {cast(h, float64)}}), {13, 23}));
  CHECK(contains(message_of<ValueError>([&] {
                   rnn(x, {.initial_state = {h, h}});
                 }),
                 "expected 1 initial state, got 2"));
  CHECK(contains(message_of<ValueError>([&] {
                   rnn(x, {.initial_state = {Tensor::ones({2, 3})}});
                 }),
                 "[2, 1]"));
  CHECK(contains(message_of<ValueError>([&] {
                   rnn(x, {.initial_state = {Tensor::ones({1, 1})}});
                 }),
                 "[2, 1]"));
  CHECK(near(rnn->get_initial_state(2).at(0), {0, 0}));
  // An attached mask counts beside a given state as well.
  const Tensor masked = with_mask(x, mask_of_bits({{1, 1, 0}, {1, 0, 0}}));
  CHECK(near(rnn(masked, {.initial_state = {h}}), {12, 21}));
}

TEST_CASE("the mask goes on with a sequence, in the order of time, and ends with the last output") {
  const Tensor mask = mask_of_bits({{1, 1, 0}});
  const Tensor x = with_mask(Tensor::ones({1, 3, 2}), mask);
  const auto outputs =
      SimpleRNN({.units = 2, .return_sequences = true, .return_state = true, .go_backwards = true})(x).all();
  CHECK(mask_of(outputs[0]).id() == mask.id());
  CHECK_FALSE(mask_of(outputs[1]));
  CHECK_FALSE(mask_of(SimpleRNN({.units = 2})(x)));
  // (batch, time, 1) serves, too.
  CHECK(near(SimpleRNN(linear())(Tensor::ones({1, 3, 1}), {.mask = expand_dims(mask, -1)}), {2}));
}

TEST_CASE("sequences of more than one axis of features") {
  class Flattening : public Cell {
   public:
    Flattening() : Cell({.state_sizes = {1}}) {}
    CellOutput call(const Tensor& x, const States& states, const CallArgs&) override {
      const Tensor next = states[0] + reshape(sum(x, {1, 2}), {-1, 1});
      return {next, {next}};
    }
  };
  const Ref<layers::RNN> rnn = RNN(make<Flattening>());
  CHECK(near(rnn(Tensor::ones({2, 3, 4, 5})), {60, 60}));
  CHECK(near(rnn(Tensor::ones({2, 3, 4, 5}), {.mask = mask_of_bits({{1, 1, 0}, {0, 0, 1}})}), {40, 20}));
}

TEST_CASE("no rows, one step") {
  CHECK(SimpleRNN({.units = 2})(Tensor::ones({0, 3, 4})).shape() == Shape{0, 2});
  SimpleRNNOptions once = linear();
  once.unroll = true;
  CHECK(near(SimpleRNN(once)(Tensor::ones({1, 1, 1})), {1}));
}

TEST_CASE("shapes with unknown batch and time") {
  const Ref<layers::SimpleRNN> rnn = SimpleRNN({.units = 8, .return_sequences = true, .return_state = true});
  CHECK(rnn->compute_output_shapes({{unknown, unknown, 5}}) ==
        std::vector<Shape>{{unknown, unknown, 8}, {unknown, 8}});
  CHECK(rnn->compute_output_shapes({{3, 4, 5}}) == std::vector<Shape>{{3, 4, 8}, {3, 8}});
  CHECK(SimpleRNN({.units = 8})->compute_output_shape({3, 4, 5}) == Shape{3, 8});
  CHECK(SimpleRNN({.units = 8, .return_sequences = true, .time_major = true})
            ->compute_output_shape({unknown, 4, 5}) == Shape{unknown, 4, 8});
  CHECK_FALSE(rnn->built());
  // Unrolling waits for a sequence, whose length is known.
  const Ref<layers::SimpleRNN> unrolled = SimpleRNN({.units = 8, .unroll = true});
  CHECK(unrolled(Input({.shape = {unknown, 5}})).shape() == Shape{unknown, 8});
  CHECK(unrolled(Tensor::ones({2, 3, 5})).shape() == Shape{2, 8});
}

TEST_CASE("errors of RNN") {
  const Ref<layers::RNN> rnn = RNN(make<OnesCell>(2, 1), {.name = "r"});
  const std::string rank = message_of<ValueError>([&] { rnn(Tensor::ones({2, 3})); });
  CHECK(contains(rank, "the layer r expected a sequence (batch, time, features...)"));
  CHECK(contains(rank, "[2, 3]"));
  CHECK(contains(message_of<ValueError>([&] { rnn(Tensor::ones({2, 0, 3})); }), "at least one time step"));
  const Tensor x = Tensor::ones({2, 3, 4});
  CHECK(contains(message_of<ValueError>([&] {
                   rnn(x, {.mask = mask_of_bits({{1, 1}, {1, 1}})});
                 }),
                 "a mask of shape [2, 3]"));
  CHECK(contains(message_of<ValueError>([&] { rnn(x, {.mask = Tensor::ones({2, 3, 4})}); }), "[2, 3, 4]"));
  CHECK(contains(message_of<ValueError>([&] { rnn->compute_output_shape({3, 4}); }), "[3, 4]"));
}
