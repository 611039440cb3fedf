// The adding problem: two of 150 numbers are marked, and a network that reads all of them says what the two
// add up to. S. Hochreiter and J. Schmidhuber made it up to show what an LSTM remembers (Neural Computation
// 9(8), 1997); these are the sizes of Q. V. Le, N. Jaitly and G. E. Hinton, A Simple Way to Initialize
// Recurrent Networks of Rectified Linear Units, 2015.
//
//     scripts/example.sh adding
//
// The numbers are uniform in [0, 1], one mark is in the first half, the other one in the second. Whoever
// always answers 1 has a mean squared error of 1/6. In the paper an LSTM and an IRNN, a simple recurrent net
// of rectified linear units whose recurrent weights start as the identity, get far below that for 150 steps,
// and a simple recurrent net with tanh does not. All have 100 units. Unlike the paper, which trains with
// plain gradient descent for up to a million steps, this program trains with Adam on new numbers for each
// batch.
//
// A net has learned the problem when its error on 2,000 test sequences is below 0.01.
//
// Arguments: the largest number of steps of a net, and the number of seeds.
#include <algorithm>
#include <cstdint>
#include <iostream>
#include <string>
#include <vector>

#include <unspool/unspool.h>

using namespace unspool;

namespace {

constexpr Index length = 150, units = 100, batch_size = 32;
constexpr double learned = 0.01, chance = 1.0 / 6;

struct Sequences {
  Tensor x;  // (sequences, length, 2): a number, and 1 if it counts
  Tensor y;  // (sequences, 1)
};

Sequences sequences(Index count) {
  const auto marks = [&](Index first, Index last) {
    return one_hot(
        cast(floor(random_uniform({count}, static_cast<double>(first), static_cast<double>(last))), int32),
        length);
  };
  const Tensor numbers = random_uniform({count, length});
  const Tensor marked = marks(0, length / 2) + marks(length / 2, length);
  return {stack({numbers, marked}, 2), sum(numbers * marked, 1, true)};
}

struct Net {
  std::string name;
  Ref<Layer> layer;
  double learning_rate;
  bool learns;  // in the paper
};

std::vector<Net> nets() {
  return {{"LSTM", LSTM({.units = units}), 0.01, true},
          {"IRNN",
           SimpleRNN({.units = units,
                      .activation = "relu",
                      .kernel_initializer = RandomNormal({.stddev = 0.001}),
                      .recurrent_initializer = "identity"}),
           0.001, true},
          {"tanh", SimpleRNN({.units = units}), 0.001, false}};
}

struct Result {
  Index steps = 0;
  double error = 0;  // on the test sequences
};

/// Trains until the problem is learned, which is looked at every 500 steps.
Result train(const Net& net, const Sequences& test, Index most) {
  Sequential model({Input({.shape = {length, 2}}), net.layer, Dense(1)});
  model.compile(
      {.optimizer = Adam({.learning_rate = net.learning_rate, .global_clipnorm = 1}), .loss = "mse"});
  Result result;
  do {
    const Index more = std::min<Index>(500, most - result.steps);
    model.fit(
        [] {
          const Sequences batch = sequences(batch_size);
          return Batch{batch.x, batch.y};
        },
        {.verbose = 0, .steps_per_epoch = more});
    result.steps += more;
    result.error = model.evaluate(test.x, test.y, {.batch_size = 500, .verbose = 0})["loss"];
  } while (result.error >= learned && result.steps < most);
  return result;
}

}  // namespace

int main(int argc, char** argv) {
  // The tanh net is given less, since its error does not move.
  constexpr Index full = 20'000, full_tanh = 4'000;
  const Index most = argc > 1 ? std::stoi(argv[1]) : full;
  const int seeds = argc > 2 ? std::stoi(argv[2]) : 3;
  bool as_in_the_paper = true;
  for (int seed = 1; seed <= seeds; ++seed) {
    set_random_seed(static_cast<std::uint64_t>(seed));
    const Sequences test = sequences(2000);
    std::cout << "seed " << seed << ":" << std::flush;
    for (const Net& net : nets()) {
      const Result result = train(net, test, net.learns ? most : std::min(most, full_tanh));
      std::cout << (net.name == "LSTM" ? " " : "; ") << net.name << " " << result.error << " after "
                << result.steps << " steps" << std::flush;
      // In a short run, that they start from chance is enough.
      const bool as_expected = most < full  ? result.error < 2 * chance
                               : net.learns ? result.error < learned
                                            : result.error > 0.9 * chance;
      as_in_the_paper = as_in_the_paper && as_expected;
    }
    std::cout << std::endl;
  }
  return as_in_the_paper ? 0 : 1;
}
