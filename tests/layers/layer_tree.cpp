#include "support.h"

using namespace unspool;
using namespace unspool::testing;

namespace {

/// Owns layers in every way.
class Parent : public Layer {
 public:
  Parent() {
    add_layer("first", Dense({.units = 1}));
    add_layer(Dense({.units = 1}));
    add_layer(Dense({.units = 1}));
    const Ref<Layer> twice = Dense({.units = 1});
    add_layers("list", std::vector<Ref<Layer>>{twice, LayerNormalization(), twice, Dense({.units = 1})});
  }
  Tensor call(const Tensor& x, const CallArgs&) override { return x; }
};

/// Gives a child a name that does not do.
class Misnamed : public Layer {
 public:
  explicit Misnamed(const std::string& name) : Layer({.name = "m"}) {
    add_layer("a", Dense({.units = 1}));
    add_layer(name, Dense({.units = 1, .name = "d"}));
  }
};

std::vector<std::string> names_of_children(const LayerBase& layer) {
  std::vector<std::string> names;
  for (const LayerBase::Child& child : layer.children()) names.push_back(child.name);
  return names;
}

}  // namespace

TEST_CASE("children are known by the names of attributes, of lists and of classes") {
  CHECK(names_of_children(*make<Parent>()) ==
        std::vector<std::string>{"first", "dense", "dense_1", "list/dense", "list/layer_normalization",
                                 "list/dense_2"});
  const Ref<Parent> owner = make<Parent>();
  REQUIRE(owner->sublayers().size() == 6);
  CHECK(owner->sublayers()[3] == owner->children()[3].layer);
}

TEST_CASE("children of the library's layers have the names of Keras' attributes") {
  CHECK(names_of_children(*LSTM({.units = 1})) == std::vector<std::string>{"cell"});
  CHECK(names_of_children(*TimeDistributed(Dense({.units = 1}))) == std::vector<std::string>{"layer"});
  CHECK(names_of_children(*Bidirectional(GRU({.units = 1}))) ==
        std::vector<std::string>{"forward_layer", "backward_layer"});
  CHECK(names_of_children(
            *StackedRNNCells({LSTMCell({.units = 1}), GRUCell({.units = 1}), LSTMCell({.units = 1})})) ==
        std::vector<std::string>{"cells/lstm_cell", "cells/gru_cell", "cells/lstm_cell_1"});
  const Tensor x = Input({.shape = {2, 3}});
  const Ref<layers::Dense> shared = Dense({.units = 3});
  CHECK(names_of_children(*Model({x}, LSTM({.units = 1})(shared(shared(x)))).network()) ==
        std::vector<std::string>{"layers/dense", "layers/lstm"});
  CHECK(names_of_children(*Sequential({Dense({.units = 2}), Dense({.units = 1})}).network()) ==
        std::vector<std::string>{"layers/dense", "layers/dense_1"});
}

TEST_CASE("lists of a layer that nobody holds can be gone through") {
  const Tensor x = Input({.shape = {2, 3}});
  const auto network = [&] { return Model({x}, LSTM({.units = 1})(x)).network(); };
  int count = 0;
  for (const LayerBase::Child& child : make<Parent>()->children()) count += child.layer ? 1 : 0;
  for (const Ref<LayerBase>& layer : make<Parent>()->sublayers()) count += layer ? 1 : 0;
  CHECK(count == 12);
  for (const InputSpec& spec : LSTM({.units = 1})->input_spec()) CHECK(spec.ndim == 3);
  for (const Shape& size : LSTMCell({.units = 2})->state_sizes()) CHECK(size == Shape{2});
  for (const Index units : LSTMCell({.units = 2})->output_size()) CHECK(units == 2);
  for (const Ref<Cell>& cell : StackedRNNCells({GRUCell({.units = 1})})->cells()) {
    CHECK(cell->class_name() == "GRUCell");
  }
  for (const Variable& weight : network()->weights()) CHECK(weight.size() > 0);
  const auto stateful = [] {
    const auto rnn = SimpleRNN({.units = 2, .stateful = true});
    rnn(Tensor::ones({1, 2, 3}));
    return rnn;
  };
  for (const Variable& state : stateful()->states()) CHECK(state.shape() == Shape{1, 2});
  for (const Tensor& tensor : Inputs({x, x}).tensors()) CHECK(tensor.shape() == x.shape());
}

TEST_CASE("a child needs a name that no other child of its owner has") {
  CHECK(contains(
      message_of<ValueError>([] { make<Misnamed>("a"); }),
      "the layer m expected children with different names, got two called \"a\": give d another name"));
  CHECK(contains(message_of<ValueError>([] { make<Misnamed>("b/c"); }),
                 "the layer m expected a name without '/' for d, got \"b/c\""));
  CHECK(contains(message_of<ValueError>([] { make<Misnamed>(""); }), "got \"\""));
  CHECK(names_of_children(*make<Misnamed>("b")) == std::vector<std::string>{"a", "b"});
}
