// Predicts the number of sunspots of the next year: first from the twelve years before it, then year by year
// with a stateful layer, which remembers all years that it has seen.
//
//     scripts/example.sh sunspots
//
// A network of windows gets twelve years and starts from a state of zeros each time. A stateful layer keeps
// its state from one batch to the next. It is trained on the series in order, eleven years to a batch, so
// that gradients reach back eleven years at most while the state reaches back to the year 1700; the order is
// not shuffled, and each epoch begins with reset_states(). Afterwards it takes one year at a time and needs
// no window. The square root of a count has about the same noise everywhere, which makes it easier to learn.
//
// Arguments: the number of epochs, how many seeds to train with, and the folder for the plot.
#include <filesystem>
#include <iostream>
#include <string>
#include <vector>

#include <unspool/unspool.h>

using namespace unspool;

namespace {

constexpr Index first_year = 1700, last_trained = 1920, last_year = 2008, window = 12;

/// What the networks see of a number of sunspots, and back.
Tensor scaled(const Tensor& sunspots) { return sqrt(sunspots) / 10; }
Tensor unscaled(const Tensor& y) { return square(y * 10); }

Tensor years(const Tensor& series, Index from, Index to) {
  return slice(series, 0, from - first_year, to - first_year + 1);
}

/// Predictions for the years from `from` to the last one.
struct Prediction {
  Index from = 0;
  Tensor sunspots;
};

/// The mean squared error divided by the variance of the years 1700 to 1979, which the literature reports.
double error(const Prediction& prediction, const Tensor& sunspots, Index from, Index to) {
  const Tensor predicted = slice(prediction.sunspots, 0, from - prediction.from, to - prediction.from + 1);
  return mean(square(predicted - years(sunspots, from, to))).item<double>() / 1495.6;
}

Optimizer adam(Index steps) {
  return Adam(CosineDecay({.initial_learning_rate = 5e-3, .decay_steps = steps}));
}

/// Windows of twelve years, each with the year after it.
Dataset windows_until(const Tensor& series, Index year, bool shuffle) {
  return timeseries_dataset(years(series, first_year, year - 1), years(series, first_year + window, year),
                            {.sequence_length = window, .batch_size = 32, .shuffle = shuffle});
}

Prediction by_windows(const Tensor& series, Index epochs) {
  const Dataset training = windows_until(series, last_trained, true);
  Sequential model({Input({.shape = {window, 1}}), GRU(16), Dense(1)});
  model.compile({.optimizer = adam(epochs * *training.size()), .loss = "mse"});
  model.fit(training, {.epochs = epochs, .verbose = 0});
  return {first_year + window, unscaled(model.predict(windows_until(series, last_year, false)))};
}

Prediction year_by_year(const Tensor& series, Index epochs) {
  constexpr Index batches = 20, steps = 11;  // 1700 to 1919, to predict 1701 to 1920
  const Tensor x = reshape(years(series, first_year, last_trained - 1), {batches, steps, 1});
  const Tensor y = reshape(years(series, first_year + 1, last_trained), {batches, steps, 1});

  // A state belongs to a sequence, so that the batch size is part of the shape: here one.
  Sequential model({Input({.batch_shape = {1, None, 1}}),
                    GRU({.units = 16, .return_sequences = true, .stateful = true}), Dense(1)});
  model.compile({.optimizer = adam(epochs * batches), .loss = "mse"});
  const auto reset = LambdaCallback({.on_epoch_begin = [&](Index) { model.reset_states(); }});
  model.fit(x, y, {.batch_size = 1, .epochs = epochs, .verbose = 0, .callbacks = {reset}, .shuffle = false});

  model.reset_states();
  std::vector<Tensor> predicted;
  for (Index year = first_year; year < last_year; ++year)
    predicted.push_back(model(reshape(years(series, year, year), {1, 1, 1}))[0][0]);
  return {first_year + 1, unscaled(stack(predicted))};
}

}  // namespace

int main(int argc, char** argv) {
  const Index full = 300, epochs = argc > 1 ? std::stoi(argv[1]) : full;
  const int seeds = argc > 2 ? std::stoi(argv[2]) : 3;
  const std::filesystem::path out = argc > 3 ? argv[3] : "build/sunspots";

  const Tensor sunspots = slice(read_csv("examples/data/sunspots.csv"), 1, 1, 2);  // (309, 1)
  const Tensor series = scaled(sunspots);
  std::cout << "Mean squared error one year ahead, over the variance:  1921 to 1955   1956 to 1979\n"
            << "  linear least squares on twelve years:               0.130          0.368\n";
  Prediction windows, stateful;
  double sums[2] = {};
  const auto report = [&](const std::string& name, const Prediction& prediction) {
    std::cout << name << error(prediction, sunspots, 1921, 1955) << "       "
              << error(prediction, sunspots, 1956, 1979) << std::endl;
    return error(prediction, sunspots, 1921, 1955) / seeds;
  };
  for (int seed = 1; seed <= seeds; ++seed) {
    set_random_seed(static_cast<std::uint64_t>(seed));
    windows = by_windows(series, epochs);
    stateful = year_by_year(series, epochs * 2 / 3);  // it overfits earlier
    sums[0] +=
        report("  windows, seed " + std::to_string(seed) + ":                                    ", windows);
    sums[1] +=
        report("  stateful, seed " + std::to_string(seed) + ":                                   ", stateful);
  }
  std::cout << "Mean of " << seeds << " seeds for 1921 to 1955: windows " << sums[0] << ", stateful "
            << sums[1] << '\n';

  std::filesystem::create_directories(out);
  const Index from = 1900;
  const auto tail = [&](const Prediction& prediction) {
    return slice(prediction.sunspots, 0, from - prediction.from, last_year - prediction.from + 1);
  };
  const Tensor x = arange(from, last_year + 1);
  save_plot(out / "sunspots.svg",
            {{"observed", x, years(sunspots, from, last_year)},
             {"from twelve years", x, tail(windows), true},
             {"year by year", x, tail(stateful), true}},
            {.title = "One year ahead, trained on 1700 to 1920", .x_label = "year", .y_label = "sunspots"});
  std::cout << "Written: " << (out / "sunspots.svg").string() << '\n';
  // With few epochs, better than the variance is enough.
  const double wanted = epochs < full ? 1 : 0.110;
  return sums[0] <= wanted && sums[1] <= wanted ? 0 : 1;
}
