#include <doctest/doctest.h>
#include <string>
#include <vector>

#include <unspool/autograd/indexing.h>
#include <unspool/autograd/views.h>
#include <unspool/core/error.h>
#include <unspool/layers/dense.h>
#include <unspool/layers/input.h>
#include <unspool/layers/lstm.h>
#include <unspool/layers/merge.h>
#include <unspool/models/callback.h>
#include <unspool/models/early_stopping.h>
#include <unspool/models/model.h>
#include <unspool/optim/sgd.h>

#include "../serialization/folder.h"

using namespace unspool;

namespace {

const Tensor left = Tensor::from<float>({1, 2, 0.5F, -1, 2, 0, -1, 1, 0, 3}, {5, 2});
const Tensor right = Tensor::from<float>({1, 2, -1, 0.5F, 1.5F}, {5, 1});
const Tensor prices = Tensor::from<float>({1, 0, 2, -1, 0.5F}, {5, 1});
const Tensor kinds = Tensor::from<int>({0, 2, 1, 1, 0}, {5});

/// Two inputs, "left" and "right", and two outputs, "price" and "kind".
Model two_outputs() {
  const Tensor a = Input({.shape = {2}, .name = "left"});
  const Tensor b = Input({.shape = {1}, .name = "right"});
  const Tensor both = Concatenate()({a, b});
  const Tensor price = Dense({.units = 1, .name = "price"})(both);
  const Tensor kind = Dense({.units = 3, .activation = "softmax", .name = "kind"})(both);
  Model model({a, b}, {price, kind});
  model.set_weights({Tensor::from<float>({0.25F, 0.25F, 0.25F}, {3, 1}), Tensor::from<float>({0}, {1}),
                     Tensor::from<float>({.1F, .2F, -.3F, .4F, -.5F, .6F, .7F, -.1F, .2F}, {3, 3}),
                     Tensor::from<float>({0, 0, 0}, {3})});
  return model;
}

CompileOptions with_names() {
  return {.optimizer = SGD({.learning_rate = 0.1}),
          .loss = {{"kind", "sparse_categorical_crossentropy"}, {"price", "mse"}},
          .loss_weights = {{"kind", 0.2}},
          .metrics = {{"price", "mae"}, {"kind", {"accuracy"}}},
          .weighted_metrics = {{"price", {"mae"}}}};
}

NamedList<Tensor> sample_weights() {
  return {{"price", Tensor::from<float>({1, 2, 1, 0.5F, 1}, {5})},
          {"kind", Tensor::from<float>({1, 1, 0, 1, 2}, {5})}};
}

FitOptions in_order(Index batch_size, Index epochs) {
  return {.batch_size = batch_size, .epochs = epochs, .verbose = 0, .shuffle = false};
}

void check_logs(const History& history, const NamedValues<std::vector<double>>& expected) {
  CHECK(history.history.size() == expected.size());
  for (const auto& entry : expected) {
    const auto& name = entry.first;
    const auto& values = entry.second;
    REQUIRE(history.history.contains(name));
    for (std::size_t i = 0; i < values.size(); ++i) {
      CAPTURE(name);
      CHECK(history[name][i] == doctest::Approx(values[i]).epsilon(2e-6));
    }
  }
}

/// What Keras 3.15 (JAX) gives for two epochs of with_names() in batches of 2 with sample_weights().
const NamedValues<std::vector<double>> keras_history{{"loss", {1.0389183, 0.3404375}},
                                                     {"price_loss", {0.79535669, 0.11979334}},
                                                     {"kind_loss", {1.2178078, 1.1032207}},
                                                     {"price_mae", {0.68334377, 0.33937824}},
                                                     {"price_weighted_mae", {0.59053975, 0.28959009}},
                                                     {"kind_accuracy", {0.6, 0.6}},
                                                     {"val_loss", {0.3721101, 0.33373323}},
                                                     {"val_price_loss", {0.14763391, 0.11947028}},
                                                     {"val_kind_loss", {1.1223811, 1.0713147}},
                                                     {"val_price_mae", {0.35115933, 0.30868277}},
                                                     {"val_price_weighted_mae", {0.35115933, 0.30868277}},
                                                     {"val_kind_accuracy", {0.6, 0.6}}};

}  // namespace

TEST_CASE("several outputs train as in Keras, by name or in order") {
  const std::vector<float> last_bias{0.02002771757543087F, 0.010374494828283787F, -0.030402211472392082F};
  FitOptions options = in_order(2, 2);

  Model by_name = two_outputs();
  by_name.compile(with_names());
  options.sample_weight = sample_weights();
  options.validation_data = {{{"right", right}, {"left", left}}, {{"kind", kinds}, {"price", prices}}};
  const History history =
      by_name.fit({{"right", right}, {"left", left}}, {{"kind", kinds}, {"price", prices}}, options);
  check_logs(history, keras_history);
  const std::vector<float> bias = by_name.weights()[3].value().to_vector<float>();
  for (std::size_t i = 0; i < bias.size(); ++i)
    CHECK(bias[i] == doctest::Approx(static_cast<double>(last_bias[i])).epsilon(1e-5));

  Model in_lists = two_outputs();
  in_lists.compile({.optimizer = SGD({.learning_rate = 0.1}),
                    .loss = {"mse", "sparse_categorical_crossentropy"},
                    .loss_weights = {1, 0.2},
                    .metrics = {"mae", "accuracy"},
                    .weighted_metrics = {{"price", {"mae"}}}});
  options.sample_weight = {sample_weights().entries()[0].value, sample_weights().entries()[1].value};
  options.validation_data = {{left, right}, {prices, kinds}};
  CHECK(in_lists.fit({left, right}, {prices, kinds}, options).history == history.history);

  // Keras' evaluate() returns these in this order.
  const Logs found = by_name.evaluate({left, right}, {prices, kinds}, {.batch_size = 2, .verbose = 0});
  CHECK(found.names() == std::vector<std::string>{"loss", "price_loss", "kind_loss", "price_mae",
                                                  "price_weighted_mae", "kind_accuracy"});
  CHECK(found[0] == doctest::Approx(0.3337332308292389).epsilon(2e-6));
  CHECK(found[2] == doctest::Approx(1.0713146924972534).epsilon(2e-6));
}

TEST_CASE("one loss serves all outputs, an output without a loss is not trained on") {
  Model part = two_outputs();
  const std::vector<float> before = part.weights()[2].value().to_vector<float>();
  part.compile(
      {.optimizer = SGD({.learning_rate = 0.1}), .loss = {{"price", "mse"}}, .loss_weights = {0.5, 1}});
  // As in Keras: the only loss is not repeated.
  check_logs(part.fit({left, right}, {{"price", prices}}, in_order(5, 1)), {{"loss", {0.4859375059604645}}});
  CHECK(part.weights()[2].value().to_vector<float>() == before);

  Model both = two_outputs();
  both.compile({.optimizer = SGD({.learning_rate = 0.1}), .loss = "mse"});
  FitOptions weighted = in_order(5, 1);
  weighted.sample_weight = Tensor::from<float>({1, 2, 3, 4, 5}, {5});
  check_logs(
      both.fit({left, right}, {prices, one_hot(kinds, 3)}, weighted),
      {{"loss", {3.9914321899414062}}, {"price_loss", {3.296875}}, {"kind_loss", {0.6945571303367615}}});
}

TEST_CASE("weights of classes scale the losses of their samples, as in Keras") {
  const Tensor x = Input({.shape = {2}});
  Model model(x, Dense({.units = 3, .activation = "softmax"})(x));
  const auto start = [&] {
    model.set_weights(
        {Tensor::from<float>({.1F, .2F, -.3F, .4F, -.5F, .6F}, {2, 3}), Tensor::from<float>({0, 0, 0}, {3})});
  };
  start();
  model.compile({.optimizer = SGD({.learning_rate = 0.1}),
                 .loss = "sparse_categorical_crossentropy",
                 .weighted_metrics = {"accuracy"}});
  FitOptions options = in_order(2, 1);
  options.class_weight = {{0, 2.0}, {2, 0.5}};
  const NamedValues<std::vector<double>> expected{{"loss", {1.3553943634033203}},
                                                  {"accuracy", {0.6153846383094788}}};
  check_logs(model.fit(left, kinds, options), expected);
  CHECK(model.weights()[1].value().to_vector<float>()[2] ==
        doctest::Approx(-0.14701581001281738).epsilon(1e-5));

  // Labels that are one-hot have the class of the 1.
  start();
  model.compile({.optimizer = SGD({.learning_rate = 0.1}),
                 .loss = "categorical_crossentropy",
                 .weighted_metrics = {"accuracy"}});
  check_logs(model.fit(left, one_hot(kinds, 3), options), expected);

  options.sample_weight = Tensor::from<float>({1, 1, 1, 1, 1}, {5});
  CHECK_THROWS_WITH_AS(model.fit(left, one_hot(kinds, 3), options),
                       "fit: expected class_weight or sample_weight, got both", ValueError);
  Model two = two_outputs();
  two.compile(with_names());
  options.sample_weight = {};
  CHECK_THROWS_WITH_AS(two.fit({left, right}, {prices, kinds}, options),
                       doctest::Contains("class_weight: expected the labels of one output"), ValueError);
}

TEST_CASE("a model with several outputs is saved with its losses, weights and metrics") {
  const Folder folder;
  Model model = two_outputs();
  model.compile(with_names());
  FitOptions options = in_order(2, 1);
  options.sample_weight = sample_weights();
  model.fit({left, right}, {prices, kinds}, options);
  model.save(folder / "model");
  Model loaded = load_model(folder / "model");
  CHECK(loaded.fit({left, right}, {prices, kinds}, options).history ==
        model.fit({left, right}, {prices, kinds}, options).history);

  Model lists = two_outputs();
  lists.compile(
      {.loss = {"mse", "sparse_categorical_crossentropy"}, .metrics = {Metrics{"mae", "mse"}, "accuracy"}});
  lists.fit({left, right}, {prices, kinds}, in_order(5, 1));
  lists.save(folder / "lists");
  Model again = load_model(folder / "lists");
  CHECK(again.evaluate({left, right}, {prices, kinds}, {.verbose = 0}) ==
        lists.evaluate({left, right}, {prices, kinds}, {.verbose = 0}));
}

TEST_CASE("outputs of a layer of one's own are told by their number") {
  class Both : public Layer {
   public:
    std::vector<Tensor> call_all(const std::vector<Tensor>& x, const CallArgs&) override {
      return {one_(x[0]), other_(x[0])};
    }

   private:
    Ref<Layer> one_ = add_layer(Dense({.units = 1, .kernel_initializer = "ones"}));
    Ref<Layer> other_ = add_layer(Dense({.units = 1, .kernel_initializer = "zeros"}));
  };
  Model model(unspool::make<Both>());
  model.compile({.optimizer = "sgd", .loss = "mse", .metrics = {"mae", "mse"}});
  const History history = model.fit(right, {prices, prices}, in_order(5, 1));
  CHECK(history.history.names() ==
        std::vector<std::string>{"loss", "output_0_loss", "output_1_loss", "output_0_mae", "output_1_mse"});
  CHECK(history["loss"][0] == doctest::Approx(history["output_0_loss"][0] + history["output_1_loss"][0]));
  CHECK(history["output_1_loss"][0] == doctest::Approx(history["output_1_mse"][0]));
  CHECK_THROWS_WITH_AS(model.fit(right, {{"price", prices}}, in_order(5, 1)),
                       doctest::Contains("expected tensors in order"), ValueError);
}

TEST_CASE("callbacks monitor the loss of an output") {
  Model model = two_outputs();
  model.compile(with_names());
  FitOptions options = in_order(5, 50);
  options.callbacks = {EarlyStopping({.monitor = "kind_loss", .min_delta = 10, .patience = 1})};
  CHECK(model.fit({left, right}, {prices, kinds}, options).epoch.size() == 2);
}

TEST_CASE("lists that do not fit the outputs are refused with the names of these") {
  Model model = two_outputs();
  CHECK_THROWS_WITH_AS(
      model.compile({.loss = {{"prize", "mse"}}}),
      "compile: loss: expected names among price, kind, got \"prize\": did you mean \"price\"?", ValueError);
  CHECK_THROWS_WITH_AS(model.compile({.loss = {"mse", "mse", "mse"}}),
                       "compile: loss: expected 2 values for price, kind, got 3", ValueError);
  CHECK_THROWS_WITH_AS(model.compile({.loss = {{"price", "mse"}, {"price", "mae"}}}),
                       "compile: loss: expected each name once, got \"price\" twice", ValueError);
  CHECK_THROWS_WITH_AS(
      model.compile({.loss = {{"price", "mse"}, "mae"}}),
      "compile: loss: expected names for all values or for none, got 2 values, 1 of them with a name",
      ValueError);
  CHECK_THROWS_WITH_AS(model.compile({.loss = "mse", .metrics = {"mae"}}),
                       doctest::Contains("compile: metrics: expected 2 values for price, kind, got 1"),
                       ValueError);
  CHECK_THROWS_WITH_AS(model.compile({.loss = "mse", .metrics = {{"mae", "mse"}, {"accuracy"}}}),
                       doctest::Contains("are written as Metrics{"), ValueError);
  model.compile(with_names());
  CHECK_THROWS_WITH_AS(model.fit({left, right}, prices, in_order(5, 1)),
                       "fit: y: expected 2 values for price, kind, got 1", ValueError);
  CHECK_THROWS_WITH_AS(model.fit({left, right}, {{"price", prices}}, in_order(5, 1)),
                       doctest::Contains("of the output kind: expected labels y, got an empty tensor"),
                       ValueError);
  CHECK_THROWS_WITH_AS(model.fit({{"left", left}, {"rihgt", right}}, {prices, kinds}, in_order(5, 1)),
                       doctest::Contains("expected names among left, right, got \"rihgt\""), ValueError);
  CHECK_THROWS_WITH_AS(model.fit({left, right}, {prices, slice(kinds, 0, 0, 4)}, in_order(5, 1)),
                       doctest::Contains("y[1] has 4"), ValueError);
}
