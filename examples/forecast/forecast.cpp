// Forecasts several series at once: where two coupled oscillators will be two seconds from now, from noisy
// measurements of the last eight seconds.
//
//     scripts/example.sh forecast
//
// The data come from a generator: a function that simulates for as long as it is asked to. from_generator()
// makes a Dataset of it, so that no epoch repeats an earlier one, nothing is kept, and the next batches are
// computed in a thread while the network trains on this one. For validation and test a series is a tensor, of
// which timeseries_dataset() cuts windows. Both give windows of all columns, (steps, 2), and two numbers to
// predict. The settings were chosen on the validation series; the test series is used once, at the end.
//
// Van der Pol's oscillators are not linear, and their speeds are not measured: the network has to find them.
// "As it is now" is the forecast that nothing moves; the linear model sees the same windows.
//
// Arguments: the number of epochs.
#include <array>
#include <cmath>
#include <cstdint>
#include <deque>
#include <iostream>
#include <random>
#include <string>
#include <vector>

#include <unspool/unspool.h>

using namespace unspool;

namespace {

constexpr Index window = 40, ahead = 10;  // in steps of 0.2 s
using Measurement = std::array<float, 2>;

/// Two oscillators, x'' = 1.5 (1 - x^2) x' - k x, that a spring couples and noise pushes.
class Oscillators {
 public:
  explicit Oscillators(std::uint64_t seed) : random_(seed) {
    for (int i = 0; i < 500; ++i) next();  // until the start no longer matters
  }

  /// What is measured after a step.
  Measurement next() {
    constexpr double dt = 0.02, stiffness[] = {1, 1.7};
    for (int i = 0; i < 10; ++i) {
      const double spring = 0.3 * (x_[1] - x_[0]);
      for (int k : {0, 1}) {
        const double force =
            1.5 * (1 - x_[k] * x_[k]) * v_[k] - stiffness[k] * x_[k] + (k == 0 ? spring : -spring);
        v_[k] += dt * force + 0.02 * normal_(random_);
      }
      for (int k : {0, 1}) x_[k] += dt * v_[k];
    }
    return {measured(x_[0]), measured(x_[1])};
  }

 private:
  float measured(double x) { return static_cast<float>(x + 0.1 * normal_(random_)); }

  std::mt19937_64 random_;
  std::normal_distribution<double> normal_;
  double x_[2] = {1, -1}, v_[2] = {};
};

/// A series as a tensor, (steps, 2).
template <class Measurements>
Tensor table(const Measurements& measurements) {
  std::vector<float> values;
  for (const Measurement& at : measurements) values.insert(values.end(), at.begin(), at.end());
  return Tensor(values, {static_cast<Index>(measurements.size()), 2});
}

/// Windows without end, of which each begins ten steps after the one before.
Dataset::Generator windows(std::uint64_t seed) {
  return [series = Oscillators(seed), seen = std::deque<Measurement>()]() mutable {
    for (int i = 0; i < 10 || seen.size() < window + ahead; ++i) {
      seen.push_back(series.next());
      if (seen.size() > window + ahead) seen.pop_front();
    }
    const Tensor all = table(seen);
    return Batch{.x = slice(all, 0, 0, window), .y = all[-1]};
  };
}

/// A series of 5000 measurements and its windows.
struct Series {
  explicit Series(std::uint64_t seed) {
    std::vector<Measurement> measurements(5000);
    for (Oscillators oscillators(seed); Measurement & at : measurements) at = oscillators.next();
    const Tensor series = table(measurements);
    const Index count = series.shape()[0];
    now = slice(series, 0, window - 1, count - ahead);
    later = slice(series, 0, window - 1 + ahead, count);  // [i] belongs to the window from step i on
    windows = timeseries_dataset(slice(series, 0, 0, count - ahead), later,
                                 {.sequence_length = window, .batch_size = 256});
  }
  Tensor now, later;
  Dataset windows;
};

}  // namespace

int main(int argc, char** argv) {
  const Index full = 10, epochs = argc > 1 ? std::stoi(argv[1]) : full;
  const Index batch = 32, steps = 100;

  // The function is called at the start of a pass, with its number. This pass has no end: each epoch takes
  // 100 batches of it.
  const Dataset training = Dataset::from_generator(windows).batch(batch).prefetch();
  const Series validation(1'000'000), test(2'000'000);

  const auto train = [&](const Sequential& untrained) {
    Sequential model = untrained;
    const auto rate = CosineDecay({.initial_learning_rate = 5e-3, .decay_steps = epochs * steps});
    model.compile({.optimizer = Adam(rate), .loss = "mse", .metrics = {RootMeanSquaredError()}});
    model.fit(
        training,
        {.epochs = epochs, .verbose = 2, .validation_data = validation.windows, .steps_per_epoch = steps});
    return model.evaluate(test.windows, {.verbose = 0})["root_mean_squared_error"];
  };
  set_random_seed(1);
  const double linear = train(Sequential({Input({.shape = {window, 2}}), Flatten(), Dense(2)}));
  const double network = train(Sequential({Input({.shape = {window, 2}}), LSTM(64), Dense(2)}));
  const double unchanged = std::sqrt(mean(square(test.later - test.now)).item<double>());
  std::cout << "Root of the mean squared error two seconds ahead, where the noise of a measurement is 0.1:\n"
            << "  as it is now:  " << unchanged << "\n"
            << "  linear model:  " << linear << "\n"
            << "  LSTM:          " << network << '\n';
  return network <= (epochs < full ? unchanged : 0.2) ? 0 : 1;
}
