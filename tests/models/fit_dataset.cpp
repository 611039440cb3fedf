#include <doctest/doctest.h>
#include <iostream>
#include <map>
#include <sstream>

#include <unspool/unspool.h>

#include "../layers/support.h"
#include "../support/same_bits.h"

using namespace unspool;
using namespace unspool::testing;

namespace {

/// y = x kernel; the weight stays 0, so that the loss of a batch {v} is v squared.
Sequential still() {
  Sequential model(
      {Input({.shape = {1}}), Dense({.units = 1, .use_bias = false, .kernel_initializer = "zeros"})});
  model.compile({.optimizer = SGD(0.), .loss = "mse", .metrics = {"mae"}});
  return model;
}

Tensor column(Index count) {
  return reshape(Tensor::arange(0, static_cast<double>(count), 1, float32), {-1, 1});
}

/// The running losses of each epoch.
struct Losses {
  std::vector<std::vector<double>> epochs = {};
  std::shared_ptr<Callback> callback() {
    return LambdaCallback(
        {.on_epoch_begin = [this] { epochs.emplace_back(); },
         .on_train_batch_end = [this](Index, const Logs& logs) { epochs.back().push_back(logs["loss"]); }});
  }
};

using Epochs = std::vector<std::vector<double>>;

/// Drops what is printed to std::cerr.
struct Silence {
  std::ostringstream text;
  std::streambuf* const before = std::cerr.rdbuf(text.rdbuf());
  ~Silence() { std::cerr.rdbuf(before); }
};

}  // namespace

TEST_CASE("fit, evaluate and predict on a Dataset give the bits of those on its tensors") {
  const Tensor x = some({20, 2}, float32);
  const Tensor y = sum(x, {1}, true);
  const auto make_model = [] {
    set_seed(1);
    Sequential model({Input({.shape = {2}}), Dense({.units = 1})});
    model.compile({.optimizer = "adam", .loss = "mse", .metrics = {"mae"}});
    return model;
  };
  const Dataset data = Dataset(x, y).batch(8);
  Sequential a = make_model();
  Sequential b = make_model();
  const History of_tensors =
      a.fit(x, y, {.batch_size = 8, .epochs = 2, .verbose = 0, .validation_data = {x, y}, .shuffle = false});
  const History of_data = b.fit(data, {.epochs = 2, .verbose = 0, .validation_data = data});
  CHECK(same_bits(a.get_weights(), b.get_weights()));
  CHECK(of_tensors["val_mae"] == of_data["val_mae"]);
  CHECK(a.evaluate(x, y, {.batch_size = 8, .verbose = 0}) == b.evaluate(data, {.verbose = 0}));
  CHECK(same_bits(a.predict(x), b.predict(data)));
  CHECK(same_bits(a.predict_on_batch(x), b.predict(data.prefetch())));

  const std::map<Index, double> weights{{0, .5}, {1, 2.}};
  const Tensor classes = cast(Tensor::of({0, 1, 1, 0}), int32);
  Sequential c = make_model();
  CHECK(c.train_on_batch(slice(x, 0, 0, 4), classes, {}, weights)["loss"] ==
        make_model().train_on_batch(slice(x, 0, 0, 4), classes, Tensor::of({.5, 2, 2, .5}))["loss"]);
  CHECK(make_model().fit(Dataset(slice(x, 0, 0, 4), classes).batch(4),
                         {.verbose = 0, .class_weight = weights})["loss"] ==
        make_model().fit(slice(x, 0, 0, 4), classes,
                         {.verbose = 0, .shuffle = false, .class_weight = weights})["loss"]);
}

// The numbers are those of Keras 3.15.
TEST_CASE("steps_per_epoch: epochs share a pass over the data, as in Keras") {
  const Epochs wanted{{0, .5}, {4, 6.5}, {16}, {0, .5}, {4, 6.5}};
  const FitOptions options{
      .batch_size = 1, .epochs = 5, .verbose = 0, .shuffle = false, .steps_per_epoch = 2};
  const Silence silence;
  const auto run = [&](auto&& fit, FitOptions with) {
    Losses losses;
    with.callbacks = {losses.callback()};
    Sequential model = still();
    fit(model, with);
    return losses.epochs;
  };
  const Tensor x = column(5);
  CHECK(run([&](Model model, const FitOptions& o) { model.fit(x, x, o); }, options) == wanted);
  CHECK(silence.text.str().find("expected 2 batches for an epoch (steps_per_epoch), got 1") !=
        std::string::npos);
  const Dataset known = Dataset(x, x).batch(1);
  CHECK(run([&](Model model, const FitOptions& o) { model.fit(known, o); }, options) == wanted);
  // A run that goes on in epoch 2 does what it would have done.
  FitOptions rest = options;
  rest.initial_epoch = 2;
  CHECK(run([&](Model model, const FitOptions& o) { model.fit(x, x, o); }, rest) ==
        Epochs(wanted.begin() + 2, wanted.end()));
  // Where the data end with an epoch nothing is missing, whether their number is known or not.
  const Dataset uncounted = Dataset(column(4), column(4)).batch(1).filter([](const Batch&) { return true; });
  CHECK(run([&](Model model, const FitOptions& o) { model.fit(uncounted, o); }, options) ==
        Epochs{{0, .5}, {4, 6.5}, {0, .5}, {4, 6.5}, {0, .5}});
}

TEST_CASE("data without an end need a number of steps") {
  const Dataset endless = Dataset(column(3), column(3)).batch(1).repeat();
  Sequential model = still();
  CHECK_THROWS_WITH_AS(model.fit(endless, {.verbose = 0}), doctest::Contains("expected steps_per_epoch"),
                       ValueError);
  CHECK_THROWS_WITH_AS(model.evaluate(endless, {.verbose = 0}), doctest::Contains("expected steps"),
                       ValueError);
  CHECK_THROWS_WITH_AS(model.predict(endless), doctest::Contains("expected steps"), ValueError);
  CHECK_THROWS_WITH_AS(model.fit(column(3), column(3), {.verbose = 0, .validation_data = endless}),
                       doctest::Contains("expected validation_steps"), ValueError);
  Losses losses;
  model.fit(endless, {.epochs = 2, .verbose = 0, .callbacks = {losses.callback()}, .steps_per_epoch = 2});
  CHECK(losses.epochs == Epochs{{0, .5}, {4, 2}});
  CHECK(model.predict(endless, {.steps = 4}).shape() == Shape{4, 1});
  CHECK(model.evaluate(column(9), column(9), {.batch_size = 1, .verbose = 0, .steps = 2})["loss"] == .5);
}

TEST_CASE("validation_steps: validates on the first batches") {
  Sequential model = still();
  const History history = model.fit(column(2), column(2),
                                    {.batch_size = 1,
                                     .epochs = 2,
                                     .verbose = 0,
                                     .validation_data = {column(9), column(9)},
                                     .validation_steps = 2});
  CHECK(history["val_loss"] == std::vector<double>{.5, .5});
}

TEST_CASE("a user's own Dataset: a generator of batches") {
  Sequential model({Input({.shape = {1}}), Dense({.units = 1})});
  model.compile({.optimizer = SGD(.1), .loss = "mse"});
  const Dataset waves = Dataset::from_generator([] {
    return [step = 0]() mutable -> std::optional<Batch> {
      if (step == 50) return {};
      const Tensor x = reshape(Tensor::of({std::sin(step), std::cos(step)}), {2, 1});
      ++step;
      return Batch{x, x * 2 + 1};
    };
  });
  const History history = model.fit(waves, {.epochs = 5, .verbose = 0});
  CHECK(history["loss"].back() < .01);
  CHECK(model.predict(Tensor::of({{3}})).item<float>() == doctest::Approx(7).epsilon(.02));
}

TEST_CASE("fit() takes a function that returns batches; evaluate() unpacks") {
  const Tensor x = Tensor::of({{1}, {2}});
  Sequential model({Input({.shape = {1}}), Dense({.units = 1})});
  model.compile({.optimizer = "sgd", .loss = "mse", .metrics = {"mae"}});
  Index calls = 0;
  const History history = model.fit(
      [&] {
        ++calls;
        return Batch{x, x};
      },
      {.epochs = 2, .verbose = 0, .steps_per_epoch = 3});
  CHECK(calls >= 6);
  CHECK(history["loss"].size() == 2);
  const Logs logs = model.evaluate(x, x, {.verbose = 0});
  const auto [loss, mae] = unpack<2>(logs);
  CHECK(loss == logs["loss"]);
  CHECK(mae == logs["mae"]);
  CHECK_THROWS_WITH_AS(unpack<3>(logs), doctest::Contains("got 2 values (loss, mae)"), ValueError);
}
