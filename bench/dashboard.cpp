// What Dashboard() costs: the processor time of an epoch on one thread with it and without it, interleaved.
// Run it in a terminal:
//   dashboard [ROUNDS [EPOCHS OF A ROUND]]

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <unistd.h>
#include <vector>

#include <unspool/unspool.h>

using namespace unspool;

namespace {

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2),
                   values.end());
  return values[values.size() / 2];
}

}  // namespace

int main(int count, char** words) {
  const int rounds = count > 1 ? std::atoi(words[1]) : 7;
  const Index epochs = count > 2 ? std::atoi(words[2]) : 20;
  if (::isatty(STDOUT_FILENO) == 0) {
    std::fprintf(stderr, "dashboard: expected the standard output to be a terminal\n");
    return 1;
  }
  set_num_threads(1);
  set_seed(1);
  const Tensor x = random_normal({2048, 32, 8});
  const Tensor y = cast(sum(slice(x, 2, 0, 1), {1, 2}) > 0, int32);
  Sequential model({Input({.shape = {32, 8}}), LSTM({.units = 64, .return_sequences = true}),
                    GRU({.units = 64}), Dense({.units = 1, .activation = "sigmoid"})});
  model.compile({.optimizer = "adam", .loss = "binary_crossentropy", .metrics = {"accuracy"}});
  const auto seconds_an_epoch = [&](const Callbacks& callbacks) {
    const std::clock_t start = std::clock();
    model.fit(x, y, {.epochs = epochs, .verbose = 0, .callbacks = callbacks});
    return static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC / static_cast<double>(epochs);
  };
  seconds_an_epoch({});
  std::vector<double> without;
  std::vector<double> with;
  std::vector<double> shares;
  for (int i = 0; i < rounds; ++i) {
    without.push_back(seconds_an_epoch({}));
    with.push_back(seconds_an_epoch({Dashboard()}));
    shares.push_back(with.back() / without.back() - 1);
  }
  std::printf("%.4f s an epoch without, %.4f s with the dashboard; median of the differences: %.2f %%\n",
              median(without), median(with), 100 * median(shares));
}
