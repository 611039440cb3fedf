#include <array>
#include <cmath>
#include <cstring>
#include <doctest/doctest.h>
#include <thread>

#include <unspool/autograd/arithmetic.h>
#include <unspool/autograd/product.h>
#include <unspool/autograd/random.h>
#include <unspool/autograd/reduction.h>
#include <unspool/autograd/shaping.h>
#include <unspool/autograd/views.h>
#include <unspool/core/error.h>
#include <unspool/core/threads.h>
#include <unspool/layers/dense.h>
#include <unspool/layers/input.h>
#include <unspool/layers/lstm.h>
#include <unspool/layers/simple_rnn.h>
#include <unspool/models/learning_rate_scheduler.h>
#include <unspool/models/sequential.h>
#include <unspool/optim/adam.h>
#include <unspool/optim/sgd.h>

#include "../support/same_bits.h"

using namespace unspool;
using namespace unspool::testing;

namespace {

Tensor uniform(const Shape& shape, std::uint64_t seed) {
  return random_uniform(shape, -1, 1, float32, RandomKey{seed, 0});
}

/// y = x kernel without a bias, kernel zeros.
Sequential zero_line(Index features = 1) {
  return Sequential(
      {Input({.shape = {features}}), Dense({.units = 1, .use_bias = false, .kernel_initializer = "zeros"})});
}

/// A small recurrent classifier, compiled, and data for it.
struct Task {
  explicit Task(std::uint64_t seed, double dropout = 0) {
    set_seed(seed);
    model = Sequential({Input({.shape = {5, 3}}), SimpleRNN({.units = 8, .dropout = dropout, .name = "rnn"}),
                        Dense({.units = 4, .activation = "softmax", .name = "head"})},
                       {.name = "task"});
    model.compile({.optimizer = Adam({.learning_rate = .01}),
                   .loss = "sparse_categorical_crossentropy",
                   .metrics = {"accuracy"}});
    std::vector<std::int32_t> labels;
    for (int i = 0; i < 50; ++i) labels.push_back(i * 7 % 4);
    y = Tensor::from(labels);
  }
  Model model;
  Tensor x = uniform({50, 5, 3}, 1);
  Tensor y;
};

/// Solves a 3 x 3 system by elimination.
std::array<double, 3> solve(std::array<std::array<double, 4>, 3> a) {
  for (std::size_t i = 0; i < 3; ++i) {
    for (std::size_t k = i + 1; k < 3; ++k) {
      const double factor = a[k][i] / a[i][i];
      for (std::size_t j = i; j < 4; ++j) a[k][j] -= factor * a[i][j];
    }
  }
  std::array<double, 3> x{};
  for (std::size_t i = 3; i-- > 0;) {
    x[i] = a[i][3];
    for (std::size_t j = i + 1; j < 3; ++j) x[i] -= a[i][j] * x[j];
    x[i] /= a[i][i];
  }
  return x;
}

class Notes : public Callback {
 public:
  explicit Notes(std::vector<std::string>& events) : events_(events) {}
  void on_train_begin() override { events_.push_back("train"); }
  void on_train_end() override { events_.push_back("end"); }
  void on_epoch_begin(Index epoch) override { events_.push_back("epoch " + std::to_string(epoch)); }
  void on_epoch_end(Index, Logs& logs) override {
    for (const std::string& name : logs.names()) events_.push_back(name);
    logs.set("extra", 1);
  }
  void on_train_batch_begin(Index batch) override { events_.push_back("batch " + std::to_string(batch)); }
  void on_train_batch_end(Index batch, const Logs&) override {
    events_.push_back("done " + std::to_string(batch));
    if (stop_after_ == batch) model().stop_training();
  }
  Index stop_after_ = -1;

 private:
  std::vector<std::string>& events_;
};

}  // namespace

TEST_CASE("linear regression ends where the normal equations say") {
  const Tensor x = uniform({40, 2}, 3);
  const Tensor noise = uniform({40, 1}, 4);
  const Tensor y = matmul(x, Tensor::of({{2}, {-3}})) + 1 + noise * .3;

  std::array<std::array<double, 4>, 3> normal{};
  for (Index i = 0; i < 40; ++i) {
    const std::array<double, 3> row{x.item<double>({i, 0}), x.item<double>({i, 1}), 1};
    for (std::size_t a = 0; a < 3; ++a) {
      for (std::size_t b = 0; b < 3; ++b) normal[a][b] += row[a] * row[b];
      normal[a][3] += row[a] * y.item<double>({i, 0});
    }
  }
  const std::array<double, 3> best = solve(normal);
  double loss = 0;
  for (Index i = 0; i < 40; ++i) {
    const double e = best[0] * x.item<double>({i, 0}) + best[1] * x.item<double>({i, 1}) + best[2] -
                     y.item<double>({i, 0});
    loss += e * e / 40;
  }

  Sequential model({Input({.shape = {2}}), Dense({.units = 1})});
  model.compile({.optimizer = SGD({.learning_rate = .5}), .loss = "mse"});
  const History history = model.fit(x, y, {.batch_size = 40, .epochs = 150, .verbose = 0});
  CHECK(history["loss"].back() == doctest::Approx(loss).epsilon(1e-5));
  const std::vector<Tensor> weights = model.get_weights();
  CHECK(weights[0].item<double>({0, 0}) == doctest::Approx(best[0]).epsilon(1e-4));
  CHECK(weights[0].item<double>({1, 0}) == doctest::Approx(best[1]).epsilon(1e-4));
  CHECK(weights[1].item<double>({0}) == doctest::Approx(best[2]).epsilon(1e-4));
}

TEST_CASE("one step by hand") {
  Sequential model = zero_line();
  model.compile({.optimizer = SGD({.learning_rate = .1}), .loss = "mse", .metrics = {"mae"}});
  const Logs logs = model.train_on_batch(Tensor::of({{1}, {2}}), Tensor::of({{3}, {4}}));
  CHECK(logs["loss"] == 12.5);  // before the step
  CHECK(logs["mae"] == 3.5);
  // d/dw mean((wx - y)^2) = mean(2 x (wx - y)) = -(3 + 8)
  CHECK(model.get_weights()[0].item<float>() == doctest::Approx(1.1));
  CHECK(model.test_on_batch(Tensor::of({{1}}), Tensor::of({{2.1}}))["loss"] == doctest::Approx(1));
}

TEST_CASE("a smaller last batch counts for less") {
  Sequential model = zero_line();
  model.compile({.optimizer = SGD({.learning_rate = 0.}), .loss = "mse"});
  const Tensor x = Tensor::ones({3, 1});
  const Tensor y = Tensor::of({0, 0, 3});
  const FitOptions options{.batch_size = 2, .verbose = 0, .shuffle = false};
  CHECK(model.fit(x, y, options)["loss"].back() == 3);
  CHECK(model.evaluate(x, y, {.batch_size = 2, .verbose = 0})["loss"] == 3);
}

TEST_CASE("what layers add to the loss counts") {
  Sequential model(
      {Input({.shape = {1}}),
       Dense({.units = 1, .use_bias = false, .kernel_initializer = "ones", .kernel_regularizer = "l2"})});
  model.compile({.optimizer = SGD({.learning_rate = 1.}), .loss = "mse"});
  const Logs logs = model.train_on_batch(Tensor::of({{1}}), Tensor::of({{1}}));
  CHECK(logs["loss"] == doctest::Approx(.01));
  CHECK(model.get_weights()[0].item<float>() == doctest::Approx(.98));

  Sequential alone({Input({.shape = {1}}), Dense({.units = 1, .kernel_regularizer = "l2"})});
  alone.compile({.optimizer = "sgd"});
  CHECK(alone.train_on_batch(Tensor::of({{1}}), Tensor())["loss"] > 0);
  Sequential nothing = zero_line();
  nothing.compile({.optimizer = "sgd"});
  CHECK_THROWS_WITH_AS(nothing.train_on_batch(Tensor::of({{1}}), Tensor()),
                       doctest::Contains("expected a loss from compile() or from a layer, got none"),
                       ValueError);
}

TEST_CASE("one seed gives the same bits, on any number of threads") {
  const int before = num_threads();
  const auto run = [](int threads, std::uint64_t seed) {
    set_num_threads(threads);
    Task task(seed, .2);
    const History history = task.model.fit(task.x, task.y, {.batch_size = 16, .epochs = 3, .verbose = 0});
    std::vector<Tensor> all = task.model.get_weights();
    all.push_back(Tensor::from(history["loss"]));
    all.push_back(task.model.predict(task.x));
    return all;
  };
  const std::vector<Tensor> one = run(1, 5);
  CHECK(same_bits(run(1, 5), one));
  CHECK(same_bits(run(2, 5), one));
  CHECK(same_bits(run(4, 5), one));
  CHECK_FALSE(same_bits(run(1, 6), one));
  set_num_threads(before);
}

TEST_CASE("a run in two parts is the run in one") {
  Task whole(5);
  whole.model.fit(whole.x, whole.y, {.epochs = 4, .verbose = 0});
  Task parts(5);
  parts.model.fit(parts.x, parts.y, {.epochs = 2, .verbose = 0});
  next_random_key();  // What others draw does not matter.
  const History rest = parts.model.fit(parts.x, parts.y, {.epochs = 4, .verbose = 0, .initial_epoch = 2});
  CHECK(rest.epoch == std::vector<Index>{2, 3});
  CHECK(same_bits(parts.model.get_weights(), whole.model.get_weights()));
}

TEST_CASE("epochs have orders of their own") {
  std::vector<double> losses;
  Task task(1);
  task.model.compile({.optimizer = SGD({.learning_rate = 0.}), .loss = "sparse_categorical_crossentropy"});
  FitOptions options{.batch_size = 10, .epochs = 2, .verbose = 0};
  options.callbacks = {LambdaCallback({.on_train_batch_end = [&](Index batch, const Logs& logs) {
    batch == 0 ? losses.push_back(logs["loss"]) : void();
  }})};
  task.model.fit(task.x, task.y, options);
  CHECK(losses[0] != losses[1]);
  options.shuffle = false;
  task.model.fit(task.x, task.y, options);
  CHECK(losses[2] == losses[3]);
}

TEST_CASE("history") {
  Task task(1);
  const History history =
      task.model.fit(task.x, task.y, {.epochs = 3, .verbose = 0, .validation_data = {task.x, task.y}});
  CHECK(history.epoch == std::vector<Index>{0, 1, 2});
  CHECK(history.history.names() == std::vector<std::string>{"loss", "accuracy", "val_loss", "val_accuracy"});
  for (const auto& [name, values] : history.history) CHECK(values.size() == 3);
  const Logs now = task.model.evaluate(task.x, task.y, {.batch_size = 32, .verbose = 0});
  CHECK(now["loss"] == history["val_loss"].back());
  CHECK_THROWS_WITH_AS(history["acuracy"], doctest::Contains("\"accuracy\""), KeyError);
}

TEST_CASE("validation takes the last part, before shuffling") {
  Task task(1);
  const History history = task.model.fit(
      task.x, task.y, {.epochs = 4, .verbose = 0, .validation_split = .3, .validation_freq = 2});
  CHECK(history["loss"].size() == 4);
  CHECK(history["val_loss"].size() == 2);
  const Tensor last_x = slice(task.x, 0, 35, 50);
  const Tensor last_y = slice(task.y, 0, 35, 50);
  CHECK(task.model.evaluate(last_x, last_y, {.verbose = 0})["loss"] == history["val_loss"].back());

  // The training part is the first: labels there that are no classes are met, those in the last part too.
  const auto fails = [&](Index at) {
    std::vector<std::int32_t> labels = task.y.to_vector<std::int32_t>();
    labels[static_cast<std::size_t>(at)] = 99;
    CHECK_THROWS_WITH_AS(task.model.fit(task.x, Tensor::from(labels), {.verbose = 0, .validation_split = .3}),
                         doctest::Contains("99"), ValueError);
  };
  fails(0);
  fails(49);

  // A float that is a little more than a fifth.
  Index batches = 0;
  task.model.fit(
      slice(task.x, 0, 0, 10), slice(task.y, 0, 0, 10),
      {.batch_size = 1,
       .verbose = 0,
       .callbacks = {LambdaCallback({.on_train_batch_end = [&](Index, const Logs&) { ++batches; }})},
       .validation_split = .2});
  CHECK(batches == 8);
  for (const double split : {-.1, 1., .99}) {
    CHECK_THROWS_WITH_AS(task.model.fit(task.x, task.y, {.verbose = 0, .validation_split = split}),
                         doctest::Contains("validation_split"), ValueError);
  }
}

TEST_CASE("sample weights") {
  Sequential model = zero_line();
  model.compile({.optimizer = SGD({.learning_rate = 0.}),
                 .loss = "mse",
                 .metrics = {"mae"},
                 .weighted_metrics = {"mae"}});
  const Tensor x = Tensor::ones({2, 1});
  const Tensor y = Tensor::of({1, 3});
  const Tensor w = Tensor::of({1, 3});
  const History history =
      model.fit(x, y, {.batch_size = 1, .verbose = 0, .validation_data = {x, y, w}, .sample_weight = w});
  CHECK(history["loss"].back() == 14);  // (1 * 1 + 9 * 3) / 2
  CHECK(history["mae"].back() == 2);
  CHECK(history["weighted_mae"].back() == 2.5);
  CHECK(history["val_loss"].back() == 14);
  CHECK(model.evaluate(x, y, {.verbose = 0, .sample_weight = w})["weighted_mae"] == 2.5);
}

TEST_CASE("callbacks") {
  Task task(1);
  std::vector<std::string> events;
  const auto recorder = std::make_shared<Notes>(events);
  const History history =
      task.model.fit(task.x, task.y, {.batch_size = 25, .epochs = 2, .verbose = 0, .callbacks = {recorder}});
  CHECK(events == std::vector<std::string>{"train", "epoch 0", "batch 0", "done 0", "batch 1", "done 1",
                                           "loss", "accuracy", "epoch 1", "batch 0", "done 0", "batch 1",
                                           "done 1", "loss", "accuracy", "end"});
  CHECK(history["extra"] == std::vector<double>{1, 1});

  events.clear();
  recorder->stop_after_ = 0;
  CHECK(task.model.fit(task.x, task.y, {.batch_size = 25, .epochs = 9, .verbose = 0, .callbacks = {recorder}})
            .epoch.size() == 1);
  CHECK(events.back() == "end");
  CHECK_THROWS_AS(recorder->on_train_batch_end(0, {}), RuntimeError);

  const auto half = LearningRateScheduler([](Index, double rate) { return rate / 2; });
  const History rates = task.model.fit(task.x, task.y, {.epochs = 2, .verbose = 0, .callbacks = {half}});
  CHECK(rates["learning_rate"][1] == doctest::Approx(.0025));
}

TEST_CASE("a loss that is scaled trains to the same weights") {
  const auto trained = [](std::optional<double> factor) {
    Sequential model = zero_line();
    model.compile({.optimizer = SGD({.learning_rate = .25, .loss_scale_factor = factor}), .loss = "mse"});
    const History history =
        model.fit(Tensor::of({{1}, {2}}), Tensor::of({{1}, {3}}), {.epochs = 3, .verbose = 0});
    return std::pair(model.get_weights(), history["loss"]);
  };
  // A power of two changes no digit.
  CHECK(same_bits(trained(1024).first, trained(std::nullopt).first));
  CHECK(trained(1024).second == trained(std::nullopt).second);
}

TEST_CASE("fit ends with the running means in the weights") {
  Sequential model = zero_line();
  model.compile(
      {.optimizer = SGD({.learning_rate = .5, .use_ema = true, .ema_momentum = .5}), .loss = "mse"});
  // w becomes 1, its gradient 2 (w - 1) is 0 from then on; a label of 3 in the second step makes it 3.
  model.fit(Tensor::of({{1}, {1}}), Tensor::of({{1}, {3}}),
            {.batch_size = 1, .epochs = 1, .verbose = 0, .shuffle = false});
  CHECK(model.get_weights()[0].item<double>() == doctest::Approx(.5 * 1 + .5 * 3));
  const LearningRate rate =
      ExponentialDecay({.initial_learning_rate = 1, .decay_steps = 1, .decay_rate = .5});
  model.compile({.optimizer = SGD({.learning_rate = rate}), .loss = "mse"});
  const auto half = LearningRateScheduler([](Index, double now) { return now / 2; });
  CHECK_THROWS_AS(model.fit(Tensor::of({{1}}), Tensor::of({{1}}), {.verbose = 0, .callbacks = {half}}),
                  TypeError);
}

TEST_CASE("fit that is interrupted leaves a model that works") {
  Task task(1);
  const auto bomb = LambdaCallback({.on_train_batch_end = [](Index batch, const Logs&) {
    if (batch == 1) throw std::runtime_error("enough");
  }});
  CHECK_THROWS_WITH(task.model.fit(task.x, task.y, {.batch_size = 10, .verbose = 0, .callbacks = {bomb}}),
                    "enough");
  CHECK(task.model.optimizer().iterations() == 2);
  Task other(1);
  other.model.fit(slice(other.x, 0, 0, 20), slice(other.y, 0, 0, 20), {.batch_size = 20, .verbose = 0});
  CHECK_NOTHROW(task.model.predict(task.x));
  CHECK(task.model.fit(task.x, task.y, {.batch_size = 10, .verbose = 0}).epoch.size() == 1);
  CHECK(task.model.optimizer().iterations() == 7);

  // Labels that are no classes come to light in the middle of an epoch.
  std::vector<std::int32_t> labels(50, 0);
  labels[30] = 4;
  CHECK_THROWS_AS(
      task.model.fit(task.x, Tensor::from(labels), {.batch_size = 10, .verbose = 0, .shuffle = false}),
      ValueError);
  CHECK(task.model.optimizer().iterations() == 10);
}

TEST_CASE("predictions do not depend on the batches that they are made in") {
  const Task task(1);
  const Tensor whole = task.model.predict(task.x, {.batch_size = 50});
  CHECK(whole.shape() == Shape{50, 4});
  for (const Index size : {1, 7, 32, 1000})
    CHECK(same_bits(task.model.predict(task.x, {.batch_size = size}), whole));
  CHECK(task.model.predict(slice(task.x, 0, 0, 0)).shape() == Shape{0, 4});
  CHECK(same_bits(task.model(task.x), whole));
}

TEST_CASE("prediction in several threads") {
  const Task task(1);
  const Tensor wanted = task.model.predict(task.x);
  std::vector<std::thread> threads;
  std::array<bool, 4> right{};
  for (std::size_t i = 0; i < right.size(); ++i) {
    threads.emplace_back([&, i] {
      right[i] = true;
      for (int k = 0; k < 20; ++k) right[i] = right[i] && same_bits(task.model.predict(task.x), wanted);
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const bool each : right) CHECK(each);
}

TEST_CASE("eight threads predict on one LSTM, with the bits of one") {
  set_seed(1);
  const Model model = Sequential({Input({.shape = {5, 3}}), LSTM({.units = 4}), Dense({.units = 2})});
  // Each thread starts elsewhere, with batches of several sizes, so that all of them meet a loop that is not
  // planned yet.
  constexpr std::size_t threads = 8;
  constexpr std::size_t batches = 1000;
  std::vector<Tensor> inputs;
  for (Index i = 0; i < 16; ++i) inputs.push_back(uniform({1 + i % 3, 5, 3}, static_cast<std::uint64_t>(i)));
  std::array<std::vector<Tensor>, threads> results;
  std::vector<std::thread> running;
  for (std::size_t i = 0; i < threads; ++i) {
    running.emplace_back([&, i] {
      for (std::size_t k = i; k < batches; k += threads) {
        results[i].push_back(model.predict(inputs[(k + k / 16) % 16]));
      }
    });
  }
  for (std::thread& thread : running) thread.join();
  std::vector<Tensor> wanted;
  for (const Tensor& input : inputs) wanted.push_back(model.predict(input));
  for (std::size_t k = 0; k < batches; ++k) {
    CHECK(same_bits(results[k % threads][k / threads], wanted[(k + k / 16) % 16]));
  }
}

TEST_CASE("a model is a handle, and a layer of other models") {
  Sequential inner({Input({.shape = {3}}), Dense({.units = 2, .name = "a"})}, {.name = "inner"});
  Sequential outer({Input({.shape = {3}}), inner, Dense({.units = 1, .name = "b"})}, {.name = "outer"});
  CHECK(outer.weights().size() == 4);
  CHECK(outer->count_params() == 11);
  CHECK(outer.weights()[0] == inner.weights()[0]);
  CHECK(outer.weights()[2].path() == "outer/b/kernel");
  CHECK(outer.get_layer("inner")->name() == "inner");
  CHECK_THROWS_WITH_AS(outer.get_layer("iner"), doctest::Contains("\"inner\""), ValueError);

  const Model copy = outer;
  outer.compile({.optimizer = SGD({.learning_rate = .1}), .loss = "mse"});
  CHECK(copy.compiled());
  const Tensor before = inner.get_weights()[0];
  outer.train_on_batch(Tensor::ones({2, 3}), Tensor::ones({2, 1}));
  CHECK_FALSE(same_bits(inner.get_weights()[0], before));
  CHECK_THROWS_AS(Model().predict(Tensor::ones({1, 1})), ValueError);
}

namespace {
/// A network of one's own: two branches.
class Branches : public Layer {
 public:
  Branches() : left_(add_layer(Dense({.units = 2}))), right_(add_layer(Dense({.units = 2}))) {}

 protected:
  Tensor call(const Tensor& x, const CallArgs&) override { return left_(x) * right_(x); }

 private:
  Ref<Layer> left_;
  Ref<Layer> right_;
};
}  // namespace

TEST_CASE("any layer can be trained") {
  Model model(make<Branches>());
  model.compile({.optimizer = "adam", .loss = "mse"});
  const Tensor x = uniform({20, 3}, 1);
  const History history = model.fit(x, slice(x, 1, 0, 2), {.epochs = 3, .verbose = 0});
  CHECK(history["loss"][2] < history["loss"][0]);
  CHECK(model.predict(x).shape() == Shape{20, 2});
}

TEST_CASE("what is wrong is said") {
  Task task(1);
  Sequential fresh = zero_line();
  const Tensor one = Tensor::ones({1, 1});
  CHECK_THROWS_WITH_AS(
      fresh.fit(one, one),
      doctest::Contains("expected a compiled model, got one that is not: call compile() first"), ValueError);
  CHECK_THROWS_WITH_AS(fresh.evaluate(one, one), doctest::Contains("compile()"), ValueError);
  CHECK_THROWS_WITH_AS(fresh.train_on_batch(one, one), doctest::Contains("compile()"), ValueError);
  CHECK_THROWS_AS(fresh.optimizer(), ValueError);

  const FitOptions silent{.verbose = 0};
  CHECK_THROWS_WITH_AS(task.model.fit(task.x, slice(task.y, 0, 0, 49), silent),
                       doctest::Contains("x has 50, y has 49"), ValueError);
  CHECK_THROWS_WITH_AS(task.model.fit(task.x, task.y, {.verbose = 0, .sample_weight = Tensor::ones({3})}),
                       doctest::Contains("sample_weight has 3"), ValueError);
  CHECK_THROWS_WITH_AS(task.model.fit(uniform({50, 5, 4}, 1), task.y, silent),
                       doctest::Contains("[32, 5, 4]"), ValueError);
  CHECK_THROWS_WITH_AS(task.model.predict(uniform({50, 5, 4}, 1)), doctest::Contains("task"), ValueError);
  CHECK_THROWS_WITH_AS(task.model.fit(slice(task.x, 0, 0, 0), slice(task.y, 0, 0, 0), silent),
                       doctest::Contains("expected at least one sample"), ValueError);
  CHECK_THROWS_AS(task.model.fit(Tensor(), task.y, silent), ValueError);
  CHECK_THROWS_WITH_AS(task.model.fit(task.x, task.y, {.batch_size = 0}), doctest::Contains("batch_size"),
                       ValueError);
  CHECK_THROWS_AS(task.model.predict(task.x, {.batch_size = -1}), ValueError);
  CHECK_THROWS_AS(task.model.fit(task.x, task.y, {.epochs = -1}), ValueError);
  CHECK_THROWS_AS(task.model.fit(Tensor::scalar(1.F), task.y, silent), ValueError);

  fresh.compile({.optimizer = "sgd", .loss = MeanSquaredError({.reduction = "none"})});
  CHECK_THROWS_WITH_AS(fresh.train_on_batch(Tensor::ones({2, 1}), Tensor::ones({2, 1})),
                       doctest::Contains("\"none\""), ValueError);
  // A failed compile leaves the model as it was compiled.
  CHECK_THROWS_AS(task.model.compile({.optimizer = Optimizer()}), ValueError);
  CHECK(task.model.compiled());
}

TEST_CASE("metrics of one name are told apart") {
  Sequential model = zero_line();
  model.compile({.optimizer = "sgd", .loss = "mse", .metrics = {"mae", "mae"}, .weighted_metrics = {"mae"}});
  CHECK(model.train_on_batch(Tensor::of({{1}}), Tensor::of({{1}})).names() ==
        std::vector<std::string>{"loss", "mae", "mae_1", "weighted_mae"});
}

TEST_CASE("reset_states: of every stateful layer, in models within, too") {
  const auto counter = [] {
    return SimpleRNN({.units = 1,
                      .activation = "linear",
                      .kernel_initializer = "ones",
                      .recurrent_initializer = "ones",
                      .return_sequences = true,
                      .stateful = true});
  };
  const Sequential inner({counter()});
  const Sequential model({Input({.batch_shape = {1, 2, 1}}), counter(), inner, SimpleRNN({.units = 1})});
  const Tensor x = Tensor::ones({1, 2, 1});
  const double first = model(x).item<double>();
  CHECK(model(x).item<double>() != first);
  model.reset_states();
  CHECK(model(x).item<double>() == first);
}

TEST_CASE("batches that a stateful model cannot take are refused before any weight moves") {
  Sequential model(
      {Input({.batch_shape = {2, 4, 3}}), SimpleRNN({.units = 2, .stateful = true}), Dense({.units = 1})});
  model.compile({.optimizer = "sgd", .loss = "mse"});
  const std::vector<Tensor> before = model.get_weights();
  const Tensor x = uniform({5, 4, 3}, 1);
  const Tensor y = uniform({5, 1}, 2);
  const auto refused = [](auto&& call, const char* what, const char* why) {
    CHECK_THROWS_WITH_AS(call(), doctest::Contains(what), ValueError);
    CHECK_THROWS_WITH_AS(call(), doctest::Contains(why), ValueError);
    CHECK_THROWS_WITH_AS(call(), doctest::Contains("stateful"), ValueError);
  };
  const char* const remainder = "that batch_size = 2 divides";
  refused([&] { model.fit(x, y, {.batch_size = 2, .verbose = 0}); }, "fit: ", remainder);
  refused([&] { model.evaluate(x, y, {.batch_size = 2, .verbose = 0}); }, "evaluate: ", remainder);
  refused([&] { model.predict(x, {.batch_size = 2}); }, "predict: ", remainder);
  refused([&] { model.predict(x); }, "predict: ", "expected batch_size = 2");
  const Tensor four_x = slice(x, 0, 0, 4);
  const Tensor four_y = slice(y, 0, 0, 4);
  refused(
      [&] {
        model.fit(four_x, four_y, {.batch_size = 2, .verbose = 0, .validation_data = {x, y}});
      },
      "validation_data: ", remainder);
  CHECK(same_bits(model.get_weights(), before));
  model.fit(four_x, four_y, {.batch_size = 2, .verbose = 0, .validation_data = {four_x, four_y}});
  CHECK(model.predict(slice(x, 0, 0, 2)).shape() == Shape{2, 1});
}
