// Microseconds of a batch of fit() for a network with next to nothing to compute, beside a loop by hand over
// the same network, loss and optimizer. The difference is what fit() costs: batches, logs, metrics, bar,
// callbacks, a Dataset.
//   fit_overhead [ROUNDS] > /dev/null     prints the figures to stderr, and progress bars to stdout

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <vector>

#include <unspool/unspool.h>

using namespace unspool;

namespace {

constexpr Index batches = 2000;
constexpr Index batch_size = 4;

struct Case {
  const char* name;
  std::function<void()> epoch;
  std::vector<double> microseconds = {};
};

Sequential tiny(const Metrics& metrics = {}) {
  Sequential model({Input({.shape = {4}}), Dense({.units = 1})});
  model.compile({.optimizer = SGD({.learning_rate = 0.01}), .loss = "mse", .metrics = metrics});
  return model;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

}  // namespace

int main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 30;
  set_num_threads(1);
  set_seed(1);
  const Tensor x = random_normal({batches * batch_size, 4});
  const Tensor y = random_normal({batches * batch_size, 1});
  const Tensor batch_x = slice(x, 0, 0, batch_size);
  const Tensor batch_y = slice(y, 0, 0, batch_size);
  const Metrics both{"mae", "mse"};
  const FitOptions silent{.batch_size = batch_size, .verbose = 0};
  FitOptions with_bar = silent;
  with_bar.verbose = 1;
  const auto log = std::filesystem::temp_directory_path() / "fit_overhead.csv";
  with_bar.callbacks = {EarlyStopping({.monitor = "loss", .patience = 1000000}),
                        ReduceLROnPlateau({.monitor = "loss", .patience = 1000000}), CSVLogger(log.string()),
                        LambdaCallback({.on_train_batch_end = [](Index, const Logs&) {}})};
  const Dataset prefetched = Dataset(x, y).shuffle(1000).batch(batch_size).prefetch();

  Sequential by_hand = tiny();
  Sequential plain = tiny();
  Sequential with_metrics = tiny(both);
  Sequential of_dataset = tiny();
  Sequential with_all = tiny(both);
  const Loss loss = "mse";
  const SGD optimizer({.learning_rate = 0.01});
  std::vector<Case> cases;
  cases.push_back({"a loop by hand", [&] {
                     for (Index i = 0; i < batches; ++i) {
                       GradientTape tape;
                       const Tensor value = loss(batch_y, by_hand(batch_x, {.training = true}));
                       const std::vector<Variable> variables = by_hand.trainable_weights();
                       optimizer.apply_gradients(tape.gradient(value, variables), variables);
                     }
                   }});
  cases.push_back({"fit", [&] { plain.fit(x, y, silent); }});
  cases.push_back({"with two metrics", [&] { with_metrics.fit(x, y, silent); }});
  cases.push_back({"of a prefetching Dataset", [&] { of_dataset.fit(prefetched, silent); }});
  cases.push_back({"with metrics, bar, callbacks, Dataset", [&] { with_all.fit(prefetched, with_bar); }});
  for (int i = 0; i < rounds; ++i) {
    for (Case& one : cases) {
      const auto start = std::chrono::steady_clock::now();
      one.epoch();
      const std::chrono::duration<double, std::micro> time = std::chrono::steady_clock::now() - start;
      one.microseconds.push_back(time.count() / static_cast<double>(batches));
    }
  }
  std::filesystem::remove(log);
  const double layers = median(cases.front().microseconds);
  for (const Case& one : cases) {
    const double time = median(one.microseconds);
    std::fprintf(stderr, "%-40s %7.2f us a batch (least %.2f), %7.2f more than the loop by hand\n", one.name,
                 time, *std::min_element(one.microseconds.begin(), one.microseconds.end()), time - layers);
  }
}
