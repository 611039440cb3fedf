// What SimpleRNN, LSTM and GRU have in common, held for each.
#include <algorithm>
#include <limits>

#include "recurrent_support.h"

using namespace unspool;
using namespace unspool::testing;

namespace {

template <class L>
constexpr std::size_t state_count = std::is_same_v<L, layers::LSTM> ? 2 : 1;

template <class L>
States some_states(Index batch, Index units, DType dtype) {
  States states;
  for (std::size_t i = 0; i < state_count<L>; ++i) {
    states.push_back(some({batch, units}, dtype, 5 + static_cast<double>(i)));
  }
  return states;
}

/// Weights that are the same each time.
template <class L>
typename L::Options seeded(Index units) {
  return {.units = units,
          .kernel_initializer = GlorotUniform({.seed = 1}),
          .recurrent_initializer = Orthogonal({.seed = 2}),
          .bias_initializer = RandomNormal({.seed = 3})};
}

/// What a layer makes of inputs of ones in training, step by step, when its equations are such that the
/// input's dropout mask shows: kernels of identities, no bias, gates of 0 in a GRU and of 1 in an LSTM, which
/// then adds up what comes.
template <class L>
std::vector<std::vector<float>> shown_masks(const Ref<L>& layer, Index size) {
  const Tensor x = Tensor::ones({size, 3, size});
  layer->build_once(x.shape());
  std::vector<Tensor> weights = layer->get_weights();
  const Index gates = weights[0].shape().back() / size;
  weights[0] = concat(std::vector<Tensor>(static_cast<std::size_t>(gates), Tensor::eye(size, size)));
  weights[1] = Tensor::zeros(weights[1].shape());
  layer->set_weights(weights);
  const Tensor y = layer(x, {.training = true});
  std::vector<std::vector<float>> steps;
  for (const Tensor& step : unstack(y, 1)) steps.push_back(step.to_vector<float>());
  if constexpr (std::is_same_v<L, layers::LSTM>) {
    for (std::size_t t = 2; t > 0; --t) {
      for (std::size_t i = 0; i < steps[t].size(); ++i) steps[t][i] -= steps[t - 1][i];
    }
  }
  return steps;
}

template <class L>
Ref<L> showing(double rate, std::optional<std::int64_t> seed, Index size, int implementation = 2) {
  typename L::Options options = {.units = size, .activation = "linear", .use_bias = false};
  if constexpr (!std::is_same_v<L, layers::SimpleRNN>) {
    const float gate = std::is_same_v<L, layers::LSTM> ? 1 : 0;
    options.recurrent_activation = Activation([gate](const Tensor& x) { return x * 0 + gate; });
    options.implementation = implementation;
  }
  options.dropout = rate;
  options.return_sequences = true;
  options.seed = seed;
  return make<L>(options);
}

}  // namespace

#define RECURRENT_LAYERS layers::SimpleRNN, layers::LSTM, layers::GRU

TEST_CASE_TEMPLATE("compiled or unrolled, forwards and backwards, masked or not: the same numbers", L,
                   RECURRENT_LAYERS) {
  const Tensor x = some({3, 4, 2}, float64);
  const Tensor holes = mask_of_bits({{0, 1, 1, 0}, {1, 0, 1, 1}, {0, 0, 0, 0}});
  for (int way = 0; way < 16; ++way) {
    auto options = seeded<L>(2);
    options.return_state = true;
    options.return_sequences = (way & 1) != 0;
    options.go_backwards = (way & 2) != 0;
    options.zero_output_for_mask = (way & 4) != 0;
    options.dtype = float64;
    std::vector<std::vector<double>> found;
    for (const bool unroll : {false, true}) {
      options.unroll = unroll;
      const Ref<L> layer = make<L>(options);
      layer(x);
      found.push_back(everything(layer, x, (way & 8) != 0 ? holes : Tensor(), some_states<L>(3, 2, float64)));
    }
    const Tensor compiled = Tensor::from(found[0]);
    CHECK(near(compiled, found[1], 1e-9 * max(abs(compiled)).item<double>()));
  }
}

TEST_CASE_TEMPLATE("what is masked may be anything: not a bit changes, to the second order", L,
                   RECURRENT_LAYERS) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinity = std::numeric_limits<float>::infinity();
  const Tensor mask = mask_of_bits({{0, 1, 1, 0}, {1, 0, 1, 1}, {0, 0, 0, 0}});
  const Tensor x = some({3, 4, 2}, float32);
  const Tensor keep = expand_dims(mask, -1);
  for (const bool sequences : {false, true}) {
    for (const bool backwards : {false, true}) {
      auto options = seeded<L>(2);
      options.return_state = true;
      options.return_sequences = sequences;
      options.go_backwards = backwards;
      const Ref<L> layer = make<L>(options);
      layer(x);
      std::vector<std::vector<double>> found;
      for (const float hidden : {0.0f, nan, infinity, -infinity}) {
        const Tensor dirty = where(keep, x, Tensor::scalar(hidden, float32));
        found.push_back(everything(layer, dirty, mask, some_states<L>(3, 2, float32)));
        CHECK(same_bits(found.front(), found.back()));
      }
      CHECK(std::all_of(found[0].begin(), found[0].end(), [](double value) { return std::isfinite(value); }));
    }
  }
}

TEST_CASE_TEMPLATE("gradients to the second order, with a mask and initial states", L, RECURRENT_LAYERS) {
  const Tensor x = some({2, 3, 2});
  const Tensor mask = mask_of_bits({{0, 1, 1}, {1, 0, 1}});
  const auto check = [&](auto options) {
    options.return_sequences = true;
    options.return_state = true;
    options.dtype = float64;
    const Ref<L> layer = make<L>(options);
    layer(x);
    std::vector<Tensor> inputs = some_states<L>(2, 2, float64);
    inputs.insert(inputs.begin(), x);
    const GradcheckResult result = gradcheck(
        [&](const std::vector<Tensor>& in) {
          return layer(in[0], {.mask = mask, .initial_state = {in.begin() + 1, in.end()}}).all();
        },
        inputs, layer->trainable_weights());
    CHECK_MESSAGE(result, result.message);
  };
  auto options = seeded<L>(2);
  check(options);
  options.go_backwards = true;
  options.zero_output_for_mask = true;
  if constexpr (std::is_same_v<L, layers::GRU>) options.reset_after = false;
  check(options);
}

TEST_CASE_TEMPLATE("dropout: one mask for all steps of a call, of the asked rate, new in the next", L,
                   RECURRENT_LAYERS) {
  for (const double rate : {0.1, 0.5, 0.75}) {
    for (const int implementation : {1, 2}) {
      const Ref<L> layer = showing<L>(rate, 7, 100, implementation);
      const auto steps = shown_masks(layer, 100);
      double kept = 0;
      for (const float value : steps[0]) {
        CHECK((value == 0 || static_cast<double>(value) == doctest::Approx(1 / (1 - rate))));
        kept += value != 0 ? 1 : 0;
      }
      CHECK(likely(kept, 10000, 1 - rate));
      for (std::size_t t = 1; t < 3; ++t) {
        double differing = 0;
        for (std::size_t i = 0; i < steps[t].size(); ++i) {
          if (std::fabs(steps[t][i] - steps[0][i]) > 1e-5f) ++differing;
        }
        CHECK(differing == 0);
      }
      const auto next = shown_masks(layer, 100)[0];
      double both = 0;
      for (std::size_t i = 0; i < next.size(); ++i) both += next[i] != 0 && steps[0][i] != 0 ? 1 : 0;
      CHECK(likely(both, 10000, (1 - rate) * (1 - rate)));
    }
  }
}

TEST_CASE_TEMPLATE("dropout repeats with its seed, whatever the number of threads", L, RECURRENT_LAYERS) {
  const int before = num_threads();
  const auto masks = [](std::int64_t seed, int threads) {
    set_num_threads(threads);
    const Ref<L> layer = showing<L>(0.5, seed, 100);
    std::vector<float> all = shown_masks(layer, 100)[0];
    const std::vector<float> second = shown_masks(layer, 100)[0];
    all.insert(all.end(), second.begin(), second.end());
    return all;
  };
  const std::vector<float> first = masks(1, 1);
  CHECK(masks(1, 1) == first);
  CHECK(masks(1, 4) == first);
  CHECK(masks(2, 1) != first);
  set_num_threads(before);
}

TEST_CASE_TEMPLATE("rate 1 leaves nothing of the input, prediction drops nothing and draws nothing", L,
                   RECURRENT_LAYERS) {
  const Tensor x = some({2, 3, 4}, float32);
  auto options = seeded<L>(3);
  const Tensor plain = make<L>(options)(x);
  const Tensor of_zeros = make<L>(options)(x * 0);
  options.dropout = 1;
  CHECK(make<L>(options)(x, {.training = true}).template to_vector<float>() == of_zeros.to_vector<float>());
  options.dropout = 0.5;
  options.recurrent_dropout = 0.5;
  options.seed = 4;
  const Ref<L> one = make<L>(options);
  const Ref<L> other = make<L>(options);
  CHECK(near(one(x), plain.to_vector<double>()));
  CHECK(one(x, {.training = true}).template to_vector<float>() ==
        other(x, {.training = true}).template to_vector<float>());
}

TEST_CASE("masks of a gate each, or one for all: as Keras counts them") {
  const Tensor x = Tensor::ones({100, 100});
  const auto count = [&](const auto& cell) { return cell->call_cache(x, {.training = true}).tensors.size(); };
  CHECK(count(SimpleRNNCell({.units = 5, .dropout = 0.5})) == 1);
  CHECK(count(SimpleRNNCell({.units = 5, .dropout = 0.5, .recurrent_dropout = 0.5})) == 2);
  CHECK(count(LSTMCell({.units = 5, .dropout = 0.5})) == 1);
  CHECK(count(LSTMCell({.units = 5, .dropout = 0.5, .implementation = 1})) == 4);
  CHECK(count(LSTMCell({.units = 5, .recurrent_dropout = 0.5})) == 4);
  CHECK(count(LSTMCell({.units = 5, .dropout = 0.5, .recurrent_dropout = 0.5})) == 8);
  CHECK(count(GRUCell({.units = 5, .dropout = 0.5})) == 1);
  CHECK(count(GRUCell({.units = 5, .dropout = 0.5, .recurrent_dropout = 0.5})) == 6);
  // Those of the gates are independent, and those of the state have the state's size.
  const Ref<layers::LSTMCell> cell =
      LSTMCell({.units = 100, .dropout = 0.5, .recurrent_dropout = 0.5, .seed = 1});
  const std::vector<Tensor> masks = cell->call_cache(x, {.training = true}).tensors;
  for (std::size_t i = 0; i < masks.size(); ++i) {
    CHECK(masks[i].shape() == Shape{100, 100});
    for (std::size_t j = 0; j < i; ++j) {
      const double both = sum(masks[i] * masks[j]).item<double>() / 4;
      CHECK(likely(both, 10000, 0.25));
    }
  }
}

TEST_CASE("the state's mask is one for all steps as well") {
  SimpleRNNOptions options = {.units = 100,
                              .activation = "linear",
                              .use_bias = false,
                              .kernel_initializer = "zeros",
                              .recurrent_initializer = "identity",
                              .recurrent_dropout = 0.5,
                              .return_sequences = true,
                              .seed = 3};
  const Tensor y = SimpleRNN(options)(Tensor::ones({100, 3, 1}),
                                      {.training = true, .initial_state = {Tensor::ones({100, 100})}});
  const std::vector<Tensor> steps = unstack(y, 1);
  const std::vector<float> first = steps[0].to_vector<float>();
  CHECK(likely(static_cast<double>(std::count(first.begin(), first.end(), 2.0f)), 10000, 0.5));
  CHECK(steps[1].to_vector<float>() == (steps[0] * 2).to_vector<float>());
  CHECK(steps[2].to_vector<float>() == (steps[0] * 4).to_vector<float>());
}

TEST_CASE_TEMPLATE("weights, losses and generators: their numbers", L, RECURRENT_LAYERS) {
  auto options = seeded<L>(3);
  options.kernel_regularizer = "l1";
  options.recurrent_regularizer = "l2";
  options.bias_regularizer = "l1";
  const Ref<L> layer = make<L>(options);
  layer(Tensor::ones({2, 3, 4}));
  CHECK(layer->trainable_weights().size() == 3);
  CHECK(layer->non_trainable_weights().empty());
  CHECK(layer->non_trainable_variables().size() == 1);
  CHECK(layer->losses().size() == 3);
  layer->set_trainable(false);
  CHECK(layer->losses().empty());
  options.activity_regularizer = "l2";
  options.return_state = true;
  const Ref<L> active = make<L>(options);
  active(Tensor::ones({2, 3, 4}));
  CHECK(active->losses().size() == 4 + state_count<L>);
}

TEST_CASE_TEMPLATE("what a call may not be", L, RECURRENT_LAYERS) {
  auto options = seeded<L>(2);
  options.name = "r";
  const Ref<L> layer = make<L>(options);
  const Tensor x = Tensor::ones({2, 3, 4});
  const auto message = [&](const Inputs& inputs, const CallArgs& args = {}) {
    return message_of<ValueError>([&] { layer(inputs, args); });
  };
  for (const Shape& shape : {Shape{2, 3}, Shape{2, 3, 4, 5}}) {
    const std::string rank = message(Tensor::ones(shape));
    CHECK(contains(rank, "the layer r: expected ndim=3, found ndim=" + std::to_string(shape.rank())));
    CHECK(contains(rank, to_string(shape)));
  }
  CHECK(contains(message(Tensor::ones({2, 0, 4})), "the layer r expected at least one time step"));
  layer(x);
  CHECK(contains(message(Tensor::ones({2, 3, 5})), "found 5"));

  const States states = some_states<L>(2, 2, float32);
  States more = states;
  more.push_back(states[0]);
  CHECK(contains(message(x, {.initial_state = more}), "got " + std::to_string(more.size())));
  States wide = states;
  wide.back() = Tensor::ones({2, 3});
  CHECK(contains(message(x, {.initial_state = wide}), "of shape [2, 2], got float32[2, 3]"));
  States long_ones = states;
  long_ones.back() = Tensor::ones({3, 2});
  CHECK(contains(message(x, {.initial_state = long_ones}), "of shape [2, 2], got float32[3, 2]"));
  std::vector<Tensor> with_extra = {x};
  with_extra.insert(with_extra.end(), more.begin(), more.end());
  CHECK(contains(message(with_extra), "r expected no constants, since its cell"));
  CHECK(contains(message(x, {.constants = {x}}), "does not support them, got 1 constant"));
  CHECK(contains(message({x, states[0]}, {.initial_state = states}),
                 "either in the list of inputs or by name"));
  CHECK(contains(message(x, {.mask = mask_of_bits({{1, 1, 1}})}), "a mask of shape [2, 3], got bool[1, 3]"));
  CHECK(contains(message_of<AttributeError>([&] { layer->reset_states(); }),
                 "expected a stateful layer, got r"));

  options.stateful = true;
  const Ref<L> stateful = make<L>(options);
  CHECK(contains(message_of<ValueError>([&] {
                   stateful(Input({.shape = {3, 4}}));
                 }),
                 "expected a known batch size"));
  CHECK(contains(message_of<ValueError>([&] { stateful->reset_states(states); }),
                 "expected a layer that is built"));
  stateful(x);
  CHECK(contains(message_of<ValueError>([&] {
                   stateful(Tensor::ones({5, 3, 4}));
                 }),
                 "expected the batch size 2 that it was built for, got a batch size of 5"));
  CHECK(contains(message_of<ValueError>([&] { stateful->reset_states(more); }),
                 "the layer r expected " + std::to_string(state_count<L>) + " state"));
  CHECK(
      contains(message_of<ValueError>([&] { stateful->reset_states(wide); }), "expected shape [2, 2], got"));
}

TEST_CASE("fit leaves the states of a stateful layer between batches and epochs") {
  SimpleRNNOptions options = {.units = 1,
                              .activation = "linear",
                              .kernel_initializer = "ones",
                              .recurrent_initializer = "ones",
                              .stateful = true};
  const Ref<layers::SimpleRNN> rnn = SimpleRNN(options);
  Sequential model({Input({.shape = {2, 1}, .batch_size = 1}), rnn});
  model.compile({.optimizer = SGD({.learning_rate = 0.0}), .loss = "mse"});
  model.fit(Tensor::ones({1, 2, 1}), Tensor::ones({1, 1}), {.batch_size = 1, .epochs = 3, .verbose = 0});
  CHECK(near(rnn->states().at(0).value(), {6}));
}
