#include <cmath>

#include "../support/same_bits.h"
#include "../support/threads.h"
#include "recurrent_support.h"

// One layer called again and again, while what its steps use changes: nothing of an earlier call may stay.

using namespace unspool;
using namespace unspool::testing;

namespace {

/// A gated cell with a number that is no weight, and noise of its own.
class NoisyCell : public Cell {
 public:
  explicit NoisyCell(double stddev) : Cell({.state_sizes = {3}, .dtype = float64}) {
    if (stddev > 0) noise_ = add_layer(GaussianNoise({.stddev = stddev, .seed = 4, .dtype = float64}));
  }
  void build(const Shape& input) override {
    kernel_ =
        add_weight({.name = "kernel", .shape = {input.back(), 3}, .initializer = GlorotUniform({.seed = 1})});
    gate_ = add_weight({.name = "gate", .shape = {3, 3}, .initializer = GlorotUniform({.seed = 2})});
  }
  CellOutput call(const Tensor& x, const States& states, const CallArgs&) override {
    Tensor now = matmul(x, kernel_) * scale;
    if (noise_) now = noise_(now);
    const Tensor gate = sigmoid(matmul(states[0], gate_));
    const Tensor next = gate * states[0] + (1 - gate) * tanh(now);
    return {next, {next}};
  }
  double scale = 1;

 private:
  Ref<layers::GaussianNoise> noise_;
  Variable kernel_, gate_;
};

/// Outputs, and gradients by the input and the weights that are trainable.
std::vector<Tensor> results(const Ref<layers::RNN>& layer, const Tensor& x, bool training) {
  GradientTape tape;
  tape.watch(x);
  const Tensor y = layer(x, {.training = training});
  std::vector<Source> sources{x};
  for (const Variable& weight : layer->trainable_weights()) sources.emplace_back(weight);
  std::vector<Tensor> all = tape.gradient(sum(square(y)), sources);
  all.push_back(y);
  return all;
}

/// The same cell by scan and by the plain loop.
class Pair {
 public:
  explicit Pair(const Ref<Cell>& shared)
      : cell(shared),
        scanned_(RNN(cell, {.return_sequences = true, .dtype = float64})),
        looped_(RNN(cell, {.return_sequences = true, .unroll = true, .dtype = float64})) {}

  /// Whether both agree now; `x` is the latest result.
  bool agree(const Tensor& input, bool training = false) {
    std::vector<std::uint64_t> counters;
    scanned_->build_once(input.shape());
    for (const SeedGenerator* seeds : cell->seed_generators()) counters.push_back(seeds->counter());
    const std::vector<Tensor> scanned = results(scanned_, input, training);
    std::vector<std::uint64_t> after;
    std::size_t i = 0;
    for (SeedGenerator* seeds : cell->seed_generators()) {
      after.push_back(seeds->counter());
      seeds->set_counter(counters[i++]);
    }
    const std::vector<Tensor> looped = results(looped_, input, training);
    i = 0;
    bool same = scanned.size() == looped.size();
    // As many keys were drawn.
    for (const SeedGenerator* seeds : cell->seed_generators()) same = same && seeds->counter() == after[i++];
    for (std::size_t k = 0; same && k < scanned.size(); ++k) {
      same = near(scanned[k], looped[k].to_vector<double>(), 1e-12);
    }
    output = scanned.back();
    return same;
  }
  Ref<Cell> cell;
  Tensor output;

 private:
  Ref<layers::RNN> scanned_, looped_;
};

}  // namespace

TEST_CASE("a second call sees what changed since the first") {
  const Ref<NoisyCell> cell = make<NoisyCell>(0.0);
  Pair pair(cell);
  const Tensor x = some({2, 5, 4});
  REQUIRE(pair.agree(x));
  std::vector<double> before = pair.output.to_vector<double>();
  const auto changed = [&] {
    const std::vector<double> now = pair.output.to_vector<double>();
    const bool other = now != before;
    before = now;
    return other;
  };
  SUBCASE("a weight") {
    const Variable kernel = cell->weights()[0];
    kernel.assign(kernel.value() * 0.5);
    CHECK(pair.agree(x));
    CHECK(changed());
  }
  SUBCASE("a member of the cell") {
    cell->scale = 2.5;
    CHECK(pair.agree(x));
    CHECK(changed());
    cell->scale = -1;
    CHECK(pair.agree(x));
    CHECK(changed());
  }
  SUBCASE("the number of steps") {
    for (const Index steps : {1, 9, 2, 5}) CHECK(pair.agree(some({2, steps, 4})));
  }
  SUBCASE("the batch") {
    for (const Index batch : {1, 7, 33, 3, 2}) CHECK(pair.agree(some({batch, 5, 4})));
  }
  SUBCASE("trainable") {
    cell->set_trainable(false);
    CHECK(pair.agree(x));
    CHECK_FALSE(changed());
    cell->set_trainable(true);
    CHECK(pair.agree(x));
  }
}

TEST_CASE("an input without features: weights of none, and what the states do alone") {
  for (const Index batch : {2, 20}) {
    CAPTURE(batch);
    // Many enough weights for rows in groups.
    Pair pair(LSTMCell({.units = 96, .dtype = float64}));
    CHECK(pair.agree(some({batch, 3, 0})));
  }
}

TEST_CASE("a layer gives the same bits by 1, 2 and 4 threads, whichever way they take its rows") {
  // One thread takes one group of rows after the other if there are many weights, all at once if there are
  // few or very many.
  for (const Index units : {16, 128, 256, 400}) {
    CAPTURE(units);
    const Ref<layers::RNN> layer = LSTM({.units = units, .return_sequences = true});
    // So long that threads get shares even of 16 units.
    const Tensor x = random_normal({67, 32, 24}, 0, 1, float32);
    std::vector<Tensor> one;
    for (const int n : {1, 2, 4}) {
      CAPTURE(n);
      const Threads threads(n);
      const std::vector<Tensor> made = results(layer, x, false);
      if (n == 1) one = made;
      CHECK(same_bits(made, one));
    }
  }
}

TEST_CASE("noise in a user's cell differs from step to step and from call to call") {
  const Ref<NoisyCell> cell = make<NoisyCell>(0.5);
  Pair pair(cell);
  // With no input but noise, what differs is the noise.
  const Tensor x = Tensor::zeros({2, 6, 4}, float64);
  REQUIRE(pair.agree(x, true));
  const Tensor first = pair.output;
  REQUIRE(pair.agree(x, true));
  CHECK(first.to_vector<double>() != pair.output.to_vector<double>());
  const std::vector<Tensor> steps = unstack(first, 1);
  for (std::size_t t = 1; t < steps.size(); ++t) {
    CHECK(steps[t].to_vector<double>() != steps[t - 1].to_vector<double>());
  }
  cell->seed_generators().at(0)->set_counter(0);
  REQUIRE(pair.agree(x, true));
  CHECK(first.to_vector<double>() == pair.output.to_vector<double>());
  CHECK(pair.agree(x, false));
}

TEST_CASE("dropout in a cell draws anew in each call, once for all steps") {
  for (const Ref<Cell>& cell : std::vector<Ref<Cell>>{
           SimpleRNNCell({.units = 3, .dropout = 0.4, .recurrent_dropout = 0.3, .seed = 2, .dtype = float64}),
           LSTMCell({.units = 3, .dropout = 0.4, .recurrent_dropout = 0.3, .seed = 2, .dtype = float64}),
           GRUCell({.units = 3, .dropout = 0.4, .recurrent_dropout = 0.3, .seed = 2, .dtype = float64})}) {
    Pair pair(cell);
    const Tensor x = some({4, 6, 5});
    CHECK(pair.agree(x, true));
    const std::vector<double> first = pair.output.to_vector<double>();
    CHECK(pair.agree(x, true));
    CHECK(pair.output.to_vector<double>() != first);
    CHECK(pair.agree(x, false));
  }
}

TEST_CASE("a layer that is built in the first step has weights with values") {
  class Lazy : public Cell {
   public:
    Lazy() : Cell({.state_sizes = {3}, .dtype = float64}) {
      const auto drawn = [](const Shape& shape, DType dtype) { return random_normal(shape, 0, 1, dtype); };
      inner_ = add_layer(Dense({.units = 3, .kernel_initializer = Initializer(drawn), .dtype = float64}));
    }
    CellOutput call(const Tensor& x, const States& states, const CallArgs&) override {
      const Tensor next = tanh(inner_(x) + states[0]);
      return {next, {next}};
    }

   private:
    Ref<layers::Dense> inner_;
  };
  const Ref<Lazy> cell = make<Lazy>();
  Pair pair(cell);
  CHECK(pair.agree(some({2, 5, 4})));
  CHECK_FALSE(cell->weights().at(0).value().is_abstract());
}
