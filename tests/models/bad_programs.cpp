// Programs with a mistake that a stranger makes: each ends with an error that says what to do, or stops
// cleanly, and the model trains on. tests/models/training_errors.cpp has those of Ctrl-C, of threads, and of
// models with several outputs.
#include <cmath>
#include <doctest/doctest.h>
#include <functional>
#include <limits>

#include <unspool/unspool.h>

#include "../layers/support.h"
#include "../serialization/folder.h"
#include "../support/same_bits.h"

using namespace unspool;
using namespace unspool::testing;

namespace {

const double no_number = std::numeric_limits<double>::quiet_NaN();
const double infinite_number = std::numeric_limits<double>::infinity();
const FitOptions all_at_once{.batch_size = 8, .verbose = 0, .shuffle = false};

/// Eight sequences of five steps, a label that is a number, and a class for each.
struct MistakeTask {
  explicit MistakeTask(const Loss& loss = "mse") {
    set_seed(2);
    const Index units = loss.name() == "mean_squared_error" ? 1 : 4;
    model = Sequential({Input({.shape = {5, 3}}), LSTM({.units = 4}),
                        Dense({.units = units, .activation = units == 1 ? "linear" : "softmax"})});
    model.compile({.optimizer = "adam", .loss = loss});
    y = units == 1 ? numbers : classes;
  }
  void train() { model.fit(x, y, {.batch_size = 4, .verbose = 0}); }
  /// all_at_once with these weights.
  static FitOptions weighted(const NamedList<Tensor>& weights) {
    FitOptions options = all_at_once;
    options.sample_weight = weights;
    return options;
  }

  Sequential model;
  Tensor x = some({8, 5, 3}, float32);
  Tensor numbers = some({8, 1}, float32);
  Tensor classes = Tensor::from(std::vector<std::int32_t>{0, 1, 2, 3, 0, 1, 2, 3});
  Tensor y;
};

/// A tensor with another value for one element, counted in row-major order.
Tensor with_element(const Tensor& tensor, std::size_t i, double value) {
  std::vector<double> values = tensor.to_vector<double>();
  values.at(i) = value;
  return cast(reshape(Tensor::from(values), tensor.shape()), tensor.dtype());
}

bool all_finite(const std::vector<Tensor>& weights) {
  for (const Tensor& weight : weights) {
    if (!std::isfinite(sum(weight).item<double>())) return false;
  }
  return true;
}

/// Checks that a program ends with an error that contains `what`, and that the model trains on. `moved` says
/// whether weights may have changed: the mistake is not in the first batch.
void check_mistake(MistakeTask& task, const std::function<void(MistakeTask&)>& program, const char* what,
                   bool moved = false) {
  CAPTURE(what);
  const std::vector<Tensor> before = task.model.get_weights();
  CHECK_THROWS_WITH_AS(program(task), doctest::Contains(what), Error);
  if (!moved) CHECK(same_bits(task.model.get_weights(), before));
  CHECK(all_finite(task.model.get_weights()));
  CHECK_NOTHROW(task.train());
  CHECK_FALSE(same_bits(task.model.get_weights(), before));
  CHECK(all_finite(task.model.get_weights()));
}

void check_mistake(const std::function<void(MistakeTask&)>& program, const char* what, bool moved = false) {
  MistakeTask task;
  check_mistake(task, program, what, moved);
}

/// Batches of a task, the third of which is another one.
Dataset with_third(const MistakeTask& task, const Batch& third) {
  return Dataset::from_generator([x = task.x, y = task.y, third] {
    return [=, step = 0]() mutable -> std::optional<Batch> {
      if (step == 4) return {};
      return step++ == 2 ? third : Batch{x, y};
    };
  });
}

}  // namespace

TEST_CASE("mistakes: labels of a wrong shape are not broadcast") {
  check_mistake(
      [](MistakeTask& t) {
        t.model.fit(t.x, some({8, 2}, float32), all_at_once);
      },
      "mean_squared_error: expected labels of the shape of the predictions, [8, 1], got float32[8, 2]");
  check_mistake(
      [](MistakeTask& t) {
        t.model.fit(t.x, some({8, 5, 1}, float32), all_at_once);
      },
      "got float32[8, 5, 1]");
  check_mistake([](MistakeTask& t) { t.model.fit(t.x, Tensor::scalar(1), all_at_once); },
                "expected at least one axis");
  check_mistake([](MistakeTask& t) { t.model.fit(t.x, Tensor(), all_at_once); }, "expected labels y");
  check_mistake([](MistakeTask& t) { t.model.fit(t.numbers, t.x, all_at_once); }, "expected shape=[?, 5, 3]");
  // Labels (batch) and (batch, 1) are the same, as in Keras, and so are labels of one more axis of size 1.
  MistakeTask task;
  CHECK_NOTHROW(task.model.fit(task.x, reshape(task.numbers, {8}), all_at_once));
  CHECK_NOTHROW(task.model.fit(task.x, reshape(task.numbers, {8, 1, 1}), all_at_once));
  CHECK_NOTHROW(MeanSquaredError()(Tensor::scalar(0), task.numbers));
}

TEST_CASE("mistakes: labels that are no classes") {
  const auto refused = [](const std::function<void(MistakeTask&)>& program, const char* what) {
    MistakeTask task("sparse_categorical_crossentropy");
    check_mistake(task, program, what);
  };
  const auto with_label = [](double label, DType dtype) {
    return [=](MistakeTask& t) {
      t.model.fit(t.x, with_element(cast(t.classes, dtype), 5, label), all_at_once);
    };
  };
  refused(with_label(-1, int32),
          "expected labels in [0, 4), the number of classes that the model predicts, got -1");
  refused(with_label(std::pow(2, 40), int64), "got 1099511627776");
  refused(with_label(0.5, float32), "expected whole numbers as labels, got 0.5");
  refused(with_label(no_number, float32), "expected whole numbers as labels, got nan");
  refused([](MistakeTask& t) { t.model.fit(t.x, one_hot(t.classes, 4), all_at_once); },
          "take categorical_crossentropy");
  refused(
      [](MistakeTask& t) {
        t.model.fit(t.x, Tensor::zeros({8, 2}, int32), all_at_once);
      },
      "got int32[8, 2]");
}

TEST_CASE("mistakes: an infinity in the data is named as NaN is") {
  check_mistake(
      [](MistakeTask& t) { t.model.fit(t.x, with_element(t.numbers, 3, infinite_number), all_at_once); },
      "the loss is inf, and y has inf in sample 3 of the batch");
  check_mistake(
      [](MistakeTask& t) {
        t.model.fit(with_element(t.x, 16, -infinite_number), with_element(t.y, 0, infinite_number),
                    all_at_once);
      },
      "x has -inf in sample 1 of the batch");
  check_mistake(
      [](MistakeTask& t) {
        t.model.fit(t.x, t.y, MistakeTask::weighted(Tensor::full({8}, infinite_number)));
      },
      "sample_weight has inf in sample 0");
  FitOptions by_class = all_at_once;
  by_class.class_weight = {{0, no_number}};
  check_mistake([&](MistakeTask& t) { t.model.fit(t.x, t.y, by_class); }, "sample_weight has nan");
  check_mistake(
      [](MistakeTask& t) {
        t.model.fit(with_third(t, {with_element(t.x, 7, no_number), t.y}), {.verbose = 0});
      },
      "x has nan in sample 0 of the batch", true);
}

TEST_CASE("mistakes: weights that do not fit") {
  const auto refused = [](const NamedList<Tensor>& weights, const char* what) {
    check_mistake([&](MistakeTask& t) { t.model.fit(t.x, t.y, MistakeTask::weighted(weights)); }, what);
  };
  refused(Tensor::ones({7}), "sample_weight has 7");
  refused(Tensor::ones({8, 3}), "expected sample weights that fit losses of shape [8], got shape [8, 3]");
  refused(Tensor::scalar(2), "sample_weight: expected at least one axis");
  refused({Tensor::ones({8}), Tensor::ones({8})}, "expected 1");
  FitOptions both = MistakeTask::weighted(Tensor::ones({8}));
  both.class_weight = {{0, 2.}};
  check_mistake([&](MistakeTask& t) { t.model.fit(t.x, t.y, both); },
                "expected class_weight or sample_weight, got both");
  FitOptions by_class = all_at_once;
  by_class.class_weight = {{0, 2.}};
  check_mistake([&](MistakeTask& t) { t.model.fit(Dataset(t.x).batch(4), by_class); },
                "expected the labels of one output");
}

TEST_CASE("mistakes: inputs that do not fit") {
  check_mistake(
      [](MistakeTask& t) {
        t.model.fit(some({8, 3}, float32), t.y, all_at_once);
      },
      "expected shape=[?, 5, 3]");
  check_mistake(
      [](MistakeTask& t) {
        t.model.fit(some({8, 5, 4}, float32), t.y, all_at_once);
      },
      "received: [8, 5, 4]");
  check_mistake(
      [](MistakeTask& t) {
        t.model.fit(some({8, 0, 3}, float32), t.y, all_at_once);
      },
      "received: [8, 0, 3]");
  check_mistake([](MistakeTask& t) { t.model.fit(slice(t.x, 0, 0, 0), slice(t.y, 0, 0, 0), all_at_once); },
                "expected at least one sample");
  check_mistake([](MistakeTask& t) { t.model.fit(t.x, slice(t.y, 0, 0, 7), all_at_once); },
                "x has 8, y has 7");
  // A missing key is named.
  const Tensor a = Input({.shape = {3}, .name = "a"});
  const Tensor b = Input({.shape = {2}, .name = "b"});
  Model model({a, b}, Dense({.units = 1})(Concatenate()({a, b})));
  model.compile({.optimizer = "sgd", .loss = "mse"});
  const Tensor y = Tensor::zeros({8, 1});
  CHECK_THROWS_WITH_AS(
      model.fit(NamedList<Tensor>{{"a", Tensor::ones({8, 3})}}, y, all_at_once),
      doctest::Contains("fit: expected a value for each of the inputs a, b, got none for \"b\", only a"),
      ValueError);
  CHECK_THROWS_WITH_AS(model.predict(NamedList<Tensor>{{"b", Tensor::ones({8, 2})}}),
                       doctest::Contains("got none for \"a\""), ValueError);
  CHECK_NOTHROW(model.fit({{"b", Tensor::ones({8, 2})}, {"a", Tensor::ones({8, 3})}}, y, all_at_once));
}

TEST_CASE("mistakes: batches of a Dataset that differ from those before, with and without prefetch") {
  for (const bool prefetch : {false, true}) {
    const auto refused = [&](const std::function<Batch(MistakeTask&)>& third, const char* what) {
      check_mistake(
          [&](MistakeTask& t) {
            const Dataset data = with_third(t, third(t));
            t.model.fit(prefetch ? data.prefetch() : data, {.verbose = 0});
          },
          what, true);
    };
    refused([](MistakeTask& t) { return Batch{t.x}; }, "expected labels y");
    refused([](MistakeTask& t) { return Batch{some({8, 5, 4}, float32), t.y}; }, "received: [8, 5, 4]");
    refused([](MistakeTask&) { return Batch{}; }, "expected an input, got none");
    refused([](MistakeTask& t) { return Batch{t.x, slice(t.y, 0, 0, 7)}; }, "got float32[7, 1]");
    check_mistake(
        [&](MistakeTask& t) {
          const Dataset data =
              Dataset(t.x, t.y).batch(4).map([](const Tensor& x) { return reshape(x, {7}); });
          t.model.fit(prefetch ? data.prefetch() : data, {.verbose = 0});
        },
        "expected a shape of 60 elements, got [7]");
  }
  check_mistake([](MistakeTask& t) { t.model.fit(Dataset(t.x, t.y).batch(2).batch(2), {.verbose = 0}); },
                "[2, 2, 5, 3]");
  check_mistake([](MistakeTask& t) { t.model.fit(Dataset(t.x, t.y).batch(4).repeat(), {.verbose = 0}); },
                "expected steps_per_epoch for a Dataset without an end");
}

TEST_CASE("mistakes: a generator that throws what is no std::exception") {
  for (const bool prefetch : {false, true}) {
    MistakeTask task;
    const Dataset data = Dataset::from_generator([]() -> Batch { throw 42; });
    CHECK_THROWS_AS(task.model.fit(prefetch ? data.prefetch() : data, {.verbose = 0, .steps_per_epoch = 2}),
                    int);
    CHECK_NOTHROW(task.train());
  }
}

TEST_CASE("mistakes: batches larger than the data are all of them, however large") {
  MistakeTask large;
  MistakeTask small;
  const Index most = std::numeric_limits<Index>::max();
  large.model.fit(large.x, large.y, {.batch_size = most, .verbose = 0, .shuffle = false});
  small.model.fit(small.x, small.y, all_at_once);
  CHECK(same_bits(large.model.get_weights(), small.model.get_weights()));
  CHECK(large.model.predict(large.x, {.batch_size = most}).shape() == Shape{8, 1});
  CHECK(large.model.evaluate(large.x, large.y, {.batch_size = most, .verbose = 0})[0] ==
        small.model.evaluate(small.x, small.y, {.verbose = 0})[0]);
}

TEST_CASE("mistakes: learning rates that are not finite") {
  CHECK_THROWS_WITH_AS(Adam({.learning_rate = no_number}),
                       doctest::Contains("expected learning_rate to be finite, got nan"), ValueError);
  CHECK_THROWS_AS(SGD({.learning_rate = infinite_number}), ValueError);
  check_mistake(
      [](MistakeTask& t) {
        FitOptions options = all_at_once;
        options.callbacks = {LearningRateScheduler([](Index, double) { return no_number; })};
        t.model.fit(t.x, t.y, options);
      },
      "expected learning_rate to be finite, got nan");
}

TEST_CASE("mistakes: losses, metrics, steps and callbacks of one's own") {
  const auto with_loss = [](const Loss& loss, const Metrics& metrics = {}) {
    return [=](MistakeTask& t) {
      t.model.compile({.optimizer = "adam", .loss = loss, .metrics = metrics});
      try {
        t.model.fit(t.x, t.y, all_at_once);
      } catch (...) {
        t.model.compile({.optimizer = "adam", .loss = "mse"});
        throw;
      }
    };
  };
  check_mistake(with_loss([](const Tensor&, const Tensor&) { return Tensor(); }),
                "the loss loss: expected a tensor from its function, got an empty one");
  check_mistake(with_loss([](const Tensor& y, const Tensor&) { return square(y); }),
                "expected one that depends on the trainable weights");
  check_mistake(with_loss("mse", Metric([](const Tensor&, const Tensor&) { return Tensor(); })),
                "expected a tensor from its function, got an empty one", true);
  class Fails : public Callback {
    void on_train_batch_end(Index) override { throw ValueError("my own mistake"); }
  };
  check_mistake(
      [](MistakeTask& t) {
        FitOptions options = all_at_once;
        options.callbacks = {make<Fails>()};
        t.model.fit(t.x, t.y, options);
      },
      "my own mistake", true);
  check_mistake(
      [](MistakeTask& t) {
        FitOptions options = all_at_once;
        options.callbacks = {CSVLogger("/proc/no folder/log.csv")};
        t.model.fit(t.x, t.y, options);
      },
      "CSVLogger: cannot write", true);
}
