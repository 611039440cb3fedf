#include <doctest/doctest.h>
#include <sstream>

#include <unspool/models/internal/progress.h>
#include <unspool/serialization/file.h>
#include <unspool/unspool.h>

#include "../layers/support.h"
#include "../serialization/folder.h"

using namespace unspool;
using namespace unspool::testing;

namespace {

/// Three classes, as one-hot labels, and inputs of four numbers.
struct ThreeClasses {
  explicit ThreeClasses(Metrics metrics) {
    set_seed(3);
    model = Sequential({Input({.shape = {4}}), Dense({.units = 3, .activation = "softmax"})});
    model.compile({.optimizer = SGD(0.1), .loss = "categorical_crossentropy", .metrics = metrics});
  }
  Sequential model;
  Tensor x = some({12, 4}, float32);
  Tensor y = one_hot(Tensor::of<std::int32_t>({0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2}), 3);
};

/// The mean and the largest prediction, by name.
class Spread : public MetricBase {
 public:
  Spread() : MetricBase("spread") {}
  void update_state(const Tensor&, const Tensor& y_pred, const Tensor&) override {
    mean_.assign(mean(y_pred));
    most_.assign(max(y_pred, {0}));
  }
  Tensor result() const override { return mean_.value(); }
  NamedList<Tensor> results() const override { return {{"average", mean_.value()}, {"most", most_.value()}}; }
  OptionalBool more_is_better() const override { return true; }

 private:
  Variable mean_ = add_variable("mean");
  Variable most_ = add_variable("most", {3});
};

using LogNames = std::vector<std::string>;

}  // namespace

TEST_CASE("a metric with several values has an entry in the logs for each") {
  ThreeClasses task(Metrics{"accuracy", F1Score()});
  const Logs logs = task.model.evaluate(task.x, task.y, {.batch_size = 5, .verbose = 0});
  CHECK(logs.names() == LogNames{"loss", "accuracy", "f1_score[0]", "f1_score[1]", "f1_score[2]"});
  const Metric alone = F1Score();
  alone.update_state(task.y, task.model.predict(task.x, {.verbose = 0}));
  const std::vector<double> expected = alone.result().to_vector<double>();
  for (std::size_t i = 0; i < 3; ++i) CHECK(logs[static_cast<Index>(i) + 2] == doctest::Approx(expected[i]));
  // The bar shows their mean, as in Keras.
  std::ostringstream stream;
  internal::Progress bar(stream, 2, 1, false);
  bar.update(1, {{"loss", 0.5}, {"f1_score[0]", 0.25}, {"f1_score[1]", 0.5}, {"f1_score[2]", 0.75}});
  bar.finish({{"loss", 0.5}, {"f1_score[0]", 0.25}, {"f1_score[1]", 0.5}, {"f1_score[2]", 0.75}});
  CHECK(contains(stream.str(), " - loss: 0.5000 - f1_score: 0.5000\n"));
}

TEST_CASE("values of a metric with several are recorded, written and monitored one by one") {
  const Folder folder;
  const std::string path = (folder / "log.csv").native();
  ThreeClasses task{F1Score()};
  const History history = task.model.fit(
      task.x, task.y,
      {.epochs = 3,
       .verbose = 0,
       .callbacks = {EarlyStopping({.monitor = "val_f1_score[1]", .patience = 1}), CSVLogger(path)},
       .validation_data = {task.x, task.y}});
  CHECK(history["f1_score[2]"].size() == history.epoch.size());
  CHECK(history["val_f1_score[1]"].size() == history.epoch.size());
  CHECK(contains(read_file(path), "epoch,f1_score[0],f1_score[1],f1_score[2],loss,val_f1_score[0]"));
  CHECK_THROWS_WITH_AS(
      task.model.fit(task.x, task.y,
                     {.verbose = 0, .callbacks = {EarlyStopping({.monitor = "f1_score", .mode = "max"})}}),
      doctest::Contains("f1_score[0]"), ValueError);
}

TEST_CASE("a metric whose result is a matrix, and one with results by name") {
  ThreeClasses task(Metrics{make<Spread>()});
  const Logs logs = task.model.evaluate(task.x, task.y, {.verbose = 0});
  CHECK(logs.names() == LogNames{"loss", "average", "most[0]", "most[1]", "most[2]"});
  CHECK(logs["average"] == doctest::Approx(1.0 / 3));
  const Tensor most = max(task.model.predict(task.x, {.verbose = 0}), {0});
  CHECK(logs["most[1]"] == doctest::Approx(most.item<double>({1})));
  CHECK(task.model.more_is_better("most[1]"));
  CHECK(task.model.more_is_better("average"));

  class Pairs : public MetricBase {
   public:
    Pairs() : MetricBase("pairs") {}
    void update_state(const Tensor&, const Tensor&, const Tensor&) override {}
    Tensor result() const override { return Tensor::of({{1, 2}, {3, 4}}); }
  };
  ThreeClasses matrix(Metrics{make<Pairs>()});
  const Logs pairs = matrix.model.train_on_batch(matrix.x, matrix.y);
  CHECK(pairs.names() == LogNames{"loss", "pairs[0][0]", "pairs[0][1]", "pairs[1][0]", "pairs[1][1]"});
  CHECK(pairs["pairs[1][0]"] == 3);
}

TEST_CASE("with several outputs, results by name begin with the name of the output") {
  set_seed(3);
  const Tensor input = Input({.shape = {4}});
  Model model(input, {Dense({.units = 3, .name = "a"})(input), Dense({.units = 3, .name = "b"})(input)});
  model.compile(
      {.optimizer = "sgd", .loss = "mse", .metrics = {{"a", make<Spread>()}, {"b", make<Spread>()}}});
  const Tensor y = Tensor::zeros({2, 3});
  const Logs logs = model.evaluate(Tensor::ones({2, 4}), {y, y}, {.verbose = 0});
  CHECK(logs.contains("a_average"));
  CHECK(logs.contains("b_most[2]"));
}
