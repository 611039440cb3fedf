#include <cmath>
#include <doctest/doctest.h>
#include <iostream>
#include <optional>
#include <sstream>

#include <unspool/core/error.h>
#include <unspool/layers/dense.h>
#include <unspool/layers/input.h>
#include <unspool/models/early_stopping.h>
#include <unspool/models/metric.h>
#include <unspool/models/sequential.h>
#include <unspool/optim/sgd.h>

using namespace unspool;

namespace {

using Maybe = std::optional<double>;

const Tensor two_rows = Tensor::of({{1}, {2}});
const Tensor two_labels = Tensor::of({{0}, {1}});

Sequential small() {
  Sequential model({Input({.shape = {1}}), Dense({.units = 1, .use_bias = false})});
  model.compile({.optimizer = SGD({.learning_rate = 0.}), .loss = "mse", .metrics = {"accuracy", "mae"}});
  return model;
}

/// What fit does with one value of "watched" an epoch (none: that epoch has no such value): the last epoch
/// that ran, and the one whose weights are left.
std::pair<Index, Index> run(const std::vector<Maybe>& values, EarlyStoppingOptions options) {
  Sequential model = small();
  options.monitor = "val_watched";
  options.restore_best_weights = true;
  const auto source = LambdaCallback({.on_epoch_end = [&](Index epoch, Logs& logs) {
    const Maybe value = values.at(static_cast<std::size_t>(epoch));
    logs.set("watched", 0);
    if (value) logs.set("val_watched", *value);
    model.set_weights({Tensor::full({1, 1}, static_cast<double>(epoch))});
  }});
  const History history = model.fit(two_rows, two_labels,
                                    {.epochs = static_cast<Index>(values.size()),
                                     .verbose = 0,
                                     .callbacks = {source, EarlyStopping(options)}});
  return {history.epoch.back(), static_cast<Index>(model.get_weights()[0].item<double>())};
}

template <class F>
std::string printed(std::ostream& stream, F&& f) {
  std::ostringstream text;
  std::streambuf* const before = stream.rdbuf(text.rdbuf());
  try {
    f();
  } catch (...) {
    stream.rdbuf(before);
    throw;
  }
  stream.rdbuf(before);
  return text.str();
}

}  // namespace

TEST_CASE("EarlyStopping ends where Keras' does, with the same weights") {
  const double nan = std::nan("");
  const Maybe none;
  using Ends = std::pair<Index, Index>;
  CHECK(run({3, 2, 2.5, 2.4, 1}, {.patience = 2, .mode = "min"}) == Ends{3, 1});
  // Without patience it still cannot end in the first epoch.
  CHECK(run({3, 2, 2.5, 2.4, 1}, {.mode = "min"}) == Ends{2, 1});
  CHECK(run({3, 3, 3}, {.mode = "min"}) == Ends{1, 0});
  CHECK(run({1, 2, 3}, {.mode = "min"}) == Ends{1, 0});
  CHECK(run({1, 2, 3}, {.mode = "max"}) == Ends{2, 2});
  CHECK(run({1, 1.05, 1.2, 1.25, 1.3}, {.min_delta = .1, .patience = 1, .mode = "max"}) == Ends{1, 0});
  CHECK(run({1, .95, .8, .75, .7}, {.min_delta = -.1, .patience = 1, .mode = "min"}) == Ends{1, 0});
  CHECK(run({3, 2.9, 2.8, 2.7, 2.6}, {.patience = 2, .mode = "min", .baseline = 1}) == Ends{4, 4});
  CHECK(run({3, .9, .8, .95, .9}, {.patience = 2, .mode = "min", .baseline = 1}) == Ends{4, 2});
  CHECK(run({3, 2.9, 2.8, 3, 3, 3}, {.patience = 2, .mode = "min", .baseline = 2.85}) == Ends{4, 2});
  CHECK(run({1, 5, 4, 4.5, 4.4, 4}, {.patience = 1, .mode = "min", .start_from_epoch = 1}) == Ends{3, 2});
  CHECK(run({3, none, 2, none, 2.5, none, 1}, {.patience = 1, .mode = "min"}) == Ends{4, 2});
  CHECK(run({nan, 2, 1}, {.patience = 1, .mode = "min"}) == Ends{1, 0});
  CHECK(run({3, 2, nan, nan, 1}, {.patience = 2, .mode = "min"}) == Ends{3, 1});
}

TEST_CASE("EarlyStopping watches what the model measures, and can be used again") {
  const auto epochs = [](const std::string& monitor, const std::shared_ptr<Callback>& callback) {
    CAPTURE(monitor);
    Sequential model = small();
    return model
        .fit(two_rows, two_labels,
             {.epochs = 4, .verbose = 0, .callbacks = {callback}, .validation_data = {two_rows, two_labels}})
        .epoch.size();
  };
  // Nothing is learnt, so nothing gets better.
  for (const std::string monitor : {"loss", "val_loss", "mae", "val_mae", "accuracy", "val_accuracy"}) {
    const auto callback = EarlyStopping({.monitor = monitor});
    CHECK(epochs(monitor, callback) == 2);
    CHECK(epochs(monitor, callback) == 2);
  }
  CHECK(Metric("accuracy")->more_is_better());
  CHECK(BinaryAccuracy()->more_is_better());
  CHECK(Metric("mse")->more_is_better().has_value());
  CHECK_FALSE(Metric("mse")->more_is_better());
  const Metric own = [](const Tensor& truth, const Tensor&) { return truth; };
  CHECK_FALSE(own->more_is_better().has_value());
}

TEST_CASE("EarlyStopping tells the program in which epoch it stopped, and which was the best") {
  const auto callback = EarlyStopping({.monitor = "loss", .patience = 1});
  CHECK_FALSE(callback->best().has_value());
  Sequential model = small();
  const History history =
      model.fit(two_rows, two_labels, {.epochs = 4, .verbose = 0, .callbacks = {callback}});
  // Nothing is learnt: the first epoch stays the best, and the next one is the last.
  CHECK(callback->stopped_epoch() == 1);
  CHECK(callback->best_epoch() == 0);
  CHECK(callback->best() == history["loss"][0]);
  model.fit(two_rows, two_labels, {.epochs = 1, .verbose = 0, .callbacks = {callback}});
  CHECK(callback->stopped_epoch() == 0);
}

TEST_CASE("EarlyStopping says what it does") {
  const std::string text = printed(std::cout, [] {
    run({3, 2, 2.5, 2.4}, {.patience = 1, .verbose = 1, .mode = "min"});
  });
  CHECK(text == "Epoch 3: early stopping\nRestoring model weights from the end of the best epoch: 2.\n");

  Sequential model = small();
  const std::string warning = printed(std::cerr, [&] {
    CHECK(model.fit(two_rows, two_labels, {.epochs = 3, .verbose = 0, .callbacks = {EarlyStopping()}})
              .epoch.size() == 3);
  });
  CHECK(warning.find("\"val_loss\" was never in the logs") != std::string::npos);
  CHECK(warning.find("validation_split") != std::string::npos);
}

TEST_CASE("what EarlyStopping cannot watch") {
  CHECK_THROWS_WITH_AS(EarlyStopping({.mode = "least"}), doctest::Contains("got \"least\""), ValueError);
  CHECK_THROWS_WITH_AS(EarlyStopping({.patience = -1}), doctest::Contains("got -1"), ValueError);
  Sequential model = small();
  const auto fit = [&](EarlyStoppingOptions options) {
    model.fit(two_rows, two_labels,
              {.epochs = 3, .verbose = 0, .callbacks = {EarlyStopping(std::move(options))}});
  };
  CHECK_THROWS_WITH_AS(fit({.monitor = "val_rate"}),
                       doctest::Contains("expected the mode \"max\" or \"min\" for \"val_rate\""),
                       ValueError);
  CHECK_THROWS_WITH_AS(
      fit({.monitor = "accurcy", .mode = "max"}),
      doctest::Contains("(loss, accuracy, mae), got \"accurcy\": did you mean \"accuracy\"?"), ValueError);
}
