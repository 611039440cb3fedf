// Microseconds of fit() for each batch of a network with next to nothing to compute, so that what remains is
// the training loop: batches, step, optimizer, logs.
//   fit_overhead [ROUNDS]

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include <unspool/unspool.h>

using namespace unspool;

int main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 30;
  constexpr Index batches = 2000;
  set_num_threads(1);
  set_seed(1);
  const Tensor x = random_normal({batches * 4, 4});
  const Tensor y = random_normal({batches * 4, 1});
  const auto measure = [&](const char* name, const Metrics& metrics) {
    Sequential model({Input({.shape = {4}}), Dense({.units = 1})});
    model.compile({.optimizer = SGD({.learning_rate = 0.01}), .loss = "mse", .metrics = metrics});
    std::vector<double> microseconds;
    for (int i = 0; i < rounds; ++i) {
      const auto start = std::chrono::steady_clock::now();
      model.fit(x, y, {.batch_size = 4, .verbose = 0});
      const std::chrono::duration<double, std::micro> time = std::chrono::steady_clock::now() - start;
      microseconds.push_back(time.count() / static_cast<double>(batches));
    }
    std::sort(microseconds.begin(), microseconds.end());
    std::printf("%-16s %7.2f us a batch (least %.2f)\n", name, microseconds[microseconds.size() / 2],
                microseconds.front());
  };
  measure("loss", {});
  measure("loss and mae", "mae");
}
