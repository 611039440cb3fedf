// Cells that an RNN calls once for each batch size: the same numbers as with a cell that it calls each time.
#include <cstdint>
#include <thread>

#include "recurrent_support.h"

using namespace unspool;
using namespace unspool::testing;

namespace {

/// A cell of the library that counts its calls and says whether it is pure.
template <class L>
class Counted : public L {
 public:
  Counted(const typename L::Options& options, bool pure) : L(options), pure_(pure) {}
  bool is_pure() const override { return pure_; }
  CellOutput call(const Tensor& x, const States& states, const CallArgs& args) override {
    ++calls;
    return L::call(x, states, args);
  }
  int calls = 0;

 private:
  bool pure_;
};

template <class L>
Ref<Counted<L>> counted(bool pure, typename L::Options options = {.units = 3}) {
  options.dtype = float64;
  return make<Counted<L>>(options, pure);
}

/// f = sigmoid(x_t W + h U), h_t = (1 - f) h + f tanh(x_t W): one state, and numbers in its equations.
class MinimalCell : public DropoutCell {
 public:
  using Options = SimpleRNNCellOptions;
  explicit MinimalCell(const Options& options)
      : DropoutCell({.state_sizes = {Index{options.units}}, .dtype = options.dtype},
                    {.dropout = options.dropout, .seed = options.seed}),
        units_(options.units) {}
  void build(const Shape& input) override {
    kernel_ = add_weight({.name = "kernel", .shape = {input.back(), units_}});
    recurrent_kernel_ = add_weight({.name = "recurrent_kernel", .shape = {units_, units_}});
  }
  CellOutput call(const Tensor& x, const States& states, const CallArgs& args) override {
    const Tensor z = matmul(dropped_input(x, args), kernel_);
    const Tensor f = sigmoid(z + matmul(states[0], recurrent_kernel_));
    const Tensor h = (1 - f) * states[0] + f * tanh(z);
    return {h, {h}};
  }

 private:
  Index units_;
  Variable kernel_;
  Variable recurrent_kernel_;
};

Ref<layers::RNN> rnn_of(const Ref<Cell>& cell, RNNOptions options = {}) {
  options.dtype = float64;
  return RNN(cell, options);
}

Tensor random_sequence(const Shape& shape) { return random_normal(shape, 0, 1, float64); }

/// h_t = tanh(x_t W + h + b), where b is a tensor or noise, not a weight.
class Outside : public Cell {
 public:
  explicit Outside(bool draws) : Cell({.state_sizes = {3}, .dtype = float64}), draws_(draws) {}
  bool is_pure() const override { return true; }
  void build(const Shape& input) override {
    kernel_ = add_weight({.name = "kernel", .shape = {input.back(), 3}});
  }
  CellOutput call(const Tensor& x, const States& states, const CallArgs&) override {
    ++calls;
    const Tensor b = draws_ ? random_normal({x.shape().front(), 3}, 0, 1, float64) : bias;
    const Tensor h = tanh(matmul(x, kernel_) + states[0] + b);
    return {h, {h}};
  }
  int calls = 0;
  Tensor bias = Tensor::zeros({3}, float64);

 private:
  bool draws_;
  Variable kernel_;
};

/// Layers of the same weights, around a pure cell and around one that is not.
template <class L>
void check_equal(const RNNOptions& options, const typename L::Options& cell_options) {
  std::vector<Ref<layers::RNN>> layers;
  std::vector<Ref<Counted<L>>> cells;
  std::vector<Optimizer> optimizers;
  for (const bool pure : {true, false}) {
    cells.push_back(counted<L>(pure, cell_options));
    layers.push_back(rnn_of(cells.back(), options));
    layers.back()->build_once(options.stateful ? Shape{4, 6, 2} : Shape{unknown, unknown, 2});
    optimizers.push_back(Adam({.learning_rate = 0.1}));
  }
  layers[1]->set_weights(layers[0]->get_weights());
  for (int step = 0; step < 6; ++step) {
    const Index batch = step % 3 == 2 && !options.stateful ? 3 : 4;
    const Tensor x = options.time_major ? random_sequence({5 + step % 2, 4, 2})
                                        : random_sequence({batch, 5 + step % 2, 2});
    std::vector<std::vector<double>> seen;
    for (std::size_t i = 0; i < 2; ++i) {
      set_seed(static_cast<std::uint64_t>(step));
      const Tensor outside_of_training = layers[i](x);
      GradientTape outer({.persistent = true});
      outer.watch(x);
      Tensor slope;
      {
        GradientTape tape;
        tape.watch(x);
        slope = tape.gradient(sum(square(layers[i](x, {.training = true}))), x);
      }
      const Tensor loss = sum(square(slope));
      const std::vector<Variable> weights = layers[i]->trainable_weights();
      optimizers[i].apply_gradients(outer.gradient(loss, weights), weights);
      seen.push_back(outside_of_training.to_vector<double>());
      for (const Tensor& more : {slope, outer.gradient(loss, x)}) {
        const std::vector<double> values = more.to_vector<double>();
        seen.back().insert(seen.back().end(), values.begin(), values.end());
      }
    }
    CHECK(seen[0] == seen[1]);
  }
  for (std::size_t i = 0; i < layers[0]->get_weights().size(); ++i) {
    CHECK(layers[0]->get_weights()[i].to_vector<double>() == layers[1]->get_weights()[i].to_vector<double>());
  }
  // In training and in inference, for one batch size or two; with dropout masks each time in training.
  const int kinds = options.stateful || options.time_major ? 1 : 2;
  const bool drops = cell_options.dropout > 0;
  CHECK(cells[0]->calls == kinds + (drops ? 6 : kinds));
  CHECK(cells[1]->calls == 12);
}

template <class L>
void check_equal() {
  const std::vector<RNNOptions> loops = {{},
                                         {.return_sequences = true},
                                         {.go_backwards = true},
                                         {.stateful = true},
                                         {.time_major = true},
                                         {.return_sequences = true, .recompute_every = 2}};
  for (const RNNOptions& loop : loops) {
    check_equal<L>(loop, {.units = 3, .seed = 1});
    check_equal<L>(loop, {.units = 3, .dropout = 0.3, .seed = 1});
  }
}

}  // namespace

TEST_CASE("a pure cell gives the same numbers as one that is called each time, and is called less often") {
  check_equal<layers::SimpleRNNCell>();
  check_equal<layers::LSTMCell>();
  check_equal<MinimalCell>();
}

TEST_CASE("cells of the library are pure, if their activations are") {
  CHECK(SimpleRNNCell(3)->is_pure());
  CHECK(LSTMCell(3)->is_pure());
  CHECK(StackedRNNCells({LSTMCell(3), SimpleRNNCell(2)})->is_pure());
  // It cuts its bias into two in each step.
  CHECK_FALSE(GRUCell(3)->is_pure());
  int calls = 0;
  const auto counts = [&](const Tensor& x) {
    ++calls;
    return tanh(x);
  };
  const Ref<layers::LSTMCell> cell = LSTMCell({.units = 3, .activation = counts});
  CHECK_FALSE(cell->is_pure());
  CHECK_FALSE(LSTMCell({.units = 3, .recurrent_activation = counts})->is_pure());
  CHECK_FALSE(StackedRNNCells({LSTMCell(3), cell})->is_pure());
  const Ref<layers::RNN> layer = RNN(cell);
  layer(random_normal({2, 4, 3}));
  const int once = calls;
  CHECK(once > 0);
  layer(random_normal({2, 4, 3}));
  CHECK(calls == 2 * once);

  class Derived : public layers::LSTMCell {
   public:
    using LSTMCell::LSTMCell;
  };
  CHECK_FALSE(make<Derived>(LSTMCellOptions{.units = 3})->is_pure());
}

TEST_CASE("a cell that says it is pure and uses a tensor from outside, or draws, is called each time") {
  const Ref<Outside> cell = make<Outside>(false);
  const Ref<layers::RNN> layer = rnn_of(cell);
  const Tensor x = random_sequence({2, 4, 3});
  const std::vector<double> before = layer(x).to_vector<double>();
  const int once = cell->calls;
  CHECK(once > 0);
  cell->bias = Tensor::ones({3}, float64);
  CHECK(layer(x).to_vector<double>() != before);
  CHECK(cell->calls == 2 * once);

  const Ref<layers::RNN> noisy = rnn_of(make<Outside>(true));
  CHECK(noisy(x).to_vector<double>() != noisy(x).to_vector<double>());
}

TEST_CASE("a pure cell is called again where a tape shows each step") {
  const auto cell = counted<MinimalCell>(true);
  const Ref<layers::RNN> layer = rnn_of(cell);
  const Tensor x = random_sequence({2, 4, 3});
  const Tensor y = layer(x);
  CHECK(cell->calls == 1);
  layer(x);
  CHECK(cell->calls == 1);
  GradientTape tape({.keep_all = true});
  tape.watch(x);
  CHECK(near(layer(x), y.to_vector<double>(), 1e-12));
  CHECK(cell->calls == 1 + 4);
}

TEST_CASE("what a pure cell was traced to is forgotten after eight kinds of batches") {
  const auto cell = counted<layers::SimpleRNNCell>(true);
  const Ref<layers::RNN> layer = rnn_of(cell);
  for (Index batch = 1; batch <= 9; ++batch) layer(random_sequence({batch, 4, 3}));
  CHECK(cell->calls == 9);
  layer(random_sequence({9, 2, 3}));
  layer(random_sequence({2, 4, 3}));
  CHECK(cell->calls == 9);
  layer(random_sequence({1, 4, 3}));
  CHECK(cell->calls == 10);
}

TEST_CASE("layers that share a pure cell, and new weights") {
  const auto cell = counted<layers::LSTMCell>(true);
  const Ref<layers::RNN> forward = rnn_of(cell);
  const Ref<layers::RNN> backward = rnn_of(cell, {.go_backwards = true});
  const Tensor x = random_sequence({2, 4, 3});
  const std::vector<double> reversed = backward(flip(x, {1})).to_vector<double>();
  CHECK(forward(x).to_vector<double>() == reversed);
  CHECK(cell->calls == 2);
  std::vector<Tensor> weights = cell->get_weights();
  for (Tensor& weight : weights) weight = weight * 0.5;
  cell->set_weights(weights);
  const std::vector<double> halved = forward(x).to_vector<double>();
  CHECK(halved != reversed);
  CHECK(backward(flip(x, {1})).to_vector<double>() == halved);
  CHECK(cell->calls == 2);
}

TEST_CASE("threads that call a layer of a pure cell at the same time") {
  const Ref<layers::RNN> layer = rnn_of(counted<MinimalCell>(true));
  std::vector<Tensor> inputs;
  std::vector<std::vector<double>> expected;
  for (Index batch = 1; batch <= 4; ++batch) {
    inputs.push_back(random_sequence({batch, 5, 2}));
    expected.push_back(layer(inputs.back()).to_vector<double>());
  }
  std::vector<int> wrong(2, 0);
  std::vector<std::thread> threads;
  for (int& count : wrong) {
    threads.emplace_back([&] {
      for (std::size_t i = 0; i < 40; ++i) {
        count += layer(inputs[i % 4]).to_vector<double>() != expected[i % 4] ? 1 : 0;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == std::vector<int>{0, 0});
}
