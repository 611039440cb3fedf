#include <doctest/doctest.h>

#include <unspool/autograd/arithmetic.h>
#include <unspool/core/error.h>
#include <unspool/layers/dense.h>
#include <unspool/layers/input.h>
#include <unspool/layers/simple_rnn.h>
#include <unspool/models/sequential.h>

using namespace unspool;

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

TEST_CASE("an Input comes first, and once") {
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
  CHECK_THROWS_WITH_AS(model(Tensor::ones({1, 2, 3})), doctest::Contains("one tensor"), ValueError);
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
