#include <cmath>
#include <cstdint>
#include <doctest/doctest.h>
#include <functional>
#include <sstream>
#include <string>
#include <vector>

#include <unspool/core/internal/random.h>
#include <unspool/unspool.h>

#include "../support/same_bits.h"

using namespace unspool;
using namespace unspool::testing;

namespace {

// -- Data that can be learned -------------------------------------------------------------------------------

struct Plane {
  Tensor x;
  Tensor y;
};

Tensor random_sequences(Index samples, Index steps, Index features) {
  return random_normal({samples, steps, features});
}

/// Whether the sum over the sequence of the first feature is above 0.
Plane sign_of_sum(Index samples = 192, Index steps = 10, Index features = 3) {
  const Tensor x = random_sequences(samples, steps, features);
  const Tensor sums = sum(slice(x, 2, 0, 1), {1, 2});
  return {x, cast(sums > 0, int32)};
}

/// The class whose feature has the greatest sum.
Plane greatest_sum(Index samples = 192, Index steps = 8, Index features = 4) {
  const Tensor x = random_sequences(samples, steps, features);
  return {x, argmax(sum(x, {1}), -1)};
}

/// A sine, one step ahead.
Plane sine_windows(Index samples = 192, Index steps = 12) {
  std::vector<float> x;
  std::vector<float> y;
  for (Index i = 0; i < samples; ++i) {
    for (Index t = 0; t <= steps; ++t) {
      const float value = std::sin(0.3F * static_cast<float>(i + t));
      (t < steps ? x : y).push_back(value);
    }
  }
  return {Tensor::from(x, {samples, steps, 1}), Tensor::from(y, {samples, 1})};
}

/// Texts of words 1 to 9, padded with 0 at the end; whether word 1 occurs.
Plane padded_words(Index samples = 192, Index steps = 9) {
  const std::vector<float> noise = random_uniform({samples * (steps + 1)}).to_vector<float>();
  std::vector<std::int32_t> x;
  std::vector<std::int32_t> y;
  for (Index i = 0; i < samples; ++i) {
    const auto at = [&](Index t) { return noise[static_cast<std::size_t>(i * (steps + 1) + t)]; };
    const auto length = static_cast<Index>(3 + at(steps) * static_cast<float>(steps - 3));
    std::int32_t found = 0;
    for (Index t = 0; t < steps; ++t) {
      const auto word = t < length ? static_cast<std::int32_t>(1 + at(t) * 6) : 0;
      found = word == 1 ? 1 : found;
      x.push_back(word);
    }
    y.push_back(found);
  }
  return {Tensor::from(x, {samples, steps}), Tensor::from(y)};
}

/// Three noisy points of a plane, by class.
Plane points(Index samples = 192) {
  const Tensor noise = random_normal({samples, 2});
  std::vector<float> x;
  std::vector<std::int32_t> y;
  for (Index i = 0; i < samples; ++i) {
    const auto kind = static_cast<std::int32_t>(i * 7 % 3);
    x.push_back(noise.item<float>({i, 0}) + 2.0F * static_cast<float>(kind == 1));
    x.push_back(noise.item<float>({i, 1}) + 2.0F * static_cast<float>(kind == 2));
    y.push_back(kind);
  }
  return {Tensor::from(x, {samples, 2}), Tensor::from(y)};
}

// -- Checks -------------------------------------------------------------------------------------------------

std::string text_of(const Diagnosis& diagnosis) {
  std::ostringstream text;
  text << diagnosis;
  return text.str();
}

/// Checks that the first finding, which the others may follow from, is this one.
void check_found(const Diagnosis& diagnosis, Fault fault, const std::string& layer) {
  INFO(text_of(diagnosis));
  REQUIRE_FALSE(diagnosis.healthy());
  CHECK(name_of(diagnosis.findings[0].fault) == name_of(fault));
  CHECK(diagnosis.findings[0].layer == layer);
  CHECK_FALSE(diagnosis.findings[0].words.empty());
  CHECK_FALSE(diagnosis.findings[0].advice.empty());
}

Initializer scaled_orthogonal(double gain) { return Orthogonal({.gain = gain}); }

}  // namespace

// -- Planted faults -----------------------------------------------------------------------------------------

TEST_CASE("The doctor finds exploding gradients, with the layer and the time step") {
  set_seed(1);
  const Plane task = sign_of_sum(96, 30);
  Sequential model({Input({.shape = {30, 3}}),
                    SimpleRNN({.units = 16,
                               .activation = "relu",
                               .recurrent_initializer = Identity({.gain = 1.5}),
                               .name = "loop"}),
                    Dense({.units = 1})});
  model.compile({.optimizer = "adam", .loss = "mse"});
  const Diagnosis found = diagnose(model, task.x, task.y);
  check_found(found, Fault::exploding_gradients, "loop");
  REQUIRE(found.findings[0].step);
  CHECK(*found.findings[0].step < 5);
}

TEST_CASE("The doctor finds vanishing gradients, with the layer and the time step") {
  set_seed(1);
  const Plane task = sign_of_sum(96, 40);
  Sequential model({Input({.shape = {40, 3}}), LSTM({.units = 8, .return_sequences = true, .name = "first"}),
                    SimpleRNN({.units = 16, .recurrent_initializer = scaled_orthogonal(0.2), .name = "loop"}),
                    Dense({.units = 1, .activation = "sigmoid"})});
  model.compile({.optimizer = "adam", .loss = "binary_crossentropy"});
  const Diagnosis found = diagnose(model, task.x, task.y);
  check_found(found, Fault::vanishing_gradients, "loop");
  // 0.2 a step: 2^-24 is reached after ten steps or so.
  REQUIRE(found.findings[0].step);
  CHECK(*found.findings[0].step > 20);
  CHECK(*found.findings[0].step < 35);

  // In a network without time it is a layer that gets none.
  Sequential deep({Input({.shape = {2}})});
  for (int i = 0; i < 14; ++i) {
    deep.add(Dense({.units = 8, .activation = "sigmoid", .name = "hidden_" + std::to_string(i)}));
  }
  deep.add(Dense({.units = 3, .activation = "softmax"}));
  deep.compile({.optimizer = "adam", .loss = "sparse_categorical_crossentropy"});
  const Plane plane = points();
  check_found(diagnose(deep, plane.x, plane.y), Fault::vanishing_gradients, "hidden_0");
}

TEST_CASE("The doctor finds saturated gates") {
  set_seed(1);
  const Plane task = greatest_sum();
  Sequential model({Input({.shape = {8, 4}}), LSTM({.units = 8, .return_sequences = true, .name = "good"}),
                    GRU({.units = 8, .bias_initializer = Constant({.value = 4}), .name = "stuck"}),
                    Dense({.units = 4, .activation = "softmax"})});
  model.compile({.optimizer = "adam", .loss = "sparse_categorical_crossentropy"});
  check_found(diagnose(model, task.x, task.y), Fault::saturated_gates, "stuck");
}

TEST_CASE("The doctor finds dead units") {
  set_seed(1);
  const Plane task = points();
  Sequential model(
      {Input({.shape = {2}}), Dense({.units = 16, .activation = "relu", .name = "alive"}),
       Dense(
           {.units = 16, .activation = "relu", .bias_initializer = Constant({.value = -4}), .name = "dead"}),
       Dense({.units = 3, .activation = "softmax"})});
  model.compile({.optimizer = "adam", .loss = "sparse_categorical_crossentropy"});
  const Diagnosis found = diagnose(model, task.x, task.y);
  INFO(text_of(found));
  REQUIRE_FALSE(found.healthy());
  // If all of them are dead, no gradient comes through, which is said first.
  const Finding* dead = nullptr;
  for (const Finding& each : found.findings) dead = each.fault == Fault::dead_units ? &each : dead;
  REQUIRE(dead != nullptr);
  CHECK(dead->layer == "dead");
}

TEST_CASE("The doctor finds masks that mask nothing or everything") {
  set_seed(1);
  const Plane task = padded_words();
  const auto make = [](bool embedded) {
    Sequential model({Input({.shape = {9}, .dtype = int32})});
    model.add(Embedding({.input_dim = 12, .output_dim = 6, .mask_zero = embedded, .name = "words"}));
    model.add(LSTM({.units = 8}));
    model.add(Dense({.units = 1, .activation = "sigmoid"}));
    model.compile({.optimizer = "adam", .loss = "binary_crossentropy"});
    return model;
  };
  // Padding that was shifted away from 0.
  check_found(diagnose(make(true), task.x + 1, task.y), Fault::mask_keeps_all, "words");
  CHECK(diagnose(make(true), task.x, task.y).healthy());
  CHECK(diagnose(make(false), task.x + 1, task.y).healthy());

  const Plane numbers = sign_of_sum();
  Sequential all({Input({.shape = {10, 3}}), Masking({.mask_value = 0.0, .name = "skip"}), LSTM({.units = 8}),
                  Dense({.units = 1, .activation = "sigmoid"})});
  all.compile({.optimizer = "adam", .loss = "binary_crossentropy"});
  check_found(diagnose(all, numbers.x * 0, numbers.y), Fault::mask_keeps_none, "skip");
}

TEST_CASE("The doctor finds data that are not scaled") {
  set_seed(1);
  const Plane task = sign_of_sum();
  const auto make = [] {
    Sequential model({Input({.shape = {10, 3}}), GRU({.units = 8, .name = "loop"}),
                      Dense({.units = 1, .activation = "sigmoid", .name = "out"})});
    model.compile({.optimizer = "adam", .loss = "binary_crossentropy"});
    return model;
  };
  check_found(diagnose(make(), task.x * 255, task.y), Fault::unscaled_data, "loop");
  check_found(diagnose(make(), task.x * 1e-4, task.y), Fault::unscaled_data, "loop");
  // One feature is enough.
  const Tensor scales = Tensor::of({1, 1, 3000});
  const Diagnosis one = diagnose(make(), task.x * scales, task.y);
  check_found(one, Fault::unscaled_data, "loop");
  CHECK(one.findings[0].words.find("feature 2") != std::string::npos);
  // A layer that scales them first makes it right.
  Sequential scaled({Input({.shape = {10, 3}}), Lambda({.function = [](const Tensor& x) { return x / 255; }}),
                     GRU({.units = 8}), Dense({.units = 1, .activation = "sigmoid"})});
  scaled.compile({.optimizer = "adam", .loss = "binary_crossentropy"});
  CHECK(text_of(diagnose(scaled, task.x * 255, task.y)) == "Nothing wrong was found.\n");

  const Plane wave = sine_windows();
  Sequential prices({Input({.shape = {12, 1}}), GRU({.units = 8}), Dense({.units = 1, .name = "price"})});
  prices.compile({.optimizer = "adam", .loss = "mse"});
  check_found(diagnose(prices, wave.x, wave.y * 1e4), Fault::unscaled_data, "price");
}

TEST_CASE("The doctor finds learning rates that are far off") {
  const auto make = [](const Optimizer& optimizer) {
    set_seed(1);
    Sequential model({Input({.shape = {8, 4}}), LSTM({.units = 12, .name = "loop"}),
                      Dense({.units = 4, .activation = "softmax", .name = "out"})});
    model.compile({.optimizer = optimizer, .loss = "sparse_categorical_crossentropy"});
    return model;
  };
  set_seed(3);
  const Plane task = greatest_sum();
  for (const Optimizer& optimizer : std::vector<Optimizer>{Adam(3.0), SGD(3000.0), RMSprop(2.0)}) {
    const Diagnosis found = diagnose(make(optimizer), task.x, task.y);
    INFO(text_of(found));
    REQUIRE(found.findings.size() == 1);
    CHECK(found.findings[0].fault == Fault::high_learning_rate);
    CHECK((found.findings[0].layer == "loop" || found.findings[0].layer == "out"));
  }
  for (const Optimizer& optimizer : std::vector<Optimizer>{Adam(1e-8), SGD(1e-7), RMSprop(1e-8)}) {
    const Diagnosis found = diagnose(make(optimizer), task.x, task.y);
    INFO(text_of(found));
    REQUIRE(found.findings.size() == 1);
    CHECK(found.findings[0].fault == Fault::low_learning_rate);
    CHECK((found.findings[0].layer == "loop" || found.findings[0].layer == "out"));
  }
}

TEST_CASE("The doctor finds labels that do not fit the loss") {
  set_seed(1);
  const Plane task = greatest_sum();
  const Plane binary = sign_of_sum(192, 8, 4);
  const auto make = [](Index units, const char* activation, const Loss& loss) {
    Sequential model({Input({.shape = {8, 4}}), LSTM({.units = 8}),
                      Dense({.units = units, .activation = activation, .name = "out"})});
    model.compile({.optimizer = "adam", .loss = loss});
    return model;
  };
  const auto check = [](const Model& model, const Tensor& x, const Tensor& y) {
    check_found(diagnose(model, x, y), Fault::labels_misfit_loss, "out");
  };
  const Tensor one_hot_labels = one_hot(task.y, 4);
  // Classes that the output has no unit for; labels from 1 on; no softmax; two softmaxes; one unit.
  check(make(3, "softmax", "sparse_categorical_crossentropy"), task.x, task.y);
  check(make(4, "softmax", "sparse_categorical_crossentropy"), task.x, task.y + 1);
  check(make(4, "linear", "sparse_categorical_crossentropy"), task.x, task.y);
  check(make(4, "softmax", SparseCategoricalCrossentropy({.from_logits = true})), task.x, task.y);
  check(make(1, "softmax", "sparse_categorical_crossentropy"), task.x, task.y * 0);
  check(make(4, "softmax", "categorical_crossentropy"), task.x, one_hot_labels * 2);
  check(make(1, "linear", "binary_crossentropy"), task.x, binary.y);
  check(make(1, "sigmoid", BinaryCrossentropy({.from_logits = true})), task.x, binary.y);
  check(make(1, "sigmoid", "binary_crossentropy"), task.x, binary.y * 2 - 1);
  check(make(1, "softmax", "binary_crossentropy"), task.x, binary.y);
  check(make(1, "tanh", "mse"), task.x, cast(binary.y, float32) * 3);
  check(make(1, "relu", "mse"), task.x, cast(binary.y, float32) - 1);
  check(make(1, "linear", "poisson"), task.x, cast(binary.y, float32) - 1);
  check(make(1, "linear", "mape"), task.x, binary.y);
  check(make(1, "linear", "hinge"), task.x, binary.y * 7);
  check(make(4, "softmax", "kl_divergence"), task.x, one_hot_labels * 3);
  // A shape that the loss refuses.
  check(make(4, "softmax", "categorical_crossentropy"), task.x, one_hot(task.y, 5));
  // Each of them has a right form.
  CHECK(diagnose(make(4, "softmax", "sparse_categorical_crossentropy"), task.x, task.y).healthy());
  CHECK(diagnose(make(4, "softmax", "categorical_crossentropy"), task.x, one_hot_labels).healthy());
  CHECK(diagnose(make(4, "linear", SparseCategoricalCrossentropy({.from_logits = true})), task.x, task.y)
            .healthy());
  CHECK(diagnose(make(1, "tanh", "hinge"), task.x, binary.y * 2 - 1).healthy());
}

TEST_CASE("The doctor finds samples in the order of their classes") {
  set_seed(1);
  const Plane task = greatest_sum();
  const Tensor order = argsort(task.y);
  const Tensor x = gather(task.x, order);
  const Tensor y = gather(task.y, order);
  Sequential model({Input({.shape = {8, 4}}), LSTM({.units = 8}),
                    Dense({.units = 4, .activation = "softmax", .name = "out"})});
  model.compile({.optimizer = "adam", .loss = "sparse_categorical_crossentropy"});
  check_found(diagnose(model, x, y, {.shuffle = false}), Fault::unshuffled_data, "out");
  check_found(diagnose(model, x, y, {.validation_split = 0.2}), Fault::unshuffled_data, "out");
  check_found(diagnose(model, Dataset(x, y).batch(32)), Fault::unshuffled_data, "out");
  Model other = clone(model);
  other.compile({.optimizer = "adam", .loss = "categorical_crossentropy"});
  check_found(diagnose(other, x, one_hot(y, 4), {.shuffle = false}), Fault::unshuffled_data, "out");
  // fit() shuffles by itself.
  CHECK(diagnose(model, x, y).healthy());
  CHECK(diagnose(model, Dataset(x, y).shuffle(192, 1).batch(32)).healthy());
  CHECK(diagnose(model, task.x, task.y, {.shuffle = false, .validation_split = 0.2}).healthy());
}

TEST_CASE("The doctor finds layers without a gradient") {
  set_seed(1);
  const Plane task = greatest_sum();
  const Tensor input = Input({.shape = {8, 4}});
  const Tensor hidden = LSTM({.units = 8, .name = "loop"})(input);
  const Tensor rounded = Lambda({.function = [](const Tensor& h) { return round(h * 4); }})(
      Dense({.units = 8, .name = "cut"})(hidden));
  Model model({input}, {Dense({.units = 4, .activation = "softmax", .name = "out"})(rounded)});
  model.compile({.optimizer = "adam", .loss = "sparse_categorical_crossentropy"});
  const Diagnosis found = diagnose(model, task.x, task.y);
  check_found(found, Fault::no_gradient, "loop");
  REQUIRE(found.findings.size() >= 2);
  CHECK(found.findings[1].fault == Fault::no_gradient);
  CHECK(found.findings[1].layer == "cut");
  // A layer that is not trained needs none.
  model.freeze("loop");
  model.freeze("cut");
  CHECK(diagnose(model, task.x, task.y).healthy());
}

// -- Healthy runs -------------------------------------------------------------------------------------------

namespace {

struct HealthyRun {
  const char* name;
  std::function<Model()> make;
  std::function<Plane()> data;
  DiagnoseOptions options = {};
};

Sequential classifier(std::vector<Ref<Layer>> layers, const Shape& input, Index classes) {
  Sequential model({Input({.shape = input})});
  for (const Ref<Layer>& layer : layers) model.add(layer);
  model.add(Dense({.units = classes, .activation = "softmax"}));
  model.compile(
      {.optimizer = Adam(0.01), .loss = "sparse_categorical_crossentropy", .metrics = {"accuracy"}});
  return model;
}

Sequential binary_model(std::vector<Ref<Layer>> layers, const Shape& input) {
  Sequential model({Input({.shape = input})});
  for (const Ref<Layer>& layer : layers) model.add(layer);
  model.add(Dense({.units = 1, .activation = "sigmoid"}));
  model.compile({.optimizer = "rmsprop", .loss = "binary_crossentropy"});
  return model;
}

Sequential forecaster(std::vector<Ref<Layer>> layers, const Optimizer& optimizer, const Loss& loss = "mse") {
  Sequential model({Input({.shape = {12, 1}})});
  for (const Ref<Layer>& layer : layers) model.add(layer);
  model.add(Dense({.units = 1}));
  model.compile({.optimizer = optimizer, .loss = loss});
  return model;
}

Model words_model(const Ref<Layer>& loop) {
  Sequential model({Input({.shape = {9}, .dtype = int32})});
  model.add(Embedding({.input_dim = 12, .output_dim = 6, .mask_zero = true}));
  model.add(loop);
  model.add(Dense({.units = 1, .activation = "sigmoid"}));
  model.compile({.optimizer = "adam", .loss = "binary_crossentropy"});
  return model;
}

std::vector<HealthyRun> healthy_runs() {
  const auto sums = [] { return greatest_sum(); };
  const auto signs = [] { return sign_of_sum(); };
  const auto wave = [] { return sine_windows(); };
  const auto words = [] { return padded_words(); };
  const auto plane = [] { return points(); };
  return {
      {"LSTM",
       [] {
         return classifier({LSTM({.units = 16})}, {8, 4}, 4);
       },
       sums},
      {"GRU",
       [] {
         return classifier({GRU({.units = 16})}, {8, 4}, 4);
       },
       sums},
      {"GRU, reset before",
       [] {
         return classifier({GRU({.units = 16, .reset_after = false})}, {8, 4}, 4);
       },
       sums},
      {"SimpleRNN",
       [] {
         return classifier({SimpleRNN({.units = 16})}, {8, 4}, 4);
       },
       sums},
      {"IRNN",
       [] {
         return classifier(
             {SimpleRNN({.units = 16, .activation = "relu", .recurrent_initializer = "identity"})}, {8, 4},
             4);
       },
       sums},
      {"two LSTM",
       [] {
         return classifier({LSTM({.units = 12, .return_sequences = true}), LSTM({.units = 12})}, {8, 4}, 4);
       },
       sums},
      {"LSTM with dropout",
       [] {
         return classifier({LSTM({.units = 16, .dropout = 0.2, .recurrent_dropout = 0.2})}, {8, 4}, 4);
       },
       sums},
      {"Bidirectional",
       [] {
         return binary_model({Bidirectional(LSTM({.units = 8}))}, {10, 3});
       },
       signs},
      {"stacked cells",
       [] {
         return binary_model({RNN({LSTMCell({.units = 8}), GRUCell({.units = 8})})}, {10, 3});
       },
       signs},
      {"backwards",
       [] {
         return binary_model({GRU({.units = 8, .go_backwards = true})}, {10, 3});
       },
       signs},
      {"long LSTM",
       [] {
         return binary_model({LSTM({.units = 16})}, {40, 3});
       },
       [] { return sign_of_sum(192, 40); }},
      {"normalized",
       [] {
         return binary_model({LSTM({.units = 8, .return_sequences = true}), LayerNormalization(),
                              GlobalAveragePooling1D(), BatchNormalization()},
                             {10, 3});
       },
       signs},
      {"forecast, LSTM", [] { return forecaster({LSTM({.units = 8})}, Adam(0.01)); }, wave},
      {"forecast, in order",
       [] { return forecaster({GRU({.units = 8})}, Adam(0.01)); },
       wave,
       {.shuffle = false}},
      {"forecast, SGD",
       [] { return forecaster({SimpleRNN({.units = 8})}, SGD({.learning_rate = 0.01, .momentum = 0.9})); },
       wave},
      {"forecast, huber", [] { return forecaster({GRU({.units = 8})}, RMSprop(0.003), "huber"); }, wave},
      {"words, LSTM", [] { return words_model(LSTM({.units = 8})); }, words},
      {"words, GRU", [] { return words_model(GRU({.units = 8})); }, words},
      {"words, pooled",
       [] {
         Sequential model({Input({.shape = {9}, .dtype = int32})});
         model.add(Embedding({.input_dim = 12, .output_dim = 6}));
         model.add(GlobalAveragePooling1D());
         model.add(Dense({.units = 8, .activation = "relu"}));
         model.add(Dense({.units = 1, .activation = "sigmoid"}));
         model.compile({.optimizer = "adam", .loss = "binary_crossentropy"});
         return model;
       },
       words},
      {"points, relu",
       [] {
         return classifier(
             {Dense({.units = 32, .activation = "relu"}), Dense({.units = 16, .activation = "relu"})}, {2},
             3);
       },
       plane},
      {"points, tanh", [] { return classifier({Dense({.units = 16, .activation = "tanh"})}, {2}, 3); },
       plane},
      {"every step",
       [] {
         Sequential model({Input({.shape = {12, 1}}), LSTM({.units = 8, .return_sequences = true}),
                           TimeDistributed(Dense({.units = 1}))});
         model.compile({.optimizer = Adam(0.01), .loss = "mse"});
         return model;
       },
       [] {
         const Plane task = sine_windows();
         return Plane{task.x, task.x * 0.5};
       }},
      {"stateful",
       [] {
         Sequential model({Input({.shape = {12, 1}, .batch_size = 32}), LSTM({.units = 8, .stateful = true}),
                           Dense({.units = 1})});
         model.compile({.optimizer = Adam(0.01), .loss = "mse"});
         return model;
       },
       wave,
       {.shuffle = false}},
  };
}

}  // namespace

TEST_CASE("The doctor finds nothing in healthy models, fresh and trained") {
  for (const HealthyRun& run : healthy_runs()) {
    CAPTURE(run.name);
    set_seed(11);
    const Plane task = run.data();
    Model model = run.make();
    CHECK(text_of(diagnose(model, task.x, task.y, run.options)) == "Nothing wrong was found.\n");
    const History history = model.fit(
        task.x, task.y, {.batch_size = 32, .epochs = 12, .verbose = 0, .shuffle = run.options.shuffle});
    CHECK(history["loss"].back() < history["loss"].front());
    CHECK(text_of(diagnose(model, task.x, task.y, run.options)) == "Nothing wrong was found.\n");
  }
}

// -- Nothing is changed -------------------------------------------------------------------------------------

TEST_CASE("The doctor leaves a model as it was") {
  const auto make = [] {
    set_seed(5);
    Sequential model({Input({.shape = {10, 3}, .batch_size = 32}),
                      LSTM({.units = 6, .dropout = 0.3, .stateful = true}), BatchNormalization(),
                      Dropout({.rate = 0.2}), Dense({.units = 1, .activation = "sigmoid"})});
    model.compile({.optimizer = "adam", .loss = "binary_crossentropy", .metrics = {"accuracy"}});
    return model;
  };
  set_seed(4);
  const Plane task = sign_of_sum(96);
  Model examined = make();
  Model other = make();
  set_seed(6);
  const RandomKey random = internal::process_random_state();
  diagnose(examined, task.x, task.y);
  CHECK(internal::process_random_state() == random);
  CHECK_FALSE(examined.optimizer()->built());
  // Equal weights, states, generators and optimizers train to the same bits.
  for (int epoch = 0; epoch < 2; ++epoch) {
    set_seed(7);
    const History a = examined.fit(task.x, task.y, {.batch_size = 32, .verbose = 0});
    set_seed(7);
    const History b = other.fit(task.x, task.y, {.batch_size = 32, .verbose = 0});
    CHECK(a["loss"] == b["loss"]);
    CHECK(same_bits(examined.get_weights(), other.get_weights()));
    const std::vector<Variable> slots = examined.optimizer().variables();
    diagnose(examined, task.x, task.y);
    for (std::size_t i = 0; i < slots.size(); ++i) {
      CHECK(same_bits({slots[i].value()}, {other.optimizer().variables()[i].value()}));
    }
    for (std::size_t i = 0; i < examined->seed_generators().size(); ++i) {
      CHECK(examined->seed_generators()[i]->counter() == other->seed_generators()[i]->counter());
    }
  }
}

TEST_CASE("A finding says where, what and what to do") {
  const Finding finding{.fault = Fault::exploding_gradients,
                        .layer = "lstm",
                        .step = 3,
                        .words = "it grows",
                        .advice = "clip it"};
  std::ostringstream text;
  text << finding;
  CHECK(text.str() == "exploding gradients in lstm, time step 3: it grows\n   What to do: clip it");
  CHECK_THROWS_AS(diagnose(Sequential({Input({.shape = {2}}), Dense({.units = 1})}), Tensor::ones({2, 2}),
                           Tensor::ones({2, 1})),
                  ValueError);
}
