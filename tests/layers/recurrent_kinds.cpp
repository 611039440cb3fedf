// Masks and dropout where a recurrent layer is made of others: Bidirectional, stacked cells, a cell of one's
// own.
#include <algorithm>
#include <functional>
#include <limits>

#include "recurrent_support.h"

using namespace unspool;
using namespace unspool::testing;

namespace {

/// h' = tanh(x W + h U), with dropout on both.
class OwnCell : public DropoutCell {
 public:
  OwnCell(Index units, DropoutCellOptions dropout) : DropoutCell({.state_sizes = {units}}, dropout) {}
  void build(const Shape& input) override {
    const Index units = state_sizes()[0][0];
    kernel_ = add_weight(
        {.name = "kernel", .shape = {input.back(), units}, .initializer = GlorotUniform({.seed = 1})});
    recurrent_ =
        add_weight({.name = "recurrent", .shape = {units, units}, .initializer = Orthogonal({.seed = 2})});
  }
  CellOutput call(const Tensor& x, const States& states, const CallArgs& args) override {
    const Tensor next =
        tanh(matmul(dropped_input(x, args), kernel_) + matmul(dropped_state(states[0], args), recurrent_));
    return {next, {next}};
  }

 private:
  Variable kernel_, recurrent_;
};

/// Shows what dropout leaves: of the input if it is dropped, else of the state, which stays at ones.
class ShowingCell : public DropoutCell {
 public:
  ShowingCell(Index units, DropoutCellOptions dropout) : DropoutCell({.state_sizes = {units}}, dropout) {}
  using DropoutCell::get_initial_state;
  States get_initial_state(Index batch, DType dtype) override {
    return {Tensor::ones({batch, state_sizes()[0][0]}, dtype)};
  }
  CellOutput call(const Tensor& x, const States& states, const CallArgs& args) override {
    return {dropout() > 0 ? dropped_input(x, args) : dropped_state(states[0], args), {states[0]}};
  }
};

constexpr Index size = 100;

/// Of an input of ones it gives ones, but for its dropout.
SimpleRNNCellOptions identity(double rate, std::int64_t seed) {
  return {.units = size,
          .activation = "linear",
          .kernel_initializer = "identity",
          .recurrent_initializer = "zeros",
          .dropout = rate,
          .seed = seed};
}

/// Layers whose outputs show their dropout masks; `masks` of them are multiplied.
struct Kind {
  std::string name;
  int masks;
  std::function<Ref<Layer>(double rate, std::int64_t seed)> make;
};

std::vector<Kind> kinds() {
  return {
      {"Bidirectional", 1,
       [](double rate, std::int64_t seed) -> Ref<Layer> {
         SimpleRNNOptions options = options_from<SimpleRNNOptions>(identity(rate, seed));
         options.return_sequences = true;
         return Bidirectional(SimpleRNN(options));
       }},
      {"StackedRNNCells", 2,
       [](double rate, std::int64_t seed) -> Ref<Layer> {
         return RNN({SimpleRNNCell(identity(rate, seed)), SimpleRNNCell(identity(rate, seed + 100))},
                    {.return_sequences = true});
       }},
      {"a cell of one's own", 1,
       [](double rate, std::int64_t seed) -> Ref<Layer> {
         return RNN(make<ShowingCell>(size, DropoutCellOptions{.dropout = rate, .seed = seed}),
                    {.return_sequences = true});
       }},
      {"the state of a cell of one's own", 1,
       [](double rate, std::int64_t seed) -> Ref<Layer> {
         return RNN(make<ShowingCell>(size, DropoutCellOptions{.recurrent_dropout = rate, .seed = seed}),
                    {.return_sequences = true});
       }},
  };
}

/// The outputs of one call, step by step, each of 10,000 draws or twice as many.
std::vector<std::vector<float>> steps_of(const Ref<Layer>& layer) {
  std::vector<std::vector<float>> steps;
  const Tensor y = layer(Tensor::ones({100, 3, size}), {.training = true});
  for (const Tensor& step : unstack(y, 1)) steps.push_back(step.to_vector<float>());
  return steps;
}

}  // namespace

TEST_CASE(
    "what is masked may be anything, in layers made of others: not a bit changes, to the second order") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinity = std::numeric_limits<float>::infinity();
  const Tensor mask = mask_of_bits({{0, 1, 1, 0}, {1, 0, 1, 1}, {0, 0, 0, 0}});
  const Tensor keep = expand_dims(mask, -1);
  const Tensor x = some({3, 4, 2}, float32);
  const auto check = [&](const Ref<Layer>& layer, std::size_t state_count) {
    States states;
    for (std::size_t i = 0; i < state_count; ++i) {
      states.push_back(some({3, 2}, float32, 5 + static_cast<double>(i)));
    }
    layer(x);
    std::vector<std::vector<double>> found;
    for (const float hidden : {0.0f, nan, infinity, -infinity}) {
      const Tensor dirty = where(keep, x, Tensor::scalar(hidden, float32));
      found.push_back(everything(layer, dirty, mask, states));
      CHECK(same_bits(found.front(), found.back()));
    }
    CHECK(std::all_of(found[0].begin(), found[0].end(), [](double value) { return std::isfinite(value); }));
  };
  for (const bool sequences : {false, true}) {
    for (const std::optional<std::string>& mode :
         {std::optional<std::string>("concat"), std::optional<std::string>("mul"),
          std::optional<std::string>()}) {
      check(Bidirectional(LSTM({.units = 2, .return_sequences = sequences, .return_state = true}),
                          {.merge_mode = mode}),
            4);
    }
    for (const bool backwards : {false, true}) {
      for (const bool zero : {false, true}) {
        const RNNOptions options = {.return_sequences = sequences,
                                    .return_state = true,
                                    .go_backwards = backwards,
                                    .zero_output_for_mask = zero};
        check(RNN({LSTMCell({.units = 2}), GRUCell({.units = 2}), SimpleRNNCell({.units = 2})}, options), 4);
        check(RNN(make<OwnCell>(2, DropoutCellOptions{}), options), 1);
      }
    }
  }
}

TEST_CASE(
    "dropout in layers made of others: one mask for all steps, of the asked rate, new in the next call") {
  for (const Kind& kind : kinds()) {
    CAPTURE(kind.name);
    for (const double rate : {0.1, 0.5, 0.75}) {
      const double probability = std::pow(1 - rate, kind.masks);
      const Ref<Layer> layer = kind.make(rate, 7);
      const auto steps = steps_of(layer);
      const double draws = static_cast<double>(steps[0].size());
      double kept = 0;
      double off_scale = 0;
      for (const float value : steps[0]) {
        kept += value != 0 ? 1 : 0;
        off_scale += value == 0 || static_cast<double>(value) == doctest::Approx(1 / probability) ? 0 : 1;
      }
      CHECK(off_scale == 0);
      CHECK(draws >= 10000);
      // Both directions of Bidirectional draw of one seed, and so alike: half the draws count.
      CHECK(likely(kept * 10000 / draws, 10000, probability));
      CHECK(steps[1] == steps[0]);
      CHECK(steps[2] == steps[0]);
      const auto next = steps_of(layer)[0];
      double both = 0;
      for (std::size_t i = 0; i < next.size(); ++i) both += next[i] != 0 && steps[0][i] != 0 ? 1 : 0;
      CHECK(likely(both * 10000 / draws, 10000, probability * probability));
    }
  }
}

TEST_CASE("dropout in layers made of others repeats with its seed, whatever the number of threads") {
  const int before = num_threads();
  for (const Kind& kind : kinds()) {
    CAPTURE(kind.name);
    const auto masks = [&](std::int64_t seed, int threads) {
      set_num_threads(threads);
      const Ref<Layer> layer = kind.make(0.5, seed);
      std::vector<float> all = steps_of(layer)[0];
      const std::vector<float> second = steps_of(layer)[0];
      all.insert(all.end(), second.begin(), second.end());
      return all;
    };
    const std::vector<float> first = masks(1, 1);
    CHECK(masks(1, 1) == first);
    CHECK(masks(1, 4) == first);
    CHECK(masks(2, 1) != first);
  }
  set_num_threads(before);
}
