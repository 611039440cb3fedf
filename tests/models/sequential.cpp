#include <doctest/doctest.h>
#include <iostream>
#include <sstream>

#include <unspool/autograd/arithmetic.h>
#include <unspool/autograd/comparison.h>
#include <unspool/autograd/conversion.h>
#include <unspool/autograd/shaping.h>
#include <unspool/core/error.h>
#include <unspool/layers/bidirectional.h>
#include <unspool/layers/dense.h>
#include <unspool/layers/gru.h>
#include <unspool/layers/input.h>
#include <unspool/layers/lstm.h>
#include <unspool/layers/normalization.h>
#include <unspool/layers/registry.h>
#include <unspool/layers/reshaping.h>
#include <unspool/layers/simple_rnn.h>
#include <unspool/layers/time_distributed.h>
#include <unspool/models/sequential.h>

#include "../support/errors.h"

using namespace unspool;
using namespace unspool::testing;

TEST_CASE("with an Input the weights are made at once") {
  const Sequential model(
      {Input({.shape = {8, 8}}), SimpleRNN({.units = 4, .name = "rnn"}), Dense({.units = 2, .name = "d"})},
      {.name = "m"});
  CHECK(model->built());
  std::vector<std::string> paths;
  for (const Variable& weight : model.weights()) paths.push_back(weight.path());
  CHECK(paths == std::vector<std::string>{"m/rnn/simple_rnn_cell/kernel",
                                          "m/rnn/simple_rnn_cell/recurrent_kernel",
                                          "m/rnn/simple_rnn_cell/bias", "m/d/kernel", "m/d/bias"});
  CHECK(model.layers().size() == 2);
  CHECK(model->compute_output_shape({unknown, 8, 8}) == Shape{unknown, 2});
}

TEST_CASE("without one, at the first call") {
  Sequential model({Dense({.units = 2})});
  CHECK_FALSE(model->built());
  CHECK(model.weights().empty());
  CHECK_THROWS_AS(model->count_params(), ValueError);
  CHECK(model.predict(Tensor::ones({3, 4})).shape() == Shape{3, 2});
  CHECK(model->count_params() == 10);
}

TEST_CASE("batch_input_shape is the shape of an Input with the batch") {
  const Sequential model({Dense({.units = 3}), Dense({.units = 1})}, {.batch_input_shape = {8, -1, 2}});
  CHECK(model.built());
  CHECK(model.inputs().front().shape() == Shape{8, unknown, 2});
  CHECK(model.outputs().front().shape() == Shape{8, unknown, 1});
  Sequential added({.batch_input_shape = {8, 2}});
  CHECK_FALSE(added.built());
  added.add(Dense({.units = 3}));
  CHECK(added.weights().front().shape() == Shape{2, 3});
  CHECK(contains(message_of<ValueError>([] {
                   Sequential({Input({.shape = {2}}), Dense({.units = 3})}, {.batch_input_shape = {8, 2}});
                 }),
                 "expected batch_input_shape or an Input as the first item, got both"));
}

TEST_CASE("layers come one by one") {
  Sequential model;
  CHECK_THROWS_WITH_AS(model.predict(Tensor::ones({1, 1})), doctest::Contains("add()"), ValueError);
  model.add(Input({.shape = {3}}));
  model.add(Dense({.units = 4, .name = "first"}));
  CHECK(model->count_params() == 16);
  const Tensor kernel = model.get_weights()[0];
  model.add(Dense({.units = 2}));
  CHECK(model->count_params() == 26);
  CHECK(model.get_weights()[0].to_vector<float>() == kernel.to_vector<float>());
  CHECK(model.predict(Tensor::ones({5, 3})).shape() == Shape{5, 2});
  model.pop();
  CHECK(model.predict(Tensor::ones({5, 3})).shape() == Shape{5, 4});
  CHECK_THROWS_WITH_AS(model.add(Dense({.units = 1, .name = "first"})), doctest::Contains("\"first\""),
                       ValueError);
  CHECK(model.layers().size() == 1);
  model.pop();
  CHECK_THROWS_AS(model.pop(), ValueError);
}

TEST_CASE("expected an Input only as the first layer") {
  const Tensor input = Input({.shape = {3}});
  CHECK_THROWS_AS(Sequential({Dense({.units = 1}), input}), ValueError);
  CHECK_THROWS_AS(Sequential({input, Input({.shape = {3}})}), ValueError);
  CHECK_THROWS_AS(Sequential({Tensor::ones({3})}), ValueError);
  CHECK_THROWS_AS(Sequential({Tensor()}), ValueError);
  Sequential model({input});
  CHECK_THROWS_AS(model.add(input), ValueError);
  model.add(Dense({.units = 1}));
  CHECK_THROWS_WITH_AS(model.predict(Tensor::ones({2, 4})), doctest::Contains("[2, 4]"), ValueError);
}

TEST_CASE("one tensor goes from layer to layer") {
  const Sequential model({SimpleRNN({.units = 2, .return_state = true}), Dense({.units = 1})});
  CHECK_THROWS_WITH_AS(model(Tensor::ones({1, 2, 3})), doctest::Contains("expected one input for the layer"),
                       ValueError);
  const Sequential last({SimpleRNN({.units = 2, .return_state = true})});
  CHECK(last.predict(Tensor::ones({1, 2, 3})).all().size() == 2);
}

TEST_CASE("the summary is Keras' table") {
  Sequential model(
      {Input({.shape = {8}}), Dense({.units = 64, .name = "dense"}), Dense({.units = 10, .name = "dense_1"})},
      {.name = "sequential"});
  const std::string table = R"(Model: "sequential"
┏━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━┓
┃ Layer (type)                    ┃ Output Shape           ┃       Param # ┃
┡━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━┩
│ dense (Dense)                   │ (None, 64)             │           576 │
├─────────────────────────────────┼────────────────────────┼───────────────┤
│ dense_1 (Dense)                 │ (None, 10)             │           650 │
└─────────────────────────────────┴────────────────────────┴───────────────┘
)";
  CHECK(model.summary_text({.line_length = 76}) == table + R"( Total params: 1,226 (4.79 KB)
 Trainable params: 1,226 (4.79 KB)
 Non-trainable params: 0 (0.00 B)
)");
  model->sublayers()[0]->set_trainable(false);
  model.compile({.optimizer = "adam", .loss = "mse"});
  model.train_on_batch(Tensor::ones({1, 8}), Tensor::ones({1, 10}));
  CHECK(model.summary_text({.line_length = 76}) == table + R"( Total params: 2,528 (9.88 KB)
 Trainable params: 650 (2.54 KB)
 Non-trainable params: 576 (2.25 KB)
 Optimizer params: 1,302 (5.09 KB)
)");
}

TEST_CASE("the summary of what is not known yet, and of long names") {
  const Sequential model(
      {SimpleRNN({.units = 2, .return_state = true, .name = "a_layer_with_quite_a_long_name_indeed"})});
  const std::string unbuilt = model.summary_text({.line_length = 76});
  CHECK(unbuilt.find("│ ?  ") != std::string::npos);
  CHECK(unbuilt.find("0 (unbuilt) │") != std::string::npos);
  model(Tensor::ones({1, 2, 3}));
  const std::string text = model.summary_text({.line_length = 60});
  CHECK(text.find(R"(
│ a_layer_with_quite_a_lon │ [(None, 2),       │        12 │
│ g_name_indeed            │ (None, 2)]        │           │
│ (SimpleRNN)              │                   │           │
)") != std::string::npos);
}

TEST_CASE("an activation by itself is a layer") {
  const Sequential model({Input({.shape = {2}}), Activation("relu"), Activation("softmax")});
  CHECK(model.layers().size() == 2);
  CHECK(model.predict(Tensor::of({{-3, 2}})).shape() == Shape{1, 2});
}

TEST_CASE("a network casts nothing: its layers do") {
  const Sequential model(
      {Dense({.units = 1, .use_bias = false, .kernel_initializer = "ones", .dtype = float64})});
  const double value = 1 + 1e-12;
  CHECK(model(Tensor::of<double>({{value}})).item<double>() == value);
}

TEST_CASE("layers of a Sequential with an Input have nodes: a model can be made of a part of it") {
  Sequential model({Input({.shape = {3, 2}}), SimpleRNN({.units = 4}), Dense({.units = 1})});
  CHECK(model.layers()[0]->output_shape() == Shape{unknown, 4});
  CHECK(model.layers()[1]->input().id() == model.layers()[0]->output().id());
  CHECK(model.outputs().at(0).id() == model.layers()[1]->output().id());
  const Model features(model.inputs(), model.layers()[0]->output());
  const Tensor x = Tensor::ones({2, 3, 2});
  CHECK(features(x).shape() == Shape{2, 4});
  CHECK(features.weights()[0] == model.weights()[0]);
  // A layer more is called on what is there.
  model.add(Dense({.units = 5}));
  CHECK(model.layers()[1]->inbound_nodes().size() == 1);
  CHECK(model.outputs().at(0).shape() == Shape{unknown, 5});
  model.pop();
  CHECK(model.outputs().at(0).shape() == Shape{unknown, 1});
  const Sequential unknown_input({Dense({.units = 1})}, {.name = "s"});
  CHECK_THROWS_AS(unknown_input.inputs(), AttributeError);
}

TEST_CASE("integers and bools are cast as Keras casts them") {
  const Tensor x = Tensor::of<std::int32_t>({{1, 0, 3}, {0, 2, 1}});
  const Tensor real = cast(x, float32);
  const Tensor flags = x > 0;
  const Tensor real_flags = cast(flags, float32);
  const auto same = [](const Ref<Layer>& layer, const Tensor& given, const Tensor& as_real) {
    const Tensor result = layer(given);
    CHECK(result.dtype() == float32);
    CHECK(result.to_vector<float>() == layer(as_real).to_vector<float>());
  };
  Sequential with_input({Input({.shape = {3}}), Dense({.units = 2})});
  CHECK(with_input.predict(x).to_vector<float>() == with_input.predict(real).to_vector<float>());
  CHECK(with_input.predict(flags).to_vector<float>() == with_input.predict(real_flags).to_vector<float>());
  Sequential without_input({Flatten()});
  CHECK(without_input.predict(x).dtype() == float32);
  // A layer alone casts where it multiplies by weights or takes means.
  const Tensor steps = reshape(x, {2, 3, 1});
  const Tensor real_steps = reshape(real, {2, 3, 1});
  same(Dense({.units = 2}), x, real);
  same(Dense({.units = 2}), flags, real_flags);
  same(LSTM({.units = 2}), steps, real_steps);
  same(GRU({.units = 2}), steps, real_steps);
  same(SimpleRNN({.units = 2}), steps, real_steps);
  same(Bidirectional(LSTM({.units = 2})), steps, real_steps);
  same(TimeDistributed(Dense({.units = 2})), steps, real_steps);
  same(BatchNormalization(), x, real);
  same(LayerNormalization(), x, real);
  same(RMSNormalization(), x, real);
  same(UnitNormalization(), x, real);
  CHECK(Flatten()(steps).dtype() == int32);
  Model lone(LSTM({.units = 2, .dropout = 0.1}));
  lone.compile({.optimizer = "sgd", .loss = "mse"});
  lone.fit(steps, Tensor::of<std::int32_t>({{1, 2}, {3, 4}}), {.verbose = 0});
  CHECK(lone.predict(steps).to_vector<float>() == lone.predict(real_steps).to_vector<float>());
  // Labels and weights of any dtype.
  Sequential classifier({Input({.shape = {3}}), Dense({.units = 1, .activation = "sigmoid"})});
  classifier.compile({.optimizer = "sgd",
                      .loss = "binary_crossentropy",
                      .metrics = {"accuracy"},
                      .weighted_metrics = {"mse"}});
  classifier.fit(flags, Tensor::of<bool>({{true}, {false}}),
                 {.verbose = 0, .sample_weight = Tensor::of<std::int32_t>({1, 2})});
}

TEST_CASE("a Sequential that is made from its config is built if it has an Input") {
  const Sequential model({Input({.shape = {3}}), Dense({.units = 2}), Dense({.units = 1})});
  const Ref<Layer> again = layer_from_config<Layer>(serialize_layer(*model.network()));
  CHECK(again->built());
  CHECK(again->count_params() == 11);
  Sequential unknown_input({Dense({.units = 2})});
  CHECK_FALSE(layer_from_config<Layer>(serialize_layer(*unknown_input.network()))->built());
}

TEST_CASE("a model without weights is run by fit()") {
  Sequential model({Input({.shape = {3}}), Flatten()});
  model.compile({.optimizer = "adam", .loss = "mse", .metrics = {"mae"}});
  const Tensor x = Tensor::ones({4, 3});
  std::ostringstream warnings;
  std::streambuf* const before = std::cerr.rdbuf(warnings.rdbuf());
  const History history = model.fit(x, x * 3, {.batch_size = 2, .epochs = 2, .verbose = 0});
  const Logs logs = model.train_on_batch(x, x);
  std::cerr.rdbuf(before);
  CHECK(history["loss"] == std::vector<double>{4, 4});
  CHECK(history["mae"][1] == 2);
  CHECK(logs[0] == 0);
  const std::string warning =
      "the model " + model.name() + " has no trainable weights, so nothing is trained\n";
  CHECK(warnings.str() == "fit: " + warning + "train_on_batch: " + warning);
}

TEST_CASE("members of the network by dot and by arrow") {
  Sequential model({Dense({.units = 2, .kernel_regularizer = "l2"}), BatchNormalization()});
  CHECK_FALSE(model.built());
  CHECK_THROWS_AS(model.count_params(), ValueError);
  model.build({unknown, 3});
  CHECK(model.built());
  model.build({unknown, 3});
  CHECK(model.count_params() == 16);
  CHECK(model.count_params() == model->count_params());
  CHECK(model.weights() == model->weights());
  CHECK(model.variables().size() == 6);
  CHECK(model.trainable_weights().size() == 4);
  CHECK(model.trainable_variables().size() == 4);
  CHECK(model.non_trainable_weights().size() == 2);
  CHECK(model.non_trainable_variables().size() == 2);
  CHECK(model.losses().size() == 1);
  CHECK(model.get_config() == model->get_config());
  model.set_trainable(false);
  CHECK_FALSE(model.trainable());
  CHECK(model.trainable_weights().empty());
  CHECK(model.predict(Tensor::ones({2, 3})).shape() == Shape{2, 2});
}

TEST_CASE("a model knows its shapes, is made from its config, and cloned") {
  const Sequential model({Input({.shape = {4}}), Dense(3, "relu"), Dense(2)});
  CHECK(Shape(model.input_shape()) == Shape{unknown, 4});
  CHECK(Shape(model.output_shape()) == Shape{unknown, 2});
  const Model again = Model::from_config(model.get_config());
  CHECK(again.name() == model.name());
  CHECK(again.layers().size() == 2);
  CHECK(Shape(again.output_shape()) == Shape{unknown, 2});
  const Model copy = clone_model(model);
  CHECK(copy.count_params() == model.count_params());
  CHECK(Shape(copy.output_shape()) == Shape{unknown, 2});
  CHECK(copy.get_weights()[0].shape() == model.get_weights()[0].shape());
  const Tensor x = Input({.shape = {4}});
  const Model graph(x, Dense(5)(x));
  CHECK(Shape(Model::from_config(graph.get_config()).output_shape()) == Shape{unknown, 5});
}

TEST_CASE("compile() takes its first arguments in the order of Keras") {
  Sequential model({Input({3}), Dense(1)});
  model.compile("sgd", "mse", {"mae"});
  const Logs logs = model.evaluate(Tensor::ones({2, 3}), Tensor::ones({2, 1}), {.verbose = 0});
  CHECK(logs.names() == std::vector<std::string>{"loss", "mae"});
}
