#include <doctest/doctest.h>

#include <unspool/unspool.h>

#include "../layers/support.h"
#include "../support/same_bits.h"

using namespace unspool;
using namespace unspool::testing;

namespace {

/// Adds up its inputs; the sum stays from one batch to the next. Nothing is trained.
Sequential adder(bool trainable = false) {
  const auto rnn = SimpleRNN({.units = 1,
                              .activation = "linear",
                              .use_bias = false,
                              .kernel_initializer = "ones",
                              .recurrent_initializer = "ones",
                              .stateful = true,
                              .trainable = trainable});
  Sequential model(
      {Input({.batch_shape = {1, 2, 1}}), rnn, Dense({.units = 1, .kernel_initializer = "ones"})});
  model.compile({.optimizer = SGD(0.),
                 .loss = [](const Tensor& labels, const Tensor& outputs) { return labels * 0 + outputs; }});
  return model;
}

/// A model that takes batches of two.
Sequential of_two() {
  Sequential model(
      {Input({.batch_shape = {2, 2, 1}}), SimpleRNN({.units = 2, .stateful = true}), Dense({.units = 1})});
  model.compile({.optimizer = "sgd", .loss = "mse"});
  return model;
}

const FitOptions one_by_one{.batch_size = 1, .verbose = 0, .shuffle = false};

}  // namespace

// Keras: 3 epochs of two ones end with the state 6 (trap 19 of the specification).
TEST_CASE("states stay from batch to batch and from epoch to epoch") {
  Sequential model = adder();
  const Tensor x = Tensor::ones({1, 2, 1});
  FitOptions options = one_by_one;
  options.epochs = 3;
  CHECK(model.fit(x, Tensor::ones({1, 1}), options)["loss"] == std::vector<double>{2, 4, 6});
}

TEST_CASE("a callback resets the states at the start of each epoch") {
  Sequential model = adder();
  const Tensor x = Tensor::ones({2, 2, 1});
  class Reset : public Callback {
    void on_epoch_begin(Index) override { model().reset_states(); }
  };
  FitOptions options = one_by_one;
  options.epochs = 3;
  options.callbacks = {make<Reset>()};
  CHECK(model.fit(x, Tensor::ones({2, 1}), options)["loss"] == std::vector<double>{3, 3, 3});
}

TEST_CASE("validation within fit goes on from the states of training, and gives them back") {
  Sequential model = adder();
  const Tensor x = Tensor::ones({1, 2, 1});
  const Tensor y = Tensor::ones({1, 1});
  FitOptions options = one_by_one;
  options.epochs = 2;
  options.validation_data = {Tensor::ones({2, 2, 1}) * 10, Tensor::ones({2, 1})};
  const History history = model.fit(x, y, options);
  // Without validation it is 2, 4. Keras, where training goes on from the states of validation: 2, 44.
  CHECK(history["loss"] == std::vector<double>{2, 4});
  CHECK(history["val_loss"] == std::vector<double>{(22. + 42) / 2, (24. + 44) / 2});
}

TEST_CASE("a smaller last batch of a Dataset is refused before any weight moves") {
  Sequential model = of_two();
  const Tensor x = some({5, 2, 1}, float32);
  const Tensor y = some({5, 1}, float32);
  const std::vector<Tensor> before = model.get_weights();
  const auto refused = [&](auto&& fit, const char* what) {
    CHECK_THROWS_WITH_AS(fit(), doctest::Contains(what), ValueError);
    CHECK_THROWS_WITH_AS(fit(), doctest::Contains("stateful"), ValueError);
    CHECK_THROWS_WITH_AS(fit(), doctest::Contains("batch_size = 2"), ValueError);
  };
  const Dataset data = Dataset(x, y).batch(2);
  refused([&] { model.fit(data, {.verbose = 0}); }, "fit: ");
  refused([&] { model.fit(data.take(2), {.verbose = 0, .validation_data = data}); }, "validation_data: ");
  CHECK(same_bits(model.get_weights(), before));
  CHECK_NOTHROW(model.fit(Dataset(x, y).batch(2, {.drop_remainder = true}), {.verbose = 0}));
}

TEST_CASE("evaluate and predict refuse what fit refuses, before any state moves") {
  Sequential model = of_two();
  const Tensor x = some({5, 2, 1}, float32);
  const Tensor y = some({5, 1}, float32);
  const Ref<layers::SimpleRNN> rnn = SimpleRNN(model.get_layer(0));
  model.predict(x, {.batch_size = 2, .verbose = 0, .steps = 2});
  const Tensor before = rnn->states()[0].value();
  const auto refused = [&](auto&& run, const char* what) {
    CHECK_THROWS_WITH_AS(run(), doctest::Contains(what), ValueError);
    CHECK_THROWS_WITH_AS(run(), doctest::Contains("stateful"), ValueError);
    CHECK(same_bits(rnn->states()[0].value(), before));
  };
  const Dataset data = Dataset(x, y).batch(2);
  refused([&] { model.evaluate(data, {.verbose = 0}); }, "evaluate: expected a last batch of batch_size = 2");
  refused([&] { model.predict(data, {.verbose = 0}); }, "predict: expected a last batch of batch_size = 2");
  refused([&] { model.evaluate(x, y, {.batch_size = 2, .verbose = 0}); }, "evaluate: ");
  refused([&] { model.predict(x, {.batch_size = 2, .verbose = 0}); }, "predict: ");
  const Dataset by_three = Dataset(x, y).take(3).batch(3);
  refused([&] { model.evaluate(by_three, {.verbose = 0}); }, "evaluate: expected batches of batch_size = 2");
  refused([&] { model.predict(by_three, {.verbose = 0}); }, "predict: expected batches of batch_size = 2");
  refused([&] { model.fit(by_three, {.verbose = 0}); }, "fit: expected batches of batch_size = 2");
  // The batches that are used are whole.
  CHECK_NOTHROW(model.evaluate(data, {.verbose = 0, .steps = 2}));
  CHECK_NOTHROW(model.evaluate(x, y, {.batch_size = 2, .verbose = 0, .steps = 2}));
  CHECK(model.predict(data, {.verbose = 0, .steps = 2}).shape() == Shape{4, 1});
  CHECK_NOTHROW(model.fit(data.take(2), {.verbose = 0, .validation_data = data, .validation_steps = 2}));
}
