// Chorales by J. S. Bach: which notes sound at the next step? After J. Chung, C. Gulcehre, K. Cho and Y.
// Bengio, Empirical Evaluation of Gated Recurrent Neural Networks on Sequence Modeling, 2014, table 2.
//
//     scripts/example.sh jsb PATH/jsb_chorales_quarter.json
//
// The data are 382 chorales in steps of a quarter note (N. Boulanger-Lewandowski, Y. Bengio and P. Vincent,
// Modeling Temporal Dependencies in High-Dimensional Sequences, 2012), split into 229 for training, 76 for
// validation and 77 for the test. They are not part of this project, since their licence is not known.
//
// At each step a network reads the notes that sound, 88 numbers that are 0 or 1, and gives for each note the
// probability that it sounds at the next step. At the first step it reads silence. The figure is the negative
// log-likelihood of a step, in nats: the sum of the binary cross-entropies of the 88 notes, averaged over all
// steps of all chorales, the first ones included.
//
// The networks have the sizes of the paper, about 20,000 weights each. With 229 chorales all of them overfit:
// the epoch with the best validation counts, and its weights are those of the test. The paper regularizes
// with noise on the weights and trains with RMSProp; this program uses dropout and Adam.
//
// Arguments: the file, the largest number of epochs, and how many seeds to train with.
#include <cstdint>
#include <fstream>
#include <functional>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include <unspool/unspool.h>

using namespace unspool;

namespace {

constexpr Index notes = 88;  // a piano's keys, MIDI 21 to 108
constexpr std::int64_t lowest_note = 21;

/// A part of the data: of each chorale a tensor (steps, notes) with 1 where a note sounds.
std::vector<Tensor> read(const Config& part) {
  std::vector<Tensor> chorales;
  for (const Config& chorale : part.elements()) {
    std::vector<float> values;
    for (const auto& sounding : chorale.as<std::vector<std::vector<std::int64_t>>>()) {
      std::vector<float> step(notes);
      for (const std::int64_t note : sounding) {
        if (note < lowest_note || note >= lowest_note + notes)
          throw ValueError(chorale.path() + ": expected notes from 21 to 108, got " + std::to_string(note));
        step[static_cast<std::size_t>(note - lowest_note)] = 1;
      }
      values.insert(values.end(), step.begin(), step.end());
    }
    chorales.push_back(Tensor(values, {static_cast<Index>(values.size()) / notes, notes}));
  }
  return chorales;
}

/// Inputs and targets of each chorale: the notes of a step, and before them those of the step before.
Dataset samples(const std::vector<Tensor>& chorales) {
  return Dataset::from_function(static_cast<Index>(chorales.size()), [chorales](Index i) {
    const Tensor& chorale = chorales[static_cast<std::size_t>(i)];
    const Tensor silence = Tensor::zeros({1, notes});
    return Batch{.x = concat({silence, slice(chorale, 0, 0, chorale.shape()[0] - 1)}, 0), .y = chorale};
  });
}

/// Batches of `size` chorales, padded at their ends. The mask keeps the padding out of the loss.
Dataset padded(const Dataset& chorales, Index size) { return chorales.padded_batch(size, {.mask = true}); }

/// The negative log-likelihood of the test if each note sounds as often as in the training part.
double marginal(const std::vector<Tensor>& training, const std::vector<Tensor>& test) {
  const Tensor p = mean(concat(training, 0), 0), y = concat(test, 0);
  const Tensor sounding = where(p > 0, log(maximum(p, 1e-30)), 0);
  return double(-mean(sum(y * sounding + (1 - y) * log(1 - p), 1)));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::cerr << "expected the path of jsb_chorales_quarter.json; github.com/czhuang/JSB-Chorales-dataset "
                 "has it as "
                 "jsb-chorales-quarter.json\n";
    return 2;
  }
  const Index full = 80, epochs = argc > 2 ? std::stoi(argv[2]) : full;
  const int seeds = argc > 3 ? std::stoi(argv[3]) : 3;
  std::ifstream file(argv[1]);
  if (!file) throw FileError(argv[1] + std::string(": cannot be read"));
  std::stringstream content;
  content << file.rdbuf();
  const Config parts = from_json(content.str()).named(argv[1]);
  const std::vector<Tensor> training = read(parts["train"]), validation = read(parts["valid"]),
                            test = read(parts["test"]);

  struct Network {
    std::string name;
    std::function<Ref<Layer>()> make;
    double published;
  };
  const Network networks[] = {
      {"tanh, 100 units", [] { return SimpleRNN({.units = 100, .return_sequences = true}); }, 9.10},
      {"GRU, 46 units", [] { return GRU({.units = 46, .return_sequences = true}); }, 8.54},
      {"LSTM, 36 units", [] { return LSTM({.units = 36, .return_sequences = true}); }, 8.67},
  };
  const double unlearned = marginal(training, test);
  std::cout << "Each note as often as in the training part: " << unlearned << '\n';

  bool reached = true;
  for (const Network& network : networks) {
    double total = 0;
    for (int seed = 1; seed <= seeds; ++seed) {
      set_random_seed(static_cast<std::uint64_t>(seed));
      // Few notes sound. With a bias of -3 the first outputs are 0.05, and not a half.
      Sequential model({Input({.shape = {None, notes}}), network.make(), Dropout(0.2),
                        Dense({.units = notes, .bias_initializer = Constant(-3)})});
      model.compile({.optimizer = Adam({.learning_rate = 5e-3, .global_clipnorm = 1}),
                     .loss = BinaryCrossentropy({.from_logits = true})});
      const auto stop = EarlyStopping({.patience = 12, .restore_best_weights = true});
      // All of validation and of test are one batch, whose loss is the mean over all steps.
      const History history = model.fit(padded(samples(training).shuffle(229), 4),
                                        {.epochs = epochs,
                                         .verbose = 0,
                                         .callbacks = {stop},
                                         .validation_data = padded(samples(validation), 76)});
      // The loss is the mean over the notes, the figure their sum.
      const double found = notes * model.evaluate(padded(samples(test), 77), {.verbose = 0})["loss"];
      std::cout << network.name << ", " << model.count_params() << " weights, seed " << seed
                << ": validation " << notes * stop->best().value() << " after " << stop->best_epoch() + 1
                << " of " << history.epoch.size() << " epochs, test " << found << std::endl;
      total += found;
    }
    const double mean = total / seeds;
    std::cout << network.name << ", mean of " << seeds << " seeds: " << mean << " (in the paper "
              << network.published << ")\n";
    reached = reached && mean <= (epochs < full ? unlearned : network.published + 0.15);
  }
  return reached ? 0 : 1;
}
