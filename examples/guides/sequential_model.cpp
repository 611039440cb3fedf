// The Sequential model: building a stack of layers, its weights, its summary, features of its layers, and
// training only some of them. The blocks have the order of Keras' guide of that name.
#include <iostream>
#include <string>
#include <vector>

#include <unspool/unspool.h>

#include "check.h"

using namespace unspool;
using guide::check;
using guide::check_throws;
using guide::same;

namespace {

// A Sequential is a stack of layers, each with one input and one output.
void when_to_use_it() {
  const Sequential model({
      Dense({.units = 2, .activation = "relu", .name = "layer1"}),
      Dense({.units = 3, .activation = "relu", .name = "layer2"}),
      Dense({.units = 4, .name = "layer3"}),
  });
  const Tensor x = ones({3, 3});
  const Tensor y = model(x);
  check(y.shape() == Shape{3, 4});

  // It computes what its layers compute one after the other.
  const auto layer1 = Dense({.units = 2, .activation = "relu", .name = "layer1"});
  const auto layer2 = Dense({.units = 3, .activation = "relu", .name = "layer2"});
  const auto layer3 = Dense({.units = 4, .name = "layer3"});
  check(layer3(layer2(layer1(x))).shape() == y.shape());
  layer1.set_weights(model.get_layer("layer1").get_weights());
  layer2.set_weights(model.get_layer("layer2").get_weights());
  layer3.set_weights(model.get_layer("layer3").get_weights());
  check(same(layer3(layer2(layer1(x))), y));

  // A layer with two outputs has no place in the middle of a stack: the functional API is for that.
  const Sequential wrong({LSTM({.units = 2, .return_state = true}), Dense(1)});
  check_throws<ValueError>([&] { wrong(ones({1, 5, 3})); });
}

void creating_one() {
  const Sequential listed({
      Dense(2, "relu"),
      Dense(3, "relu"),
      Dense(4),
  });
  check(listed.layers().size() == 3);

  // Layers can be added one by one, and the last one removed.
  Sequential model;
  model.add(Dense(2, "relu"));
  model.add(Dense(3, "relu"));
  model.add(Dense(4));
  model.pop();
  std::cout << "layers after pop(): " << model.layers().size() << '\n';
  check(model.layers().size() == 2);

  Sequential named({.name = "my_sequential"});
  named.add(Dense({.units = 2, .activation = "relu", .name = "layer1"}));
  named.add(Dense({.units = 3, .activation = "relu", .name = "layer2"}));
  named.add(Dense({.units = 4, .name = "layer3"}));
  check(named.name() == "my_sequential");
  check(named.get_layer("layer2").name() == "layer2");
}

// A layer makes its weights when it knows the shape of its input.
void input_shapes() {
  const auto layer = Dense(3);
  check(layer.weights().empty());
  layer(ones({1, 4}));
  check(layer.weights().size() == 2);
  check(layer.weights()[0].shape() == Shape{4, 3} && layer.weights()[1].shape() == Shape{3});

  // So does a model: it is not built before its first input.
  const Sequential model({
      Dense(2, "relu"),
      Dense(3, "relu"),
      Dense(4),
  });
  check(!model.built() && model.weights().empty());
  check_throws<ValueError>([&] { model.count_params(); });
  model(ones({1, 4}));
  std::cout << "weights after the first call: " << model.weights().size() << '\n';
  check(model.weights().size() == 6);
  model.summary();

  // With an Input the model is built at once, and its summary has shapes from the first layer on. The Input
  // is not one of the layers.
  Sequential built;
  built.add(Input({.shape = {4}}));
  built.add(Dense(2, "relu"));
  built.summary();
  check(built.layers().size() == 1 && built.built());
  check(built.outputs()[0].shape() == Shape{None, 2});

  // As the first item of a list the Input is as short as Keras' argument input_shape.
  const Sequential short_form({Input({.shape = {4}}), Dense(2, "relu")});
  check(short_form.count_params() == 4 * 2 + 2);
}

// add(), summary(), add(), ...: what does each layer do to the shape? Here a pyramid of recurrent layers
// (Chan et al. 2016, "Listen, attend and spell") reads 400 frames of a spectrogram and halves the number of
// steps after each layer, by joining pairs of steps.
void add_and_summary() {
  Sequential model({.name = "pyramid"});
  model.add(Input({.shape = {400, 40}}));
  model.add(Bidirectional(LSTM({.units = 16, .return_sequences = true})));
  model.add(Reshape({200, -1}));
  model.add(Bidirectional(LSTM({.units = 16, .return_sequences = true})));
  model.add(Reshape({100, -1}));

  // What is the shape now?
  model.summary();
  check(model.outputs()[0].shape() == Shape{None, 100, 64});

  // 100 steps: two more layers.
  model.add(Bidirectional(LSTM({.units = 16, .return_sequences = true})));
  model.add(Reshape({50, -1}));
  model.add(Bidirectional(LSTM({.units = 16, .return_sequences = true})));
  model.add(Reshape({25, -1}));
  model.summary();
  check(model.outputs()[0].shape() == Shape{None, 25, 64});

  // 25 steps are few enough to take the maximum of each feature over them, and to classify.
  model.add(GlobalMaxPooling1D());
  check(model.outputs()[0].shape() == Shape{None, 64});
  model.add(Dense(10));
  check(model.outputs()[0].shape() == Shape{None, 10});
}

// A model with a trained or loaded set of weights is compiled, trained, evaluated, saved and loaded.
void what_to_do_with_it(const std::string& folder) {
  const Tensor x = random_normal({64, 4});
  const Tensor y = sum(x, 1, true);
  Sequential model({Input({.shape = {4}}), Dense(1)});
  model.compile({.optimizer = Adam(0.1), .loss = "mse"});
  const double before = model.evaluate(x, y, {.verbose = 0})["loss"];
  model.fit(x, y, {.epochs = 20, .verbose = 0});
  check(model.evaluate(x, y, {.verbose = 0})["loss"] < 0.1 * before);

  const std::string path = folder + "/sequential_model.unspool";
  model.save(path);
  check(same(load_model(path).predict(x), model.predict(x)));
}

// The input and the output of every layer of a built model are symbolic tensors, from which other models are
// made.
void feature_extraction() {
  const Sequential initial_model({
      Input({.shape = {250, 3}}),
      GRU({.units = 32, .return_sequences = true}),
      GRU({.units = 16, .return_sequences = true, .name = "my_intermediate_layer"}),
      GRU({.units = 8, .return_sequences = true}),
  });
  std::vector<Tensor> outputs;
  for (const auto& layer : initial_model.layers()) outputs.push_back(layer.output());
  const Model feature_extractor(initial_model.inputs(), outputs);

  const Tensor x = random_uniform({1, 250, 3});
  const auto features = feature_extractor(x).all();
  check(features.size() == 3);
  check(features[0].shape() == Shape{1, 250, 32});
  check(features[1].shape() == Shape{1, 250, 16});
  check(same(features[2], initial_model(x)));

  // The features of one layer only.
  const Model one_layer(initial_model.inputs(), initial_model.get_layer("my_intermediate_layer").output());
  check(same(one_layer(x), features[1]));
}

// Freezing layers: only the weights that are left are trained.
void transfer_learning() {
  const Tensor x = random_normal({64, 784});
  const Tensor y = random_integers({64}, 0, 10);
  // Each model gets an optimizer of its own.
  const auto options = [] {
    return CompileOptions{.optimizer = "adam", .loss = SparseCategoricalCrossentropy({.from_logits = true})};
  };

  // All layers but the last one. A real program would load weights first:
  // model.load_weights("weights.unspool").
  Sequential model({
      Input({.shape = {784}}),
      Dense(32, "relu"),
      Dense(32, "relu"),
      Dense(32, "relu"),
      Dense(10),
  });
  for (const auto& layer : model.layers()) {
    if (layer != model.layers().back()) layer.set_trainable(false);
  }
  check(model.trainable_weights().size() == 2);
  const auto before = model.get_weights();
  model.compile(options());
  model.fit(x, y, {.verbose = 0});
  const auto after = model.get_weights();
  for (std::size_t i = 0; i < after.size(); ++i) check(same(before[i], after[i]) == (i < 6));

  // A model that was trained elsewhere, and a new layer on top.
  Sequential base_model({Input({.shape = {784}}), Dense(32, "relu")});
  base_model.set_trainable(false);
  Sequential stacked({base_model, Dense(10)});
  stacked.compile(options());
  const Tensor frozen = base_model.get_weights()[0];
  const History history = stacked.fit(x, y, {.epochs = 5, .verbose = 0});
  check(history["loss"].back() < history["loss"].front());
  check(same(base_model.get_weights()[0], frozen));
  check(stacked.trainable_weights().size() == 2 && stacked.weights().size() == 4);
}

}  // namespace

int main(int argc, char** argv) {
  set_seed(1);
  when_to_use_it();
  creating_one();
  input_shapes();
  add_and_summary();
  what_to_do_with_it(guide::folder(argc, argv));
  feature_extraction();
  transfer_learning();
  std::cout << "sequential_model: all checks hold\n";
}
