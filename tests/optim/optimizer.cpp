#include <cmath>
#include <doctest/doctest.h>
#include <limits>

#include <unspool/autograd/arithmetic.h>
#include <unspool/core/error.h>
#include <unspool/core/threads.h>
#include <unspool/optim/adam.h>
#include <unspool/optim/optimizer.h>
#include <unspool/optim/rmsprop.h>
#include <unspool/optim/sgd.h>

using namespace unspool;

namespace {

void check_close(const Tensor& got, const std::vector<double>& wanted, double tolerance = 1e-6) {
  const std::vector<double> values = got.to_vector<double>();
  REQUIRE(values.size() == wanted.size());
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    CAPTURE(i);
    CHECK(values[i] == doctest::Approx(wanted[i]).epsilon(tolerance));
  }
}

/// Keras' weights [1, 2] after the gradients [.5, -1], [.1, .2], [-.3, 0].
Tensor three_steps(const Optimizer& optimizer) {
  const Variable w(Tensor::of({1, 2}), {.name = "w"});
  for (const Tensor& g : {Tensor::of({.5, -1}), Tensor::of({.1, .2}), Tensor::of({-.3, 0})}) {
    optimizer.apply_gradients({g}, {w});
  }
  return w.value();
}

/// Keras' weights 1, 2, 3, 4 after the gradients 1, 6, 7, 2.
Tensor one_step(const Optimizer& optimizer) {
  const Variable w(Tensor::of({1, 2, 3, 4}), {.name = "w"});
  optimizer.apply_gradients({Tensor::of({1, 6, 7, 2})}, {w});
  return w.value();
}

/// The names in variables().
std::vector<std::string> paths(const Optimizer& optimizer) {
  std::vector<std::string> all;
  for (const Variable& variable : optimizer.variables()) all.push_back(variable.path());
  return all;
}

}  // namespace

TEST_CASE("SGD makes Keras' steps") {
  check_close(three_steps(SGD({.learning_rate = .1})), {.97, 2.08});
  check_close(three_steps(SGD({.learning_rate = .1, .momentum = .9})), {.8755, 2.233});
  check_close(three_steps(SGD({.learning_rate = .1, .momentum = .9, .nesterov = true})), {.85795, 2.2897});
  check_close(one_step(SGD({.learning_rate = .5})), {.5, -1, -.5, 3});
}

TEST_CASE("Adam makes Keras' steps") {
  check_close(three_steps(Adam({.learning_rate = .1})), {.7986274, 2.1906030});
  check_close(three_steps(Adam({.learning_rate = .1, .amsgrad = true})), {.7986274, 2.1905832});
  check_close(three_steps(Adam({.learning_rate = .1, .weight_decay = .01})), {.7959107, 2.1843582});
  // Keras' own test allows 1e-4 here: its float32 powers of beta_2 move the result by 5e-6.
  check_close(one_step(Adam({.learning_rate = .5})), {.500005, 1.500005, 2.500005, 3.500005}, 1e-6);
}

TEST_CASE("RMSprop makes Keras' steps") {
  check_close(three_steps(RMSprop({.learning_rate = .1})), {.7913136, 2.2509949});
  check_close(three_steps(RMSprop({.learning_rate = .1, .momentum = .5, .centered = true})),
              {.4857130, 2.4828293});
  // Its epsilon stands under the root.
  const Variable w(Tensor::of({1, 2}), {.name = "w"});
  RMSprop({.learning_rate = .1}).apply_gradients({Tensor::of({.5, -1})}, {w});
  check_close(w.value(), {.6837729, 2.3162277}, 1e-7);
  check_close(one_step(RMSprop({.learning_rate = .5})), {-.5811389, .4188611, 1.4188611, 2.4188611});
}

TEST_CASE("weights decay, gradients are clipped") {
  check_close(three_steps(SGD({.learning_rate = .1, .weight_decay = .1})), {.9413940, 2.0188079});
  check_close(three_steps(SGD({.learning_rate = 1, .clipnorm = .5})), {.9763932, 2.2472136});
  check_close(three_steps(SGD({.learning_rate = 1, .clipvalue = .3})), {.9, 2.1});
}

TEST_CASE("the global norm is that of all gradients") {
  const Variable a(Tensor::of({0, 0}), {.name = "a"});
  const Variable b(Tensor::of({0}), {.name = "b"});
  const Optimizer optimizer = SGD({.learning_rate = 1, .global_clipnorm = 1.3});
  optimizer.apply_gradients({Tensor::of({3, 4}), Tensor::of({12})}, {a, b});
  check_close(a.value(), {-.3, -.4});
  check_close(b.value(), {-1.2});
  optimizer.apply_gradients({Tensor::of({.3, .4}), Tensor::of({0})}, {a, b});  // Short enough: as it is.
  check_close(a.value(), {-.6, -.8});

  const Tensor infinite = Tensor::of({std::numeric_limits<float>::infinity()});
  optimizer.apply_gradients({Tensor::of({0, 0}), infinite}, {a, b});
  for (float x : a.value().to_vector<float>()) CHECK(std::isnan(x));
}

TEST_CASE("the state has Keras' order and names") {
  const Variable kernel(Tensor::zeros({2, 3}), {.name = "kernel"});
  const Variable bias(Tensor::zeros({3}), {.name = "bias"});
  kernel.set_path("dense/kernel");
  bias.set_path("dense/bias");
  const auto state = [&](const Optimizer& optimizer) {
    optimizer.apply_gradients({Tensor::ones({2, 3}), Tensor::ones({3})}, {kernel, bias});
    return paths(optimizer);
  };
  using Paths = std::vector<std::string>;
  CHECK(state(SGD()) == Paths{"SGD/iteration", "SGD/learning_rate"});
  CHECK(state(SGD({.momentum = .9})) ==
        Paths{"SGD/iteration", "SGD/learning_rate", "SGD/dense_kernel_momentum", "SGD/dense_bias_momentum"});
  CHECK(state(Adam({.amsgrad = true})) ==
        Paths{"adam/iteration", "adam/learning_rate", "adam/dense_kernel_momentum",
              "adam/dense_kernel_velocity", "adam/dense_bias_momentum", "adam/dense_bias_velocity",
              "adam/dense_kernel_velocity_hat", "adam/dense_bias_velocity_hat"});
  // Not interleaved: first the velocities of all.
  CHECK(state(RMSprop({.momentum = .5, .centered = true})) ==
        Paths{"rmsprop/iteration", "rmsprop/learning_rate", "rmsprop/dense_kernel_velocity",
              "rmsprop/dense_bias_velocity", "rmsprop/dense_kernel_momentum", "rmsprop/dense_bias_momentum",
              "rmsprop/dense_kernel_average_gradient", "rmsprop/dense_bias_average_gradient"});

  const Optimizer adam = Adam();
  state(adam);
  CHECK(adam.variables()[0].dtype() == int64);
  CHECK(adam.variables()[1].dtype() == float32);
  CHECK(adam.variables()[2].shape() == Shape{2, 3});
  CHECK(adam.iterations() == 1);
}

TEST_CASE("gradients that are missing") {
  const Variable a(Tensor::of({1}), {.name = "a"});
  const Variable b(Tensor::of({1}), {.name = "b"});
  const Optimizer optimizer = SGD({.learning_rate = 1});
  optimizer.apply_gradients({Tensor(), Tensor::of({1})}, {a, b});
  check_close(a.value(), {1});
  check_close(b.value(), {0});
  CHECK(optimizer.iterations() == 1);
  optimizer.apply_gradients({Tensor::of({1}), Tensor()}, {a, b});  // a was known from the start
  check_close(a.value(), {0});

  CHECK_THROWS_WITH_AS(optimizer.apply_gradients({Tensor(), Tensor()}, {a, b}),
                       "SGD: no gradients provided for any variable", ValueError);
  optimizer.apply_gradients({}, {});
  CHECK(optimizer.iterations() == 2);

  const Variable late(Tensor::of({1}), {.name = "late"});
  CHECK_THROWS_WITH_AS(optimizer.apply_gradients({Tensor::of({1})}, {late}), doctest::Contains("late"),
                       ValueError);
  CHECK_THROWS_AS(optimizer.apply_gradients({Tensor::of({1})}, {a, b}), ValueError);
  CHECK_THROWS_WITH_AS(optimizer.apply_gradients({Tensor::of({1, 2})}, {a}), doctest::Contains("float32[2]"),
                       ValueError);
}

TEST_CASE("constraints come after the step") {
  const Variable w(Tensor::of({1, 1}),
                   {.name = "w", .constraint = [](const Tensor& x) { return maximum(x, 0); }});
  SGD({.learning_rate = 1}).apply_gradients({Tensor::of({3, .5})}, {w});
  check_close(w.value(), {0, .5});
}

TEST_CASE("what was read before a step keeps its value") {
  const Variable w(Tensor::of({1, 2}), {.name = "w"});
  const Tensor before = w.value();
  SGD({.learning_rate = 1}).apply_gradients({Tensor::of({1, 1})}, {w});
  check_close(before, {1, 2});
  check_close(w.value(), {0, 1});
}

TEST_CASE("float64 variables are moved in float64") {
  const Variable w(Tensor::of<double>({1}), {.name = "w"});
  SGD({.learning_rate = .5}).apply_gradients({Tensor::of<double>({1e-12})}, {w});
  CHECK(w.value().item<double>() == 1 - .5e-12);
}

TEST_CASE("the learning rate can change") {
  const Optimizer optimizer = SGD({.learning_rate = 1});
  const Variable w(Tensor::of({1}), {.name = "w"});
  optimizer.set_learning_rate(.5);
  optimizer.apply_gradients({Tensor::of({1})}, {w});
  check_close(w.value(), {.5});
  CHECK(optimizer.config()["config"]["learning_rate"].as<double>() == .5);
}

TEST_CASE("made by name, written and read") {
  CHECK(Optimizer("adam").config() == Adam().config());
  CHECK(Optimizer("SGD").config() == SGD().config());
  CHECK_THROWS_WITH_AS(Optimizer("adan"), doctest::Contains("did you mean \"adam\"?"), ValueError);
  CHECK_FALSE(Optimizer());
  CHECK_THROWS_AS(Optimizer().iterations(), ValueError);

  const Optimizer made = Adam({.learning_rate = .25, .beta_1 = .8, .clipnorm = 2, .name = "mine"});
  const Optimizer read = Optimizer::from_config(from_json(to_json(made.config())));
  CHECK(read.config() == made.config());
  CHECK(made.config()["class_name"].as<std::string>() == "Adam");
  CHECK(read->name() == "mine");
  // As Keras has it: the rate is a float32.
  CHECK(
      to_json(Adam().config()["config"]) ==
      R"({"learning_rate": 0.0010000000474974513, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-07, )"
      R"("amsgrad": false, "weight_decay": null, "clipnorm": null, "clipvalue": null, "global_clipnorm": null, )"
      R"("name": "adam"})");
}

TEST_CASE("arguments that make no sense") {
  CHECK_THROWS_WITH_AS(SGD({.momentum = 1.5}), doctest::Contains("1.5"), ValueError);
  CHECK_THROWS_AS(Adam({.clipnorm = 1, .clipvalue = 1}), ValueError);
  CHECK_THROWS_WITH_AS(Adam({.global_clipnorm = -1}), doctest::Contains("global_clipnorm"), ValueError);
}

namespace {
struct SignOptions {
  double learning_rate = 0.1;
  std::optional<double> weight_decay, clipnorm, clipvalue, global_clipnorm;
  std::string name = "sign";
  static const Fields& fields() {
    static const Fields all = optimizer_fields(field("learning_rate", &SignOptions::learning_rate));
    return all;
  }
};
/// An optimizer written with operations.
class Sign : public OptimizerOf<SignOptions> {
 public:
  explicit Sign(SignOptions options) : OptimizerOf(std::move(options)) {}

 protected:
  void update(const Variable& variable, const Tensor& gradient, std::span<const Variable>,
              const Step& step) override {
    variable.assign_sub(sign(gradient) * step.learning_rate);
  }
};
}  // namespace

TEST_CASE("an optimizer of one's own") {
  register_optimizer<Sign>("my>Sign");
  const Optimizer read =
      Optimizer::from_config(Optimizer(std::make_shared<Sign>(SignOptions{.learning_rate = .5})).config());
  check_close(one_step(read), {.5, 1.5, 2.5, 3.5});
}

TEST_CASE("a step gives the same bits on any number of threads") {
  const int before = num_threads();
  const auto run = [](int threads) {
    set_num_threads(threads);
    const Index n = 100000;
    const Variable w(Tensor::zeros({n}), {.name = "w"});
    const Tensor g = Tensor::generate<float>({n}, [](std::span<float> out) {
      for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<float>(i % 977) * 0.01f - 4;
    });
    const Optimizer optimizer = Adam({.global_clipnorm = 1});
    for (int i = 0; i < 3; ++i) optimizer.apply_gradients({g}, {w});
    return w.value().to_vector<float>();
  };
  const std::vector<float> one = run(1);
  CHECK(run(2) == one);
  CHECK(run(4) == one);
  set_num_threads(before);
}
