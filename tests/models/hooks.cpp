#include <doctest/doctest.h>
#include <string>
#include <vector>

#include <unspool/core/error.h>
#include <unspool/layers/dense.h>
#include <unspool/layers/input.h>
#include <unspool/models/sequential.h>
#include <unspool/optim/sgd.h>

using namespace unspool;

namespace {

Sequential line_with_mae() {
  Sequential model({Input({.shape = {1}}), Dense({.units = 1})});
  model.compile({.optimizer = "sgd", .loss = "mse", .metrics = {"mae"}});
  return model;
}

using Events = std::vector<std::string>;

/// Writes down each hook with the names in its logs.
std::shared_ptr<Callback> recorder(Events& events) {
  const auto note = [&events](std::string what) {
    return [&events, what](Index number, const Logs& logs) {
      std::string text = what + " " + std::to_string(number);
      for (const std::string& name : logs.names()) text += " " + name;
      events.push_back(text);
    };
  };
  const auto plain = [&events](std::string what) {
    return [&events, what](const Logs& logs) {
      std::string text = what;
      for (const std::string& name : logs.names()) text += " " + name;
      events.push_back(text);
    };
  };
  return LambdaCallback({.on_epoch_begin = note("epoch_begin"),
                         .on_epoch_end = note("epoch_end"),
                         .on_train_begin = plain("train_begin"),
                         .on_train_end = plain("train_end"),
                         .on_train_batch_begin = note("train_batch_begin"),
                         .on_train_batch_end = note("train_batch_end"),
                         .on_test_begin = plain("test_begin"),
                         .on_test_end = plain("test_end"),
                         .on_test_batch_begin = note("test_batch_begin"),
                         .on_test_batch_end = note("test_batch_end"),
                         .on_predict_begin = plain("predict_begin"),
                         .on_predict_end = plain("predict_end"),
                         .on_predict_batch_begin = note("predict_batch_begin"),
                         .on_predict_batch_end = note("predict_batch_end")});
}

}  // namespace

// The events are those that Keras 3.15 gives for the same calls, in its order.
TEST_CASE("the hooks of fit, evaluate and predict are called in Keras' order") {
  Sequential model = line_with_mae();
  const Tensor x = Tensor::ones({4, 1});
  const Tensor two = Tensor::ones({2, 1});
  Events events;
  model.fit(x, x,
            {.batch_size = 2, .verbose = 0, .callbacks = {recorder(events)}, .validation_data = {two, two}});
  CHECK(events == Events{"train_begin", "epoch_begin 0", "train_batch_begin 0", "train_batch_end 0 loss mae",
                         "train_batch_begin 1", "train_batch_end 1 loss mae", "test_begin",
                         "test_batch_begin 0", "test_batch_end 0 loss mae", "test_end loss mae",
                         "epoch_end 0 loss mae val_loss val_mae", "train_end loss mae val_loss val_mae"});
  events.clear();
  model.evaluate(x, x, {.batch_size = 2, .verbose = 0, .callbacks = {recorder(events)}});
  CHECK(events == Events{"test_begin", "test_batch_begin 0", "test_batch_end 0 loss mae",
                         "test_batch_begin 1", "test_batch_end 1 loss mae", "test_end loss mae"});
  events.clear();
  model.predict(x, {.batch_size = 2, .callbacks = {recorder(events)}});
  CHECK(events == Events{"predict_begin", "predict_batch_begin 0", "predict_batch_end 0",
                         "predict_batch_begin 1", "predict_batch_end 1", "predict_end"});
}

namespace {

/// One form of each kind of hook.
class Forms : public Callback {
 public:
  void on_train_begin() override { calls += "a"; }
  void on_train_end(const Logs& logs) override { calls += logs.contains("loss") ? "b" : "?"; }
  void on_epoch_begin(Index) override { calls += "c"; }
  void on_epoch_end(Index, Logs& logs) override { logs.set("extra", 7); }
  void on_train_batch_begin(Index, const Logs& logs) override { calls += logs.empty() ? "d" : "?"; }
  void on_train_batch_end(Index) override { calls += "e"; }
  void on_predict_batch_end(Index) override { predicted = outputs(); }
  using Callback::outputs;
  using Callback::params;
  std::string calls;
  Tensor predicted;
};

}  // namespace

TEST_CASE("a hook can be overridden with the logs, with logs to change, and without") {
  Sequential model = line_with_mae();
  const Tensor x = Tensor::ones({4, 1});
  const auto forms = make<Forms>();
  const History history = model.fit(x, x, {.batch_size = 4, .verbose = 0, .callbacks = {forms}});
  CHECK(forms->calls == "acdeb");
  CHECK(history["extra"] == std::vector<double>{7});
  const Tensor y = model.predict(x, {.callbacks = {forms}});
  CHECK(forms->predicted.item<float>({3, 0}) == y.item<float>({3, 0}));
  CHECK_THROWS_AS(forms->outputs(), RuntimeError);
}

TEST_CASE("a function for a hook takes all arguments, the number, or none") {
  Sequential model = line_with_mae();
  const Tensor x = Tensor::ones({4, 1});
  std::string calls;
  const auto callback =
      LambdaCallback({.on_epoch_begin = [&] { calls += "a"; },
                      .on_epoch_end = [&](Index, Logs& logs) { logs.set("extra", 1); },
                      .on_train_begin = [&](const Logs&) { calls += "b"; },
                      .on_train_end = [&] { calls += "c"; },
                      .on_train_batch_end = [&](Index batch) { calls += std::to_string(batch); }});
  const History history = model.fit(x, x, {.batch_size = 2, .verbose = 0, .callbacks = {callback}});
  CHECK(calls == "ba01c");
  CHECK(history["extra"].size() == 1);
}

TEST_CASE("params() says what is known about the run") {
  Sequential model = line_with_mae();
  const Tensor x = Tensor::ones({5, 1});
  const auto forms = make<Forms>();
  model.fit(x, x, {.batch_size = 2, .epochs = 3, .verbose = 0, .callbacks = {forms}});
  CHECK(forms->params().epochs == 3);
  CHECK(forms->params().steps == 3);
  CHECK(forms->params().verbose == 0);
  CHECK(forms->params().metrics == std::vector<std::string>{"loss", "mae"});
  model.evaluate(x, x, {.batch_size = 1, .verbose = 0, .steps = 2, .callbacks = {forms}});
  CHECK(forms->params().steps == 2);
}

TEST_CASE("a user's own callback: stops when the loss is small, in 12 lines") {
  class StopBelow : public Callback {
   public:
    explicit StopBelow(double loss) : loss_(loss) {}
    void on_epoch_end(Index, const Logs& logs) override {
      if (logs["loss"] < loss_) model().stop_training();
    }

   private:
    double loss_;
  };
  Sequential model({Input({.shape = {1}}), Dense({.units = 1, .kernel_initializer = "zeros"})});
  model.compile({.optimizer = SGD({.learning_rate = .25}), .loss = "mse"});
  const Tensor x = Tensor::ones({1, 1});
  const History history = model.fit(x, x, {.epochs = 100, .verbose = 0, .callbacks = {make<StopBelow>(.05)}});
  CHECK(history["loss"].size() < 5);
  CHECK(history["loss"].back() < .05);
}
