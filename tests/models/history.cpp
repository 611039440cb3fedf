#include <doctest/doctest.h>
#include <sstream>
#include <string>
#include <vector>

#include <unspool/core/error.h>
#include <unspool/layers/dense.h>
#include <unspool/layers/input.h>
#include <unspool/models/sequential.h>

using namespace unspool;

namespace {

/// A compiled model whose loss on constant_data() is 9, and mean absolute error 3.
Sequential constant_model() {
  Sequential model(
      {Input({.shape = {1}}), Dense({.units = 1, .use_bias = false, .kernel_initializer = "zeros"})});
  model.compile({.optimizer = "sgd", .loss = "mse", .metrics = {"mae"}});
  return model;
}
template <class T>
concept IndexedByNumber = requires(const T& values) {
  values[0];
};

const Tensor constant_x = Tensor::zeros({2, 1});
const Tensor constant_y = Tensor::of({{3}, {3}});

}  // namespace

TEST_CASE("the values of evaluate() are found by position as in Keras") {
  const Logs logs = constant_model().evaluate(constant_x, constant_y, {.verbose = 0});
  CHECK(logs[0] == 9);
  CHECK(logs[1] == 3);
  CHECK(logs[-1] == 3);
  CHECK(logs[std::size_t{1}] == logs["mae"]);
  CHECK(constant_model().evaluate(constant_x, constant_y, {.verbose = 0})[0] == 9);
  CHECK(constant_model().train_on_batch(constant_x, constant_y)[0] == 9);
  CHECK(constant_model().test_on_batch(constant_x, constant_y)[1] == 3);
  CHECK_THROWS_WITH_AS(logs[2], "expected the position of one of 2 values (loss, mae), got 2", IndexError);
  CHECK_THROWS_AS(logs[-3], IndexError);
  CHECK_THROWS_WITH_AS(logs["mea"], "expected a name in the logs, got \"mea\"; known: loss, mae", KeyError);
}

TEST_CASE("logs are printed as the progress bar prints them") {
  std::ostringstream text;
  text << Logs{{"loss", 0.32141}, {"accuracy", 0.5}} << '|' << Logs{};
  CHECK(text.str() == "loss: 0.3214 - accuracy: 0.5000|");
}

TEST_CASE("a history is indexed by name and then by epoch") {
  const History history = constant_model().fit(constant_x, constant_y, {.epochs = 2, .verbose = 0});
  CHECK(history["loss"][1] == 9);
  CHECK(history.history["mae"][0] == 3);
  static_assert(!IndexedByNumber<History>);
  static_assert(!IndexedByNumber<NamedValues<std::vector<double>>>);
  static_assert(IndexedByNumber<Logs>);
}

TEST_CASE("what a temporary owns outlives it in a loop") {
  int epochs = 0;
  for (const double loss :
       constant_model().fit(constant_x, constant_y, {.epochs = 2, .verbose = 0})["loss"]) {
    CHECK(loss == 9);
    ++epochs;
  }
  for (const double loss :
       constant_model().fit(constant_x, constant_y, {.epochs = 2, .verbose = 0}).history["loss"]) {
    CHECK(loss == 9);
    ++epochs;
  }
  CHECK(epochs == 4);
  for (const auto& [name, value] : constant_model().evaluate(constant_x, constant_y, {.verbose = 0})) {
    CHECK(value == (name == "loss" ? 9 : 3));
  }
  const double& loss = constant_model().evaluate(constant_x, constant_y, {.verbose = 0})["loss"];
  CHECK(loss == 9);
  for (const Ref<LayerBase>& layer : constant_model().layers()) CHECK(layer->class_name() == "Dense");
  for (const Variable& weight : constant_model().weights()) CHECK(weight.shape() == Shape{1, 1});
  const Ref<Layer>& network = constant_model().network();
  CHECK(network->count_params() == 1);
  const std::string& model_name = Sequential({}, {.name = "a_name_that_is_longer_than_the_handle"}).name();
  CHECK(model_name == "a_name_that_is_longer_than_the_handle");
  for (const Metric& metric : Metrics{"mae", "mse"}.list()) CHECK(metric.name().size() == 3);
  for (const auto& callback : Callbacks{LambdaCallback({})}.all()) CHECK(callback != nullptr);
  const std::string& loss_name = Loss("sparse_categorical_crossentropy").name();
  CHECK(loss_name == "sparse_categorical_crossentropy");
  const std::string& metric_name = Metric("sparse_categorical_accuracy").name();
  CHECK(metric_name == "sparse_categorical_accuracy");
}

TEST_CASE("layers are found by name and by index") {
  const Sequential model = constant_model();
  CHECK(model.get_layer(0) == model.layers()[0]);
  CHECK(model.get_layer(-1) == model.layers()[0]);
  CHECK(model.get_layer(model.layers()[0]->name()) == model.layers()[0]);
  CHECK_THROWS_WITH_AS(model.get_layer(1), doctest::Contains("expected the index of one of 1 layers, got 1"),
                       ValueError);
}
