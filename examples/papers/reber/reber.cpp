// The embedded Reber grammar, on which the LSTM was first shown: S. Hochreiter and J. Schmidhuber, Long
// Short-Term Memory, Neural Computation 9(8), 1997, experiment 1.
//
//     scripts/example.sh reber
//
// A string is B, then T or P, then a string of Reber's grammar (BTXSE, BPTTVVE, ...), then the second symbol
// again, then E. A network reads a string symbol by symbol and says which one comes next. Most steps allow
// two symbols, and a short memory finds them. The last but one allows a single symbol, which depends on what
// was read at the second step, so that the network has to remember it for the whole string.
//
// As in the paper a trial trains on 256 random strings and tests on 256 others, and is solved when every step
// of all 512 strings is right: the outputs of the symbols that the grammar allows are above those of all
// others. Each trial has its own strings and initial weights. In the paper LSTMs of 264 to 276 weights solve
// 97 to 100 % of 30 trials, and other recurrent networks of the time 0 to 50 %. Unlike the paper, this
// program trains an LSTM of 12 units, 1,051 weights, with Adam on batches, and with gradients through the
// whole string.
//
// A simple recurrent net (tanh) runs in the first ten trials for comparison.
//
// Arguments: the number of trials, and the largest number of epochs of a trial.
#include <algorithm>
#include <array>
#include <cstdint>
#include <iostream>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <unspool/unspool.h>

using namespace unspool;

namespace {

const std::string symbols = "BTPSXVE";
constexpr Index symbol_count = 7;

/// A string, and for each of its symbols but the last those that may come next.
struct Sentence {
  std::string text;
  std::vector<std::string> allowed;
};

Sentence sentence(std::mt19937_64& random) {
  // Reber's grammar: from each node two edges, each with a symbol and the node to which it leads.
  using Edges = std::array<std::pair<char, std::size_t>, 2>;
  static constexpr std::array<Edges, 5> graph = {Edges{{{'T', 1}, {'P', 2}}}, Edges{{{'S', 1}, {'X', 3}}},
                                                 Edges{{{'T', 2}, {'V', 4}}}, Edges{{{'X', 2}, {'S', 5}}},
                                                 Edges{{{'P', 3}, {'V', 5}}}};
  std::bernoulli_distribution second(0.5);
  const char outer = second(random) ? 'P' : 'T';
  Sentence result{std::string("B") + outer + 'B', {"TP", "B"}};
  for (std::size_t node = 0; node < graph.size();) {
    const Edges& edges = graph[node];
    result.allowed.push_back({edges[0].first, edges[1].first});
    const auto& [symbol, next] = edges[second(random)];
    result.text += symbol;
    node = next;
  }
  result.text += std::string("E") + outer + 'E';
  result.allowed.insert(result.allowed.end(), {"E", {outer}, "E"});
  return result;
}

/// Strings as tensors, padded with zeros at their ends.
struct Strings {
  Tensor x;        // (strings, steps, symbols), one-hot
  Tensor y;        // (strings, steps): the next symbol
  Tensor allowed;  // (strings, steps, symbols), bool: those that the grammar allows next
};

Strings tensors(const std::vector<Sentence>& sentences) {
  std::vector<Tensor> x, y, allowed;
  for (const Sentence& sentence : sentences) {
    std::vector<std::int32_t> ids;
    for (const char symbol : sentence.text) ids.push_back(static_cast<std::int32_t>(symbols.find(symbol)));
    const Tensor all = Tensor::from(ids);
    x.push_back(one_hot(slice(all, 0, 0, all.size() - 1), symbol_count));
    y.push_back(slice(all, 0, 1, all.size()));
    std::vector<float> row;
    for (const std::string& next : sentence.allowed) {
      for (const char symbol : symbols) row.push_back(next.find(symbol) != std::string::npos);
    }
    allowed.push_back(Tensor::from(row, x.back().shape()));
  }
  const PadSequencesOptions padding{.padding = "post"};
  return {pad_sequences(x, padding), pad_sequences(y, padding), pad_sequences(allowed, padding) > 0};
}

/// The number of steps that are wrong: an allowed symbol's logit is not above those of all others.
Index wrong_steps(const Model& model, const Strings& strings) {
  const Tensor logits = model.predict(strings.x, {.batch_size = 256});
  const Tensor lowest = min(where(strings.allowed, logits, 1e9), -1);
  const Tensor highest = max(where(strings.allowed, -1e9, logits), -1);
  const Tensor step = any(strings.allowed, -1);  // not padding
  return sum(cast(step & (lowest <= highest), int32)).item<Index>();
}

struct Trial {
  Index epochs = 0;
  Index wrong = 0;  // steps, after the last epoch
};

/// Trains until every step of both parts is right, which is looked at after each epoch.
Trial train(const Ref<Layer>& layer, const Strings& training, const Strings& test, Index epochs) {
  Sequential model({Input({.shape = {None, symbol_count}}), Masking(), layer, Dense(symbol_count)});
  model.compile({.optimizer = Adam({.learning_rate = 0.02, .global_clipnorm = 1}),
                 .loss = SparseCategoricalCrossentropy({.from_logits = true})});
  Trial trial;
  const auto look = [&] {
    ++trial.epochs;
    trial.wrong = wrong_steps(model, training) + wrong_steps(model, test);
    if (trial.wrong == 0) model.stop_training();
  };
  model.fit(training.x, training.y,
            {.batch_size = 4,
             .epochs = epochs,
             .verbose = 0,
             .callbacks = {LambdaCallback({.on_epoch_end = look})}});
  return trial;
}

std::ostream& operator<<(std::ostream& stream, const Trial& trial) {
  if (trial.wrong == 0) return stream << "solved after " << trial.epochs << " epochs";
  return stream << trial.wrong << " steps wrong after " << trial.epochs << " epochs";
}

}  // namespace

int main(int argc, char** argv) {
  const int trials = argc > 1 ? std::stoi(argv[1]) : 30;
  const Index full = 800, epochs = argc > 2 ? std::stoi(argv[2]) : full;
  constexpr std::size_t strings = 256;

  const int compared = std::min(trials, 10);  // A trial that is not solved takes long.

  int lstms = 0, simple = 0;
  Index shown = 0;
  bool learned = true;
  for (int number = 1; number <= trials; ++number) {
    // Seeds up to 200 are those of the trials on which the settings were chosen.
    const auto seed = static_cast<std::uint64_t>(200 + number);
    set_random_seed(seed);
    std::mt19937_64 random(seed);
    std::vector<Sentence> first, second;
    for (std::set<std::string> known; second.size() < strings;) {
      Sentence next = sentence(random);
      if (!known.insert(next.text).second) continue;  // no string occurs twice
      (first.size() < strings ? first : second).push_back(std::move(next));
    }
    const Strings training = tensors(first), test = tensors(second);
    const Trial lstm = train(LSTM({.units = 12, .return_sequences = true}), training, test, epochs);
    std::cout << "trial " << number << ": LSTM " << lstm << std::flush;
    lstms += lstm.wrong == 0;
    if (number <= compared) {
      const Trial net = train(SimpleRNN({.units = 15, .return_sequences = true}), training, test, epochs);
      std::cout << "; simple recurrent net " << net;
      simple += net.wrong == 0;
    }
    std::cout << std::endl;
    if (lstm.wrong == 0) shown += lstm.epochs * Index{strings};
    const Index all = sum(cast(any(training.allowed, -1), int32)).item<Index>() +
                      sum(cast(any(test.allowed, -1), int32)).item<Index>();
    learned = learned && 10 * lstm.wrong < all;
  }
  std::cout << "LSTM: " << lstms << " of " << trials << " trials solved";
  if (lstms > 0) std::cout << ", on average after " << shown / lstms << " strings";
  std::cout << "\nsimple recurrent net: " << simple << " of " << compared << " trials solved\n";
  // In a short run, nine steps in ten are enough. The paper's 97 % are 29 of 30.
  if (epochs < full) return learned ? 0 : 1;
  return 30 * lstms >= 29 * trials ? 0 : 1;
}
