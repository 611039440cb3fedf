#include <doctest/doctest.h>
#include <type_traits>

#include <unspool/autograd/arithmetic.h>
#include <unspool/layers/graph.h>
#include <unspool/layers/naming.h>
#include <unspool/layers/simple_rnn_cell.h>
#include <unspool/models/compose.h>

using namespace unspool;

namespace {

std::vector<std::string> classes_of(const Sequential& model) {
  std::vector<std::string> classes;
  for (const Ref<LayerBase>& layer : model.layers()) classes.push_back(layer->class_name());
  return classes;
}

template <class Object>
concept composes = requires(Object object) {
  layer_dense(object, {.units = 1});
};

}  // namespace

TEST_CASE("a Sequential as object gets the layer and is returned") {
  Sequential model;
  const Sequential same = layer_embedding(model, {.input_dim = 5, .output_dim = 3});
  CHECK(same.network() == model.network());
  layer_dense(layer_simple_rnn(model, {.units = 4}), {.units = 2});
  CHECK(classes_of(model) == std::vector<std::string>{"Embedding", "SimpleRNN", "Dense"});
  CHECK(model.predict(Tensor::zeros({2, 6}, int32)).shape() == Shape{2, 2});
}

TEST_CASE("a tensor as object is what the layer is called on") {
  const Tensor x = Tensor::ones({2, 3, 4});
  CHECK(layer_simple_rnn(x, {.units = 5}).shape() == Shape{2, 5});
  CHECK(layer_lstm(x, {.units = 5, .return_state = true}).all().size() == 3);
  CHECK(layer_flatten(x).shape() == Shape{2, 12});
  // A list of them, and a symbolic one.
  CHECK(layer_add({x, x * 2}).shape() == Shape{2, 3, 4});
  CHECK(layer_concatenate({x, x}, {.axis = 1}).shape() == Shape{2, 6, 4});
  const Tensor symbol = layer_input({.shape = {3, 4}});
  CHECK(layer_gru(symbol, {.units = 5}).shape() == Shape{unknown, 5});
}

TEST_CASE("without an object the layer itself is returned") {
  CHECK(layer_dense({.units = 7})->options().units == 7);
  CHECK(layer_dense(nullptr, {.units = 7})->options().units == 7);
  CHECK_FALSE(layer_flatten()->built());
  const Ref<layers::RNN> rnn = layer_rnn(SimpleRNNCell({.units = 2}), {.return_sequences = true});
  CHECK(rnn->options().return_sequences);
  CHECK(layer_rnn(Tensor::ones({1, 2, 3}), SimpleRNNCell({.units = 2}), {}).shape() == Shape{1, 2});
  CHECK(layer_bidirectional(Tensor::ones({1, 2, 3}), layer_gru({.units = 2}), {}).shape() == Shape{1, 4});
  CHECK(layer_time_distributed(Tensor::ones({1, 2, 3}), layer_dense({.units = 4}), {}).shape() ==
        Shape{1, 2, 4});
}

TEST_CASE("anything else as object does not compile") {
  static_assert(composes<Sequential>);
  static_assert(composes<Tensor>);
  static_assert(composes<Outputs>);
  static_assert(composes<std::nullptr_t>);
  static_assert(!composes<int>);
  static_assert(!composes<std::string>);
  static_assert(!composes<Ref<layers::Dense>>);
}

TEST_CASE("a pipe reads from left to right") {
  const Sequential model = Sequential() | layer_masking() | layer_gru({.units = 3}) |
                           layer_dense({.units = 1}) | Activation("sigmoid");
  CHECK(classes_of(model) == std::vector<std::string>{"Masking", "GRU", "Dense", "Activation"});
  Sequential start({layer_input({.shape = {2, 3}})});
  start | layer_flatten() | layer_dense({.units = 4});
  CHECK(start->count_params() == 28);
  // C++ does not say which operand of | is made first.
  clear_session();
  const Sequential named =
      Sequential() | layer_dense({.units = 1}) | Dense({.units = 2}) | layer_dense({.units = 3});
  const std::vector<Ref<LayerBase>> layers = named.layers();
  REQUIRE(layers.size() == 3);
  CHECK(layers[0]->name() == "dense");
  CHECK(layers[1]->name() == "dense_1");
  CHECK(layers[2]->name() == "dense_2");
  const Tensor z = layer_input({.shape = {3}}) | Dense({.units = 4}) | Dense({.units = 1});
  CHECK(GraphNode::of(z)->name() == "dense_4");
  const Tensor y = layer_input({.shape = {2, 3}}) | layer_lstm({.units = 4}) | layer_dense({.units = 1});
  CHECK(y.shape() == Shape{unknown, 1});
}
