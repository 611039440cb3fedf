#include <array>
#include <cmath>
#include <csignal>
#include <doctest/doctest.h>
#include <iostream>
#include <limits>
#include <sstream>
#include <sys/wait.h>
#include <unistd.h>

#include <unspool/unspool.h>

#include "../layers/support.h"
#include "../support/default_interrupt.h"
#include "../support/same_bits.h"

using namespace unspool;
using namespace unspool::testing;

namespace {

/// A classifier with two inputs and two outputs by name, and data for it.
struct TwoByTwo {
  TwoByTwo() {
    set_seed(2);
    const Tensor a = Input({.shape = {3}, .name = "a"});
    const Tensor b = Input({.shape = {2}, .name = "b"});
    const Tensor joined = Concatenate()({a, b});
    model = Model({a, b}, {Dense({.units = 1, .name = "price"})(joined),
                           Dense({.units = 4, .activation = "softmax", .name = "kind"})(joined)});
    model.compile({.optimizer = "adam",
                   .loss = {{"price", "mse"}, {"kind", "sparse_categorical_crossentropy"}},
                   .metrics = {{"kind", "accuracy"}}});
  }
  NamedList<Tensor> x() const { return {{"a", xa}, {"b", xb}}; }
  NamedList<Tensor> y() const { return {{"price", price}, {"kind", kind}}; }
  void train() { model.fit(x(), y(), {.batch_size = 4, .verbose = 0, .shuffle = false}); }

  Model model;
  Tensor xa = some({8, 3}, float32);
  Tensor xb = some({8, 2}, float32);
  Tensor price = some({8, 1}, float32);
  Tensor kind = Tensor::from(std::vector<std::int32_t>{0, 1, 2, 3, 0, 1, 2, 3});
};

/// Checks that training fails with an error that contains `what`, leaves the weights as they were, and that
/// the model can be trained on.
template <class F>
void check_refused(TwoByTwo& task, F&& train, const char* what) {
  const std::vector<Tensor> before = task.model.get_weights();
  CHECK_THROWS_WITH_AS(train(), doctest::Contains(what), ValueError);
  CHECK(same_bits(task.model.get_weights(), before));
  CHECK_NOTHROW(task.train());
  CHECK_FALSE(same_bits(task.model.get_weights(), before));
  for (const Tensor& weight : task.model.get_weights()) CHECK(std::isfinite(sum(weight).item<double>()));
}

Tensor with(const Tensor& tensor, std::vector<Index> at, double value) {
  std::vector<double> values = tensor.to_vector<double>();
  values[static_cast<std::size_t>(at[0] * tensor.shape().back() + at[1])] = value;
  return cast(reshape(Tensor::from(values), tensor.shape()), tensor.dtype());
}

struct Captured {
  std::ostringstream text;
  std::streambuf* const before = std::cerr.rdbuf(text.rdbuf());
  ~Captured() { std::cerr.rdbuf(before); }
};

}  // namespace

TEST_CASE("a NaN or an infinity in the data is named before a weight changes") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  TwoByTwo task;
  const FitOptions options{.batch_size = 8, .verbose = 0, .shuffle = false};
  check_refused(
      task,
      [&] {
        task.model.fit({{"a", with(task.xa, {5, 1}, nan)}, {"b", task.xb}}, task.y(), options);
      },
      "x[\"a\"] has nan in sample 5 of the batch");
  check_refused(
      task,
      [&] {
        task.model.fit(task.x(), {{"price", with(task.price, {2, 0}, nan)}, {"kind", task.kind}}, options);
      },
      "y[\"price\"] has nan in sample 2 of the batch");
  check_refused(
      task,
      [&] {
        task.model.fit({{"a", task.xa}, {"b", with(task.xb, {0, 0}, HUGE_VAL)}}, task.y(), options);
      },
      "x[\"b\"] has inf in sample 0 of the batch");
  FitOptions weighted = options;
  weighted.sample_weight = with(Tensor::ones({8, 1}), {7, 0}, nan);
  weighted.sample_weight = reshape(weighted.sample_weight[0], {8});
  check_refused(
      task, [&] { task.model.fit(task.x(), task.y(), weighted); }, "sample_weight has nan in sample 7");
}

TEST_CASE("labels out of range, and what does not fit the model, are refused before a weight changes") {
  TwoByTwo task;
  const FitOptions options{.batch_size = 8, .verbose = 0};
  const Tensor wrong = Tensor::from(std::vector<std::int32_t>{0, 1, 2, 4, 0, 1, 2, 3});
  check_refused(
      task,
      [&] {
        task.model.fit(task.x(), {{"price", task.price}, {"kind", wrong}}, options);
      },
      "4");
  check_refused(
      task,
      [&] {
        task.model.fit(task.x(), {{"price", task.price}, {"knd", task.kind}}, options);
      },
      "\"kind\"");
  check_refused(
      task,
      [&] {
        task.model.fit({{"a", task.xa}, {"c", task.xb}}, task.y(), options);
      },
      "\"c\"");
  check_refused(
      task, [&] { task.model.fit(task.x(), {task.price}, options); }, "expected 2");
  check_refused(
      task, [&] { task.model.fit({task.xa}, task.y(), options); }, "2 inputs");
  check_refused(
      task,
      [&] {
        task.model.fit({task.xb, task.xa}, task.y(), options);
      },
      "[8, 2]");
  check_refused(
      task,
      [&] {
        task.model.fit(task.x(), {slice(task.price, 0, 0, 7), task.kind}, options);
      },
      "y[0] has 7");
  check_refused(
      task,
      [&] {
        task.model.fit({slice(task.xa, 0, 0, 0), slice(task.xb, 0, 0, 0)},
                       {slice(task.price, 0, 0, 0), slice(task.kind, 0, 0, 0)}, options);
      },
      "expected at least one sample");
  check_refused(
      task, [&] { task.model.fit(NamedList<Tensor>(), task.y(), options); }, "expected x to have a value");
  check_refused(
      task, [&] { task.model.fit(Dataset(task.x(), task.y()).take(0).batch(2), options); },
      "expected at least one batch");
  check_refused(
      task, [&] { task.model.fit(Dataset(task.x(), task.y()), options); }, "call .batch(32)");
  check_refused(
      task, [&] { task.model.fit(Dataset(), options); }, "expected a Dataset");
  check_refused(
      task,
      [&] { task.model.fit(task.x(), task.y(), {.verbose = 0, .callbacks = {std::shared_ptr<Callback>()}}); },
      "expected callbacks");
}

TEST_CASE("a batch that is larger than the data is all of them") {
  TwoByTwo a;
  TwoByTwo b;
  a.model.fit(a.x(), a.y(), {.batch_size = 1000, .verbose = 0, .shuffle = false});
  b.model.fit(b.x(), b.y(), {.batch_size = 8, .verbose = 0, .shuffle = false});
  CHECK(same_bits(a.model.get_weights(), b.model.get_weights()));
}

TEST_CASE("a source that throws: the weights are those after the last whole batch, and training can go on") {
  for (const bool prefetch : {false, true}) {
    TwoByTwo task;
    TwoByTwo whole;
    const auto broken = Dataset::from_generator([&] {
      return [&, step = Index{0}]() mutable -> std::optional<Batch> {
        if (step == 2) throw std::runtime_error("the disk is gone");
        ++step;
        return Batch{task.x(), task.y()};
      };
    });
    CHECK_THROWS_WITH(task.model.fit(prefetch ? broken.prefetch() : broken, {.verbose = 0}),
                      "the disk is gone");
    for (int i = 0; i < 2; ++i) whole.model.train_on_batch(whole.x(), whole.y());
    CHECK(same_bits(task.model.get_weights(), whole.model.get_weights()));
    task.train();
    whole.train();
    CHECK(same_bits(task.model.get_weights(), whole.model.get_weights()));
  }
}

namespace {

std::shared_ptr<Callback> interrupt_in(Index batch) {
  return LambdaCallback({.on_train_batch_begin = [batch](Index now) {
    if (now == batch) std::raise(SIGINT);
  }});
}

}  // namespace

TEST_CASE("Ctrl-C: fit returns after the batch, and the model trains on") {
  const DefaultInterrupt signals;
  TwoByTwo task;
  const Captured captured;
  bool ended = false;
  const auto end = LambdaCallback({.on_train_end = [&] { ended = true; }});
  const History history = task.model.fit(
      task.x(), task.y(), {.batch_size = 2, .epochs = 5, .verbose = 0, .callbacks = {interrupt_in(1), end}});
  CHECK(history.epoch.empty());
  CHECK(history.interrupted);
  CHECK(ended);
  CHECK(task.model.optimizer().iterations() == 2);
  CHECK(captured.text.str().find("stopped by Ctrl-C after batch 2 of epoch 1") != std::string::npos);
  task.train();
  CHECK(task.model.optimizer().iterations() == 4);
  struct sigaction after = {};
  sigaction(SIGINT, nullptr, &after);
  const bool restored = after.sa_handler == SIG_DFL;
  CHECK(restored);
}

TEST_CASE("Ctrl-C between two epochs: the next one does not start") {
  const DefaultInterrupt signals;
  TwoByTwo task;
  const Captured captured;
  const auto interrupt = LambdaCallback({.on_epoch_end = [] { std::raise(SIGINT); }});
  const History history = task.model.fit(
      task.x(), task.y(), {.batch_size = 2, .epochs = 5, .verbose = 0, .callbacks = {interrupt}});
  CHECK(history.interrupted);
  CHECK(history.epoch == std::vector<Index>{0});
  CHECK(task.model.optimizer().iterations() == 4);
  CHECK_FALSE(task.model.fit(task.x(), task.y(), {.verbose = 0}).interrupted);
}

TEST_CASE("Ctrl-C in validation ends fit without values of a part of the data") {
  const DefaultInterrupt signals;
  TwoByTwo task;
  const Captured captured;
  const auto interrupt = LambdaCallback({.on_test_batch_end = [](Index batch) {
    if (batch == 0) std::raise(SIGINT);
  }});
  const History history = task.model.fit(task.x(), task.y(),
                                         {.batch_size = 2,
                                          .epochs = 5,
                                          .verbose = 0,
                                          .callbacks = {interrupt},
                                          .validation_data = {task.x(), task.y()}});
  CHECK(history.epoch.empty());
  CHECK(task.model.optimizer().iterations() == 4);
}

TEST_CASE("Ctrl-C: a second one ends the program, and a handler of the program's own stays in place") {
  const auto end_of = [](auto&& in_child) {
    const pid_t child = ::fork();
    if (child == 0) {
      in_child();
      ::_exit(7);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return status;
  };
  const int twice = end_of([] {
    const DefaultInterrupt signals;
    const Captured captured;
    TwoByTwo task;
    const auto more = LambdaCallback({.on_train_batch_begin = [] { std::raise(SIGINT); },
                                      .on_train_batch_end = [] { std::raise(SIGINT); }});
    task.model.fit(task.x(), task.y(), {.verbose = 0, .callbacks = {more}});
  });
  CHECK(WIFSIGNALED(twice));
  CHECK(WTERMSIG(twice) == SIGINT);

  static volatile std::sig_atomic_t mine = 0;
  const int own = end_of([] {
    std::signal(SIGINT, [](int) { mine = 1; });
    TwoByTwo task;
    task.model.fit(task.x(), task.y(), {.batch_size = 2, .verbose = 0, .callbacks = {interrupt_in(1)}});
    ::_exit(mine == 1 && task.model.optimizer().iterations() == 4 ? 0 : 1);
  });
  CHECK(WIFEXITED(own));
  CHECK(WEXITSTATUS(own) == 0);
}

TEST_CASE("an optimizer that is given by its name is not shared by two models") {
  const CompileOptions options{.optimizer = "adam", .loss = "mse"};
  const auto line = [&] {
    Sequential model({Input({.shape = {1}}), Dense({.units = 1})});
    model.compile(options);
    return model;
  };
  Sequential a = line();
  Sequential b = line();
  const Tensor x = Tensor::ones({4, 1});
  a.fit(x, x, {.epochs = 2, .verbose = 0});
  b.fit(x, x, {.epochs = 3, .verbose = 0});
  CHECK(a.optimizer().iterations() == 2);
  CHECK(b.optimizer().iterations() == 3);
  // A model that is compiled again keeps its optimizer, and so does the program that holds it.
  a.compile(options);
  CHECK(a.optimizer().iterations() == 2);
  const Optimizer held = "sgd";
  b.compile({.optimizer = held, .loss = "mse"});
  b.fit(x, x, {.verbose = 0});
  CHECK(held.iterations() == 1);
}
