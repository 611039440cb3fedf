#include <cctype>
#include <cmath>
#include <doctest/doctest.h>
#include <limits>

#include <unspool/autograd/arithmetic.h>
#include <unspool/core/error.h>
#include <unspool/core/registry.h>
#include <unspool/core/threads.h>
#include <unspool/optim/adadelta.h>
#include <unspool/optim/adafactor.h>
#include <unspool/optim/adagrad.h>
#include <unspool/optim/adam.h>
#include <unspool/optim/adamax.h>
#include <unspool/optim/adamw.h>
#include <unspool/optim/ftrl.h>
#include <unspool/optim/lamb.h>
#include <unspool/optim/lion.h>
#include <unspool/optim/nadam.h>
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

TEST_CASE(
    "epsilon stands outside of Adam's root, beside a mean that is not corrected, and under the others'") {
  // Keras' first steps with an epsilon of 1, which shows where it stands.
  const auto first_step = [](const Optimizer& optimizer) {
    const Variable w(Tensor::of({1, 2}), {.name = "w"});
    optimizer.apply_gradients({Tensor::of({.5, -1})}, {w});
    return w.value();
  };
  check_close(first_step(Adam({.learning_rate = .1, .epsilon = 1})), {.9984435, 2.0030653});
  check_close(first_step(RMSprop({.learning_rate = .1, .epsilon = 1})), {.9506135, 2.0953462});
  check_close(first_step(Adagrad({.learning_rate = .1, .epsilon = 1})), {.9569669, 2.0690064});
  check_close(first_step(Adadelta({.learning_rate = .1, .epsilon = 1})), {.9503096, 2.09759});
}

TEST_CASE("the other optimizers make Keras' steps") {
  check_close(three_steps(AdamW({.learning_rate = .1, .weight_decay = .01})), {.7959107, 2.1843582});
  check_close(three_steps(Adadelta({.learning_rate = 1})), {.9992441, 2.0010123});
  check_close(three_steps(Adagrad({.learning_rate = .1})), {.9435393, 2.0766144});
  check_close(three_steps(Adamax({.learning_rate = .1})), {.8276274, 2.1601727});
  check_close(three_steps(Nadam({.learning_rate = .1})), {.9128528, 2.0991943});
  check_close(three_steps(Ftrl({.learning_rate = .1})), {.4090168, 1.4735918});
  check_close(three_steps(Ftrl(
                  {.learning_rate = .1, .l1_regularization_strength = .1, .l2_regularization_strength = .1})),
              {.3794517, 1.4366550});
  check_close(three_steps(Lion({.learning_rate = .1})), {.9, 2.1});
  check_close(three_steps(Lamb({.learning_rate = .1})), {.5348014, 2.4917917});
  check_close(three_steps(Adafactor({.learning_rate = .1})), {.9419479, 2.1092029});
}

TEST_CASE("one step each, from Keras' own tests") {
  // They are given, and hold, to four digits.
  const auto check = [](const Optimizer& optimizer, const std::vector<double>& wanted) {
    CAPTURE(optimizer->class_name());
    check_close(one_step(optimizer), wanted, 5e-5);
  };
  check(SGD({.learning_rate = .5}), {.5, -1, -.5, 3});
  check(RMSprop({.learning_rate = .5}), {-.5811, .4189, 1.4189, 2.4189});
  check(Adam({.learning_rate = .5}), {.5, 1.5, 2.5, 3.5});
  check(Adamax({.learning_rate = .5}), {.5, 1.5, 2.5, 3.5});
  check(Lion({.learning_rate = .5}), {.5, 1.5, 2.5, 3.5});
  check(AdamW({.learning_rate = .5, .weight_decay = .004}), {.498, 1.496, 2.494, 3.492});
  check(Adadelta({.learning_rate = .5}), {.9993, 1.9993, 2.9993, 3.9993});
  check(Adagrad({.learning_rate = .5}), {.5233, 1.5007, 2.5005, 3.5061});
  check(Nadam({.learning_rate = .5}), {.4686, 1.4686, 2.4686, 3.4686});
  check(Ftrl({.learning_rate = .5}), {.2218, 1.3954, 2.3651, 2.8814});
  check(Lamb({.learning_rate = .5}), {-.3693, .6307, 1.6307, 2.6307});
  check(Adafactor({.learning_rate = .5}), {-.3693, .6307, 1.6307, 2.6307});
}

TEST_CASE("Ftrl forgets the weights that it starts from") {
  const Variable w(Tensor::of({1, 2}), {.name = "w"});
  Ftrl({.learning_rate = .1}).apply_gradients({Tensor::of({.5, -1})}, {w});
  check_close(w.value(), {.3809621, 1.4923235});
}

TEST_CASE("running means of the weights") {
  const SGDOptions options{.learning_rate = 1, .use_ema = true, .ema_momentum = .5};
  const Optimizer keeps = SGD(options);
  check_close(three_steps(keeps), {.7, 2.8});
  CHECK(paths(keeps)[2] == "sgd/w_average");
  // Of .5, 3; then .4, 2.8; then .7, 2.8.
  check_close(keeps.variables()[2].value(), {.575, 2.85});

  SGDOptions often = options;
  often.ema_overwrite_frequency = 2;
  check_close(three_steps(SGD(often)), {.75, 2.9});

  const Variable w(Tensor::of({1}), {.name = "w"});
  const Optimizer optimizer = SGD(options);
  optimizer.apply_gradients({Tensor::of({-1})}, {w});
  optimizer.apply_gradients({Tensor::of({-1})}, {w});
  check_close(w.value(), {3});
  optimizer.finalize_variable_values();
  check_close(w.value(), {2.5});
  SGD().finalize_variable_values();  // Nothing to do, nothing done.
}

TEST_CASE("running means are of what comes before constraints") {
  const Variable w(Tensor::of({1}),
                   {.name = "w", .constraint = [](const Tensor& x) { return maximum(x, 0); }});
  const Optimizer optimizer = SGD({.learning_rate = 1, .use_ema = true, .ema_momentum = .5});
  optimizer.apply_gradients({Tensor::of({3})}, {w});
  check_close(w.value(), {0});
  check_close(optimizer.variables()[2].value(), {-2});
}

TEST_CASE("gradients that add up over several steps") {
  const Variable w(Tensor::of({1, 2}), {.name = "w"});
  const Optimizer optimizer = SGD({.learning_rate = 1, .gradient_accumulation_steps = 2});
  optimizer.apply_gradients({Tensor::of({.5, -1})}, {w});
  check_close(w.value(), {1, 2});
  CHECK(optimizer.iterations() == 0);
  optimizer.apply_gradients({Tensor::of({.1, .2})}, {w});
  check_close(w.value(), {.7, 2.4});
  CHECK(optimizer.iterations() == 1);
  optimizer.apply_gradients({Tensor::of({-.3, 0})}, {w});
  check_close(w.value(), {.7, 2.4});
  CHECK(paths(optimizer) ==
        std::vector<std::string>{"sgd/iteration", "sgd/learning_rate", "sgd/w_gradient_accumulator"});
  check_close(optimizer.variables()[2].value(), {-.3, 0});

  // Schedules count every step, those that only add up, too.
  const Variable ten(Tensor::of({10}), {.name = "ten"});
  const Optimizer falls = SGD(
      {.learning_rate = ExponentialDecay({.initial_learning_rate = 1, .decay_steps = 1, .decay_rate = .5}),
       .gradient_accumulation_steps = 2});
  for (double wanted : {10., 9.5, 9.5, 9.375}) {
    falls.apply_gradients({Tensor::of({1})}, {ten});
    check_close(ten.value(), {wanted});
  }
}

TEST_CASE("a scaled loss") {
  const Optimizer optimizer = SGD({.learning_rate = 1, .loss_scale_factor = 2});
  check_close(three_steps(optimizer), {.85, 2.4});
  check_close(optimizer.scale_loss(Tensor::of({3})), {6});
  check_close(SGD().scale_loss(Tensor::of({3})), {3});
}

TEST_CASE("a schedule sets the learning rate") {
  const Optimizer optimizer = SGD(
      {.learning_rate = ExponentialDecay({.initial_learning_rate = 1, .decay_steps = 1, .decay_rate = .5})});
  CHECK(optimizer.learning_rate() == 1);
  check_close(three_steps(optimizer), {.525, 2.9});
  CHECK(optimizer.learning_rate() == .125);
  CHECK(paths(optimizer) == std::vector<std::string>{"sgd/iteration"});
  CHECK_THROWS_WITH_AS(optimizer.set_learning_rate(.1), doctest::Contains("ExponentialDecay"), TypeError);

  const Optimizer read = Optimizer::from_config(from_json(to_json(optimizer.config())));
  CHECK(read.config() == optimizer.config());
  CHECK(read.config()["config"]["learning_rate"]["config"]["decay_rate"].as<double>() == .5);
}

TEST_CASE("weights that do not decay") {
  const Variable kernel(Tensor::of({1}), {.name = "kernel"});
  const Variable bias(Tensor::of({1}), {.name = "bias"});
  const Variable scale(Tensor::of({1}), {.name = "scale"});
  const Optimizer optimizer = SGD({.learning_rate = .5, .weight_decay = .1});
  optimizer->exclude_from_weight_decay({scale}, {"bi"});
  const Tensor none = Tensor::of({0});
  optimizer.apply_gradients({none, none, none}, {kernel, bias, scale});
  check_close(kernel.value(), {.95});
  check_close(bias.value(), {1});
  check_close(scale.value(), {1});
  CHECK_THROWS_WITH_AS(optimizer->exclude_from_weight_decay({}, {"kernel"}), doctest::Contains("before"),
                       ValueError);
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
  CHECK(state(SGD()) == Paths{"sgd/iteration", "sgd/learning_rate"});
  CHECK(state(SGD({.momentum = .9})) ==
        Paths{"sgd/iteration", "sgd/learning_rate", "sgd/dense_kernel_momentum", "sgd/dense_bias_momentum"});
  CHECK(state(Adam({.amsgrad = true})) ==
        Paths{"adam/iteration", "adam/learning_rate", "adam/dense_kernel_momentum",
              "adam/dense_kernel_velocity", "adam/dense_bias_momentum", "adam/dense_bias_velocity",
              "adam/dense_kernel_velocity_hat", "adam/dense_bias_velocity_hat"});
  // Not interleaved: first the velocities of all.
  CHECK(state(RMSprop({.momentum = .5, .centered = true})) ==
        Paths{"rm_sprop/iteration", "rm_sprop/learning_rate", "rm_sprop/dense_kernel_velocity",
              "rm_sprop/dense_bias_velocity", "rm_sprop/dense_kernel_momentum",
              "rm_sprop/dense_bias_momentum", "rm_sprop/dense_kernel_average_gradient",
              "rm_sprop/dense_bias_average_gradient"});

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

  CHECK_THROWS_WITH_AS(
      optimizer.apply_gradients({Tensor(), Tensor()}, {a, b}),
      "sgd: expected a gradient for some variable, got none: does the loss depend on the variables?",
      ValueError);
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
      R"("use_ema": false, "ema_momentum": 0.99, "ema_overwrite_frequency": null, "loss_scale_factor": null, )"
      R"("gradient_accumulation_steps": null, "name": "adam"})");
}

TEST_CASE("every optimizer is made by its name, by Keras' name, and of its config") {
  // Keras' classes with the names that their first objects get.
  const std::vector<std::pair<std::string, std::string>> all = {
      {"SGD", "sgd"},           {"RMSprop", "rm_sprop"}, {"Adam", "adam"},     {"AdamW", "adam_w"},
      {"Adadelta", "adadelta"}, {"Adagrad", "adagrad"},  {"Adamax", "adamax"}, {"Adafactor", "adafactor"},
      {"Nadam", "nadam"},       {"Ftrl", "ftrl"},        {"Lion", "lion"},     {"Lamb", "lamb"}};
  for (const auto& entry : all) {
    const auto& type = entry.first;
    const auto& name = entry.second;
    CAPTURE(type);
    const Optimizer made(type);
    CHECK(made->class_name() == type);
    CHECK(made->name() == name);
    CHECK(made.learning_rate() == static_cast<float>(type == "SGD" ? .01 : .001));
    std::string small = type;
    for (char& c : small) c = static_cast<char>(std::tolower(c));
    CHECK(Optimizer(small).config() == made.config());
    CHECK(Optimizer::from_config(from_json(to_json(made.config()))).config() == made.config());
  }
  std::size_t known = 0;
  for (const std::string& name : optimizer_registry().names()) known += name.find('>') == std::string::npos;
  CHECK(known == 2 * all.size());
}

TEST_CASE("arguments that make no sense") {
  CHECK_THROWS_WITH_AS(SGD({.momentum = 1.5}), doctest::Contains("1.5"), ValueError);
  CHECK_THROWS_AS(Adam({.clipnorm = 1, .clipvalue = 1}), ValueError);
  CHECK_THROWS_WITH_AS(Adam({.global_clipnorm = -1}), doctest::Contains("global_clipnorm"), ValueError);
  CHECK_THROWS_WITH_AS(Adam({.ema_momentum = 1.25}),
                       doctest::Contains("expected ema_momentum to lie in [0, 1], got 1.25"), ValueError);
  CHECK_THROWS_WITH_AS(Adam({.ema_overwrite_frequency = 0}),
                       doctest::Contains("expected ema_overwrite_frequency to be positive, got 0"),
                       ValueError);
  CHECK_THROWS_WITH_AS(Adam({.loss_scale_factor = 0.}), doctest::Contains("loss_scale_factor"), ValueError);
  CHECK_THROWS_WITH_AS(Adam({.gradient_accumulation_steps = 1}),
                       doctest::Contains("expected gradient_accumulation_steps to be at least 2, got 1"),
                       ValueError);
  CHECK_THROWS_WITH_AS(AdamW({.weight_decay = std::nullopt}),
                       doctest::Contains("adam_w: expected a number for weight_decay, got none"), ValueError);
  CHECK_THROWS_WITH_AS(Adagrad({.initial_accumulator_value = -1}),
                       doctest::Contains("initial_accumulator_value"), ValueError);
  CHECK_THROWS_WITH_AS(Lion({.beta_1 = 0}), "lion: expected beta_1 to lie in (0, 1], got 0", ValueError);
  CHECK_THROWS_AS(Lion({.beta_1 = 1.1}), ValueError);
  CHECK_THROWS_WITH_AS(Ftrl({.learning_rate_power = .5}), doctest::Contains("learning_rate_power"),
                       ValueError);
  CHECK_THROWS_WITH_AS(Ftrl({.initial_accumulator_value = -1}),
                       doctest::Contains("initial_accumulator_value"), ValueError);
  CHECK_THROWS_WITH_AS(Ftrl({.l1_regularization_strength = -1}),
                       "ftrl: expected l1_regularization_strength to be at least 0, got -1", ValueError);
  CHECK_THROWS_AS(Ftrl({.l2_regularization_strength = -1}), ValueError);
  // A mean that never moves leaves Adam with 0 / 0.
  CHECK_THROWS_WITH_AS(Adam({.beta_1 = 1}), "adam: expected beta_1 to lie in [0, 1), got 1", ValueError);
  CHECK_THROWS_AS(AdamW({.beta_2 = 1.5}), ValueError);
  CHECK_THROWS_AS(Adamax({.beta_2 = -.1}), ValueError);
  CHECK_THROWS_AS(Nadam({.epsilon = -1e-7}), ValueError);
  CHECK_THROWS_AS(Lamb({.beta_1 = std::numeric_limits<double>::quiet_NaN()}), ValueError);
  CHECK_THROWS_AS(Lion({.beta_2 = 1}), ValueError);
  CHECK_THROWS_WITH_AS(RMSprop({.rho = 1}), "rm_sprop: expected rho to lie in [0, 1), got 1", ValueError);
  CHECK_THROWS_AS(RMSprop({.momentum = 1.1}), ValueError);
  CHECK_THROWS_AS(Adadelta({.rho = -.5}), ValueError);
  CHECK_THROWS_AS(Adagrad({.epsilon = -1}), ValueError);
  CHECK_THROWS_WITH_AS(Adafactor({.beta_2_decay = .8}),
                       "adafactor: expected beta_2_decay to be at most 0, got 0.8", ValueError);
  CHECK_THROWS_AS(Adafactor({.clip_threshold = 0}), ValueError);
  CHECK_THROWS_AS(Ftrl({.l2_shrinkage_regularization_strength = -1}), ValueError);
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
  const Optimizer read = Optimizer::from_config(make<Sign>(SignOptions{.learning_rate = .5}).config());
  check_close(one_step(read), {.5, 1.5, 2.5, 3.5});
  CHECK(Optimizer("my>Sign") == Optimizer("my>Sign"));
  CHECK_FALSE(Optimizer("my>Sign") == Optimizer("adam"));
  CHECK(to_string(Optimizer("my>Sign")).starts_with("my>Sign(learning_rate=0.1"));
}

TEST_CASE("an optimizer made of its learning rate alone") {
  CHECK(Adam(1e-2) == Adam({.learning_rate = 1e-2}));
  CHECK(SGD(1) == SGD({.learning_rate = 1.}));
  CHECK(RMSprop(0.5F) == RMSprop({.learning_rate = 0.5}));
  const LearningRate decay =
      ExponentialDecay({.initial_learning_rate = 0.1, .decay_steps = 10, .decay_rate = 0.5});
  CHECK(SGD(decay) == SGD({.learning_rate = decay}));
  CHECK(Adam({}) == Adam());
  CHECK_FALSE(Adam(1e-2) == Adam());
}

TEST_CASE("apply() takes the variables that the optimizer was built for") {
  const Variable v(Tensor::of({1}), {.name = "v"});
  const Variable w(Tensor::of({1}), {.name = "w"});
  const Optimizer optimizer = SGD(0.5);
  CHECK_THROWS_WITH_AS(optimizer.apply({Tensor::of({1})}), doctest::Contains("build(variables)"), ValueError);
  optimizer.apply({Tensor::of({1}), Tensor::of({2})}, {v, w});
  check_close(v.value(), {.5});
  check_close(w.value(), {0});
  optimizer.apply({Tensor::of({1}), Tensor::of({2})});
  check_close(v.value(), {0});
  check_close(w.value(), {-1});
  CHECK_THROWS_AS(optimizer.apply({Tensor::of({1})}), ValueError);
  optimizer->apply({Tensor::of({2}), Tensor::of({0})});
  check_close(v.value(), {-1});
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

TEST_CASE("an optimizer is declared like a variable, and copies share it") {
  Adam optimizer({.beta_1 = 0.8, .epsilon = 1e-4});
  CHECK(optimizer->get_config()["beta_1"].as<double>() == 0.8);
  CHECK(optimizer->get_config()["beta_2"].as<double>() == 0.999);
  CHECK(SGD(0.5, 0.9)->get_config()["momentum"].as<double>() == 0.9);
  Adam other(1e-2);
  other = optimizer;
  const Optimizer any = other;
  any.set_learning_rate(0.25);
  CHECK(optimizer.learning_rate() == 0.25);
  CHECK(Adam().learning_rate() == doctest::Approx(0.001));
  CHECK(Adam({}).learning_rate() == doctest::Approx(0.001));
}
