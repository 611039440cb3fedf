// Layers that keep the states of every k-th step: the same numbers in less memory.
#include <cstring>
#include <functional>

#include "recurrent_support.h"

using namespace unspool;
using namespace unspool::testing;

namespace {

/// Lei et al. 2018, with noise of its own and constants: what it does is known to nobody but its call().
class RecomputedCell : public Cell {
 public:
  RecomputedCell() : Cell({.state_sizes = {3}, .dtype = float64}) {
    noise_ = add_layer(GaussianNoise({.stddev = 0.3, .seed = 4, .dtype = float64}));
  }
  bool supports_constants() const override { return true; }
  void build(const Shape& input) override {
    kernel_ = add_weight(
        {.name = "kernel", .shape = {input.back(), 12}, .initializer = GlorotUniform({.seed = 1})});
  }
  CellOutput call(const Tensor& x, const States& states, const CallArgs& args) override {
    const auto [value, forget, reset, skip] = split<4>(noise_(matmul(x, kernel_)));
    const Tensor f = sigmoid(forget);
    Tensor c = f * states[0] + (1 - f) * value;
    if (!args.constants.empty()) c = c + args.constants[0];
    const Tensor r = sigmoid(reset);
    return {r * tanh(c) + (1 - r) * skip, {c}};
  }

 private:
  Ref<layers::GaussianNoise> noise_;
  Variable kernel_;
};

/// Layers that differ in the option alone: SimpleRNN, LSTM, both GRUs, a cell of one's own, stacked cells.
using Maker = std::function<Ref<layers::RNN>(RNNOptions)>;

template <class L>
Maker maker(typename L::Options cell) {
  return [=](const RNNOptions& loop) -> Ref<layers::RNN> {
    auto options = cell;
    options.units = 3;
    options.dropout = 0.3;
    options.recurrent_dropout = 0.2;
    options.seed = 9;
    options.dtype = float64;
    options.return_sequences = loop.return_sequences;
    options.return_state = loop.return_state;
    options.go_backwards = loop.go_backwards;
    options.stateful = loop.stateful;
    options.zero_output_for_mask = loop.zero_output_for_mask;
    options.time_major = loop.time_major;
    options.recompute_every = loop.recompute_every;
    return make<L>(options);
  };
}

std::vector<Maker> makers() {
  const auto around = [](const std::function<Ref<Cell>()>& cell) {
    return [=](RNNOptions options) -> Ref<layers::RNN> {
      options.dtype = float64;
      return RNN(cell(), options);
    };
  };
  return {maker<layers::SimpleRNN>({.units = 3}),
          maker<layers::LSTM>({.units = 3, .implementation = 1}),
          maker<layers::GRU>({.units = 3}),
          maker<layers::GRU>({.units = 3, .reset_after = false}),
          around([]() -> Ref<Cell> { return make<RecomputedCell>(); }),
          around([]() -> Ref<Cell> {
            return StackedRNNCells({LSTMCell({.units = 3, .dtype = float64}),
                                    GRUCell({.units = 2, .dropout = 0.4, .seed = 3, .dtype = float64})});
          })};
}

struct Trained {
  std::vector<Tensor> values;
  std::vector<Tensor> gradients;
  std::vector<Tensor> second;
};

/// Two calls in training, of which the second has gradients.
Trained trained(const Maker& make, RNNOptions options, Index every, bool masked) {
  set_seed(11);
  options.recompute_every = every;
  const Ref<layers::RNN> layer = make(options);
  const bool time_major = options.time_major;
  const Tensor x = some(time_major ? Shape{7, 4, 2} : Shape{4, 7, 2});
  const Tensor constant = some({4, 3}, float64, 5);
  CallArgs args{.training = true};
  if (masked) {
    const Tensor mask = mask_of_bits(
        {{1, 1, 0, 1, 0, 0, 1}, {0, 1, 1, 1, 1, 1, 0}, {1, 1, 1, 1, 1, 1, 1}, {0, 0, 0, 0, 0, 0, 0}});
    args.mask = time_major ? transpose(mask) : mask;
  }
  if (layer->cell()->supports_constants()) args.constants = {constant};
  layer->build_once(x.shape());
  fill_with_sines(*layer);
  Trained all;
  const auto squares = [](const std::vector<Tensor>& tensors) {
    Tensor total;
    for (const Tensor& y : tensors) total = total ? total + sum(square(y)) : sum(square(y));
    return total;
  };
  const std::vector<Tensor> first = layer(x, args).all();
  GradientTape outer;
  GradientTape inner;
  std::vector<Source> sources{x};
  if (!args.constants.empty()) sources.emplace_back(constant);
  for (const Source& source : sources) {
    outer.watch(source.tensor());
    inner.watch(source.tensor());
  }
  all.values = layer(x, args).all();
  for (const Variable& weight : layer->trainable_weights()) sources.emplace_back(weight);
  all.gradients = inner.gradient(squares(all.values), sources);
  all.second = outer.gradient(squares(all.gradients), sources);
  all.values.insert(all.values.end(), first.begin(), first.end());
  for (const Variable& state : layer->states()) all.values.push_back(state.value());
  return all;
}

bool bits_equal(const Tensor& a, const Tensor& b) {
  return a.shape() == b.shape() && std::memcmp(a.raw(), b.raw(), a.bytes()) == 0;
}

bool close(const std::vector<Tensor>& made, const std::vector<Tensor>& right, double tolerance) {
  bool same = made.size() == right.size();
  for (std::size_t i = 0; same && i < made.size(); ++i) {
    same = near(made[i], right[i].to_vector<double>(),
                tolerance * std::max(1.0, max(abs(right[i])).item<double>()));
  }
  return same;
}

}  // namespace

TEST_CASE("recompute_every: outputs to the bit, gradients of both orders, whatever the options") {
  const std::vector<Maker> all = makers();
  for (std::size_t kind = 0; kind < all.size(); ++kind) {
    for (unsigned bits = 0; bits < 32; ++bits) {
      const auto on = [&](unsigned bit) { return (bits >> bit & 1U) != 0; };
      // Two options on each bit, so that a table of 32 has every pair.
      RNNOptions options{.return_sequences = on(0), .return_state = on(1), .go_backwards = on(2)};
      options.stateful = on(3);
      options.zero_output_for_mask = on(1);
      options.time_major = on(4);
      const bool masked = on(0) != on(2);
      const Index every = std::array<Index, 5>{1, 2, 3, 7, 9}[(bits + kind) % 5];
      CAPTURE(kind);
      CAPTURE(bits);
      const Trained right = trained(all[kind], options, 0, masked);
      const Trained made = trained(all[kind], options, every, masked);
      REQUIRE(made.values.size() == right.values.size());
      for (std::size_t i = 0; i < right.values.size(); ++i)
        CHECK(bits_equal(made.values[i], right.values[i]));
      CHECK(close(made.gradients, right.gradients, 1e-12));
      CHECK(close(made.second, right.second, 1e-11));
    }
  }
}

TEST_CASE("recompute_every: within Bidirectional and a model that is trained") {
  const auto losses = [](Index every) {
    set_seed(5);
    const Tensor x = some({6, 9, 2}, float32);
    const Tensor y = some({6, 1}, float32, 3);
    Sequential model({Input({.shape = {9, 2}}),
                      Bidirectional(LSTM({.units = 4, .return_sequences = true, .recompute_every = every})),
                      GRU({.units = 3, .dropout = 0.2, .recompute_every = every}), Dense({.units = 1})});
    model.compile({.optimizer = Adam(), .loss = "mse"});
    return model.fit(x, y, {.batch_size = 3, .epochs = 4, .verbose = 0}).history["loss"];
  };
  const auto right = losses(0);
  const auto made = losses(4);
  REQUIRE(made.size() == right.size());
  for (std::size_t i = 0; i < right.size(); ++i) CHECK(made[i] == doctest::Approx(right[i]).epsilon(1e-5));
}

TEST_CASE("recompute_every: a config says it where it is set, and Keras' has none") {
  const Ref<layers::LSTM> plain = LSTM({.units = 3});
  CHECK_FALSE(plain->get_config().contains("recompute_every"));
  CHECK_FALSE(RNN(LSTMCell({.units = 3}))->get_config().contains("recompute_every"));
  for (const Ref<Layer>& layer : std::vector<Ref<Layer>>{
           SimpleRNN({.units = 3, .recompute_every = 4}), LSTM({.units = 3, .recompute_every = 4}),
           GRU({.units = 3, .recompute_every = 4}), RNN(LSTMCell({.units = 3}), {.recompute_every = 4})}) {
    const Config config = layer->get_config();
    CHECK(config["recompute_every"].as<Index>() == 4);
    CHECK(clone(layer)->get_config() == config);
  }
}

TEST_CASE("recompute_every: what is refused") {
  CHECK(
      contains(message_of<ValueError>([] { GRU({.units = 2, .recompute_every = -1}); }), "recompute_every"));
  CHECK(contains(message_of<ValueError>([] { GRU({.units = 2, .unroll = true, .recompute_every = 2}); }),
                 "expected unroll = false"));
}

TEST_CASE("recompute_every: the plan says it") {
  const Ref<layers::LSTM> layer = LSTM({.units = 3, .recompute_every = 16});
  layer(Tensor::ones({2, 40, 4}));
  const std::string plan = layer->plan();
  CHECK(contains(plan, "recomputes every 16 steps"));
  CHECK(contains(plan, "forward again"));
  CHECK(contains(plan, "16 steps from the last to the first"));
}
