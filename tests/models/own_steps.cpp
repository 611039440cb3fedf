#include <doctest/doctest.h>
#include <functional>

#include <unspool/unspool.h>

#include "../layers/support.h"
#include "../serialization/folder.h"
#include "../support/same_bits.h"

using namespace unspool;
using namespace unspool::testing;

namespace {

/// The step that compile({.train_step}) documents.
Logs keras_step(Model& model, const Batch& batch) {
  GradientTape tape;
  const Outputs y = model(batch.x, {.training = true});
  const Tensor loss = model.compute_loss(batch.x, batch.y, y);
  const auto weights = model.trainable_weights();
  model.optimizer().apply(tape.gradient(loss, weights), weights);
  return model.compute_metrics(batch, y, loss);
}

Logs keras_test(Model& model, const Batch& batch) {
  const Outputs y = model(batch.x);
  return model.compute_metrics(batch, y, model.compute_loss(batch, y));
}

Sequential regression(StepFunction train_step = {}, StepFunction test_step = {}) {
  set_seed(3);
  Sequential model({Input({.shape = {2}}), Dense({.units = 1, .kernel_regularizer = "l2"})});
  model.compile({.optimizer = SGD(.1),
                 .loss = "mse",
                 .metrics = {"mae"},
                 .weighted_metrics = {"mae"},
                 .train_step = std::move(train_step),
                 .test_step = std::move(test_step)});
  return model;
}

}  // namespace

TEST_CASE("the step of the documentation is Keras' step, to the bit") {
  const Tensor x = some({20, 2}, float32);
  const Tensor y = sum(x, {1}, true);
  const auto run = [&](Model model) {
    const History history =
        model.fit(x, y, {.batch_size = 8, .epochs = 3, .verbose = 0, .validation_split = .2});
    std::vector<Tensor> all = model.get_weights();
    for (const auto& [name, values] : history.history) all.push_back(Tensor::from(values));
    return all;
  };
  CHECK(same_bits(run(regression(keras_step, keras_test)), run(regression())));
}

TEST_CASE("several outputs: a step of one's own logs the loss of each") {
  const auto trained = [](StepFunction step) {
    set_seed(3);
    const Tensor in = Input({.shape = {2}});
    Model model(in, {Dense({.units = 1, .name = "a"})(in), Dense({.units = 1, .name = "b"})(in)});
    model.compile(
        {.optimizer = SGD(.1), .loss = {{"a", "mse"}, {"b", "mae"}}, .train_step = std::move(step)});
    const Tensor x = some({6, 2}, float32);
    const Tensor y = sum(x, {1}, true);
    return model.train_on_batch(x, {{"b", y}, {"a", y}});
  };
  const Logs logs = trained(keras_step);
  CHECK(logs.names() == std::vector<std::string>{"loss", "a_loss", "b_loss"});
  CHECK(logs == trained({}));
}

namespace {

/// A network whose loss has a term of its own, and a metric with a state.
class Sparse : public ModelBase {
 public:
  Tensor call(const Tensor& x, const CallArgs&) override { return out_(x); }
  Tensor compute_loss(const Batch& batch, const Outputs& y_pred) override {
    return ModelBase::compute_loss(batch, y_pred) + sum(abs(out_->weights()[0])) * 10;
  }
  std::vector<Metric> metrics() override { return {largest_}; }
  Logs compute_metrics(const Batch& batch, const Outputs& y_pred, const Tensor& loss) override {
    Logs logs = ModelBase::compute_metrics(batch, y_pred, loss);
    largest_.update_state(batch.y[0], y_pred);
    logs.set("own", largest_.result().item<double>());
    return logs;
  }

 private:
  Ref<Layer> out_ = add_layer(Dense({.units = 1, .kernel_initializer = "ones"}));
  Metric largest_ = "mae";
};

}  // namespace

TEST_CASE("a subclass overrides compute_loss, metrics and compute_metrics") {
  Model model(make<Sparse>());
  model.compile({.optimizer = SGD(0.), .loss = "mse", .metrics = {"mae"}});
  const Tensor x = Tensor::ones({4, 3});
  const Tensor y = Tensor::ones({4, 1});
  const History history = model.fit(x, y, {.batch_size = 2, .epochs = 2, .verbose = 0});
  // (3 - 1)^2 + 10 * 3 and |3 - 1|; the metrics of the class are reset in each epoch.
  CHECK(history["loss"] == std::vector<double>{34, 34});
  CHECK(history["own"] == std::vector<double>{2, 2});
  CHECK(history["mae"] == std::vector<double>{2, 2});
  CHECK(model.evaluate(x, y, {.verbose = 0})["loss"] == 34);
  CHECK(model.predict(x).item<float>({0, 0}) == 3);
  CHECK_THROWS_WITH_AS(make<Sparse>()->train_step({x, y}), doctest::Contains("Model(make<MyModel>(...))"),
                       ValueError);
}

TEST_CASE("two handles on one ModelBase are one model") {
  const auto net = make<Sparse>();
  Model first(net);
  const Model second(net);
  first.compile({.loss = "mse"});
  CHECK(second.compiled());
}

// Each of the two tests below is what a user writes for such a model.
TEST_CASE("a GAN with two optimizers") {
  set_seed(1);
  Sequential generator({Input({.shape = {1}}), Dense({.units = 1})});
  const Sequential critic({Input({.shape = {1}}), Dense({.units = 1})});
  const Optimizer g_optimizer = Adam(.05), d_optimizer = Adam(.05);
  const Loss bce = BinaryCrossentropy({.from_logits = true});
  const auto descend = [](const Model& net, const Optimizer& optimizer, const std::function<Tensor()>& f) {
    GradientTape tape;
    const Tensor loss = f();
    optimizer.apply(tape.gradient(loss, net.trainable_weights()), net.trainable_weights());
    return loss.item<double>();
  };
  generator.compile({.train_step = [&](Model&, const Batch& batch) -> Logs {
    const Tensor real = batch.x[0], noise = random_normal(real.shape()), one = ones({real.shape()[0], 1});
    const auto of_critic = [&] { return bce(one, critic(real)) + bce(one * 0, critic(generator(noise))); };
    const auto of_generator = [&] { return bce(one, critic(generator(noise))); };
    return {{"d_loss", descend(critic, d_optimizer, of_critic)},
            {"g_loss", descend(generator, g_optimizer, of_generator)}};
  }});
  const History history = generator.fit(random_normal({512, 1}) + 3, {}, {.epochs = 20, .verbose = 0});
  CHECK(history.history.names() == std::vector<std::string>{"d_loss", "g_loss"});
  CHECK(g_optimizer.iterations() == 320);
  // The mean of what it generates moved from 0 towards 3.
  CHECK(mean(generator.predict(random_normal({1000, 1}))).item<double>() > 1.5);
}

TEST_CASE("a gradient penalty: the gradient of a gradient") {
  set_seed(1);
  Sequential critic({Input({.shape = {2}}), Dense({.units = 8, .activation = "tanh"}), Dense({.units = 1})});
  const auto slope = [&](const Tensor& x) {
    GradientTape tape;
    tape.watch(x);
    const Tensor y = sum(critic(x));
    return sqrt(sum(square(tape.gradient(y, x)), {1}));
  };
  critic.compile({.optimizer = Adam(.02), .train_step = [&](Model& model, const Batch& batch) -> Logs {
                    GradientTape tape;
                    const Tensor penalty = mean(square(slope(batch.x[0]) - 1));
                    const auto weights = model.trainable_weights();
                    model.optimizer().apply(tape.gradient(penalty, weights), weights);
                    return {{"penalty", penalty.item<double>()}};
                  }});
  const Tensor x = random_normal({64, 2});
  const History history = critic.fit(x, {}, {.epochs = 60, .verbose = 0});
  CHECK(history["penalty"].back() < .2 * history["penalty"].front());
  CHECK(mean(slope(x)).item<double>() == doctest::Approx(1).epsilon(.1));
}

TEST_CASE("a model with a step of its own is saved without the step, and says so") {
  const Folder folder;
  Sequential model = regression(keras_step);
  const Tensor x = some({4, 2}, float32);
  const Tensor y = sum(x, {1}, true);
  model.train_on_batch(x, y);
  model.save(folder / "m.unspool");
  Model again = load_model(folder / "m.unspool");
  CHECK(again.optimizer().iterations() == 1);
  CHECK_THROWS_WITH_AS(again.train_on_batch(x, y), doctest::Contains("expected the train_step"), ValueError);
  again.compile({.optimizer = again.optimizer(), .loss = "mse", .train_step = keras_step});
  again.train_on_batch(x, y);
  CHECK(again.optimizer().iterations() == 2);
}
