#include <unspool/layers/graph.h>

#include "support.h"

using namespace unspool;
using namespace unspool::testing;

namespace {

/// Layers within a layer.
class RecurrentBlock : public Layer {
 public:
  explicit RecurrentBlock(LayerOptions options = {}) : Layer(std::move(options)) {
    rnn = add_layer(SimpleRNN({.units = 3, .return_sequences = true}));
    dense = add_layer(Dense({.units = 2}));
  }
  Tensor call(const Tensor& x, const CallArgs&) override { return dense(rnn(x)); }
  Ref<layers::SimpleRNN> rnn;
  Ref<layers::Dense> dense;
};

/// A mask of its own, found from the values.
class NonZero : public Layer {
 public:
  Tensor call(const Tensor& x, const CallArgs&) override { return x * 2; }
  Tensor compute_mask(const std::vector<Tensor>& inputs, const Tensor&) override {
    return any(not_equal(inputs.at(0), 0), {-1});
  }
};

/// Two outputs of other dtypes, found from call() alone.
class Compare : public Layer {
 public:
  std::vector<Tensor> call_all(const std::vector<Tensor>& inputs, const CallArgs&) override {
    return {greater(inputs.at(0), inputs.at(1)), cast(inputs.at(0), int32)};
  }
};

/// Knows its shapes, and would fail if it were run on tensors without values.
class NeedsValues : public Layer {
 public:
  std::vector<Shape> compute_output_shapes(const std::vector<Shape>& inputs) override {
    return {{inputs.at(0).front(), 7}};
  }
  Tensor call(const Tensor& x, const CallArgs&) override {
    return Tensor::full({x.shape().front(), 7}, x.item<float>({0, 0}));
  }
};

/// Uses a tensor that it was not given.
class Captures : public Layer {
 public:
  explicit Captures(Tensor other) : other_(std::move(other)) {}
  Tensor call(const Tensor&, const CallArgs&) override { return other_ + 1; }

 private:
  Tensor other_;
};

}  // namespace

TEST_CASE("operations on symbolic tensors are taken down as nodes") {
  const Tensor x = Input({.shape = {3}});
  const Tensor weight = Tensor::ones({3, 2});
  const Tensor y = tanh(matmul(x, weight));
  CHECK(y.shape() == Shape{unknown, 2});
  const auto last = GraphNode::of(y);
  REQUIRE(last != nullptr);
  CHECK((*last->operation())->name == "tanh");
  CHECK(last->index_of(y) == 0);
  const auto product = GraphNode::of(last->inputs()[0]);
  CHECK((*product->operation())->name == "matmul");
  CHECK(product->inputs()[0].id() == x.id());
  CHECK(product->inputs()[1].id() == weight.id());
  CHECK(GraphNode::of(x)->is_input());
  CHECK(GraphNode::of(weight) == nullptr);
  CHECK_THROWS_AS(last->index_of(x), ValueError);
  CHECK_THROWS_AS(y.raw(), RuntimeError);
}

TEST_CASE("graphs of two inputs meet") {
  const Tensor a = Input({.shape = {3}});
  const Tensor b = Input({.shape = {3}});
  const Tensor sum = a + b;
  const auto node = GraphNode::of(sum);
  CHECK(GraphNode::of(node->inputs()[0])->is_input());
  CHECK(GraphNode::of(node->inputs()[1])->is_input());
}

TEST_CASE("layers build and infer on symbolic tensors") {
  const Tensor x = Input({.shape = {5, 3}});
  const Tensor y = Dense({.units = 4})(SimpleRNN({.units = 2})(x));
  CHECK(y.shape() == Shape{unknown, 4});
  CHECK(y.is_abstract());
  CHECK(GraphNode::of(y) != nullptr);
}

TEST_CASE("a call of a layer is one node, and layers within it are none") {
  const Tensor x = Input({.shape = {unknown, 4}});
  const Ref<RecurrentBlock> block = make<RecurrentBlock>();
  const Tensor y = block(x);
  CHECK(y.shape() == Shape{unknown, unknown, 2});
  const auto node = GraphNode::of(y);
  CHECK(node->layer().get() == block.pointer().get());
  CHECK_FALSE(node->operation());
  CHECK_FALSE(node->is_input());
  CHECK(node->name() == block->name());
  CHECK(node->inputs()[0].id() == x.id());
  CHECK(node->index_of(y) == 0);
  REQUIRE(node->parents().size() == 1);
  CHECK(node->parents()[0] == GraphNode::of(x));
  CHECK(block->inbound_nodes() == std::vector{node});
  CHECK(block->dense->inbound_nodes().empty());
  CHECK(block->rnn->inbound_nodes().empty());
  CHECK(block->built());
  CHECK(block->weights().size() == 5);
  // Operations on the outputs are nodes of their own.
  const Tensor z = y * 2;
  CHECK((*GraphNode::of(z)->operation())->name == "multiply");
  CHECK(GraphNode::of(z)->parents()[0] == node);
  CHECK_THROWS_AS(node->index_of(z), ValueError);
}

TEST_CASE("neither batch nor time need to be known") {
  const Tensor x = Input({.shape = {unknown, 16}});
  const auto [sequence, state] =
      unpack<2>(SimpleRNN({.units = 5, .return_sequences = true, .return_state = true})(x));
  CHECK(sequence.shape() == Shape{unknown, unknown, 5});
  CHECK(state.shape() == Shape{unknown, 5});
  const Tensor next = SimpleRNN({.units = 5})(x, {.initial_state = {state}});
  const auto node = GraphNode::of(next);
  REQUIRE(node->input_tensors().size() == 2);
  CHECK(node->input_tensors()[1].id() == state.id());
  CHECK(node->args().initial_state[0].id() == state.id());
  CHECK(node->parents()[1] == GraphNode::of(sequence));
}

TEST_CASE("wrong calls fail when the graph is made") {
  const Tensor x = Input({.shape = {unknown, 16}});
  const Tensor narrow = Input({.shape = {3}});
  const Ref<layers::SimpleRNN> rnn = SimpleRNN({.units = 5, .name = "r"});
  const std::string width = message_of<ValueError>([&] { rnn(x, {.initial_state = {narrow}}); });
  CHECK(contains(width, "r: "));
  CHECK(contains(width, "[?, 5]"));
  CHECK(contains(width, "[?, 3]"));
  CHECK(contains(message_of<ValueError>([&] {
                   rnn(x, {.initial_state = {narrow, narrow}});
                 }),
                 "expected 1 initial state, got 2"));
  CHECK(contains(message_of<ValueError>([&] { rnn(narrow); }), "[?, 3]"));
  CHECK(rnn->inbound_nodes().empty());
  const Ref<layers::Dense> dense = Dense({.units = 1, .name = "d"});
  dense(x);
  CHECK(contains(message_of<ValueError>([&] { dense(narrow); }), "d: input 0"));
  CHECK(dense->inbound_nodes().size() == 1);
}

TEST_CASE("dtypes and numbers of outputs come from call(), shapes from compute_output_shapes()") {
  const Tensor x = Input({.shape = {3}});
  const auto [above, whole] = unpack<2>(make<Compare>()({x, Tensor::zeros({3})}));
  CHECK(above.dtype() == boolean);
  CHECK(whole.dtype() == int32);
  CHECK(GraphNode::of(whole)->index_of(whole) == 1);
  CHECK(GraphNode::of(above)->input_tensors().size() == 1);
  CHECK(GraphNode::of(above)->inputs().size() == 2);
  CHECK(make<NeedsValues>()(x).shape() == Shape{unknown, 7});
  CHECK(make<NeedsValues>()(Input({.shape = {3}, .dtype = int32})).dtype() == float32);
}

TEST_CASE("masks go through the graph as symbolic tensors") {
  const Tensor x = Input({.shape = {unknown, 4}});
  CHECK_FALSE(mask_of(x));
  const Tensor marked = make<NonZero>()(x);
  const Tensor mask = mask_of(marked);
  REQUIRE(mask);
  CHECK(mask.shape() == Shape{unknown, unknown});
  CHECK(mask.dtype() == boolean);
  CHECK(GraphNode::of(mask) == GraphNode::of(marked));
  // On it go layers that hand masks on.
  const Tensor dense = Dense({.units = 2})(marked);
  CHECK(mask_of(dense).shape() == Shape{unknown, unknown});
  CHECK(mask_of(SimpleRNN({.units = 2, .return_sequences = true})(dense)));
  CHECK_FALSE(mask_of(SimpleRNN({.units = 2})(dense)));
  CHECK_FALSE(mask_of(make<Compare>()({dense, dense})));
  // It is a symbolic tensor like others, and may be a mask elsewhere.
  const Tensor turned = logical_not(mask);
  CHECK((*GraphNode::of(turned)->operation())->name == "logical_not");
  const Tensor other = SimpleRNN({.units = 2})(x, {.mask = turned});
  CHECK(GraphNode::of(other)->input_tensors().size() == 2);
  // A mask that is attached counts, too, on whatever tensor.
  const Tensor attached = SimpleRNN({.units = 2})(with_mask(Tensor::ones({2, 3, 4}), mask));
  CHECK(GraphNode::of(attached)->asked_for().size() == 1);
}

TEST_CASE("a cell called on symbolic tensors is a node, too") {
  const Tensor x = Input({.shape = {4}});
  const Tensor h = Input({.shape = {3}});
  const Ref<layers::SimpleRNNCell> cell = SimpleRNNCell({.units = 3});
  const CellOutput step = cell(x, {h});
  CHECK(step.output.shape() == Shape{unknown, 3});
  REQUIRE(step.states.size() == 1);
  const auto node = GraphNode::of(step.states[0]);
  CHECK(node == GraphNode::of(step.output));
  CHECK(node->layer().get() == cell.pointer().get());
  CHECK(cell->inbound_nodes().size() == 1);
}

TEST_CASE("a symbolic call draws nothing, keeps nothing, and is seen by no tape") {
  const Ref<layers::SimpleRNN> rnn = SimpleRNN({.units = 2, .dropout = 0.5, .seed = 1});
  const Tensor x = Input({.shape = {5, 3}});
  GradientTape tape;
  rnn(x, {.training = true});
  CHECK(rnn->seed_generators()[0]->counter() == 0);
  CHECK(rnn->losses().empty());
}

TEST_CASE("a layer cannot use a symbolic tensor behind the graph's back") {
  const Tensor x = Input({.shape = {3}});
  const Tensor other = Input({.shape = {3}});
  const Ref<Captures> captures = make<Captures>(other);
  const std::string message = message_of<ValueError>([&] { captures(x); });
  CHECK(contains(message, captures->name()));
  CHECK(contains(message, "pass that as an input, too"));
  layers::Dense here({.units = 2, .name = "here"});
  CHECK(contains(message_of<RuntimeError>([&] { here(x); }), "make<Dense>"));
}

TEST_CASE("a graph owns its layers, and nothing is left of it in the end") {
  std::weak_ptr<LayerBase> first;
  std::weak_ptr<LayerBase> shared;
  {
    Tensor y;
    {
      const Tensor x = Input({.shape = {3}});
      const Ref<layers::Dense> a = Dense({.units = 3});
      const Ref<layers::Dense> b = Dense({.units = 3});
      first = a.pointer();
      shared = b.pointer();
      // To and fro, and one layer on its own output.
      y = b(a(b(b(a(x)))));
    }
    CHECK_FALSE(first.expired());
    CHECK(GraphNode::of(y)->layer() == shared.lock());
  }
  CHECK(first.expired());
  CHECK(shared.expired());
}

TEST_CASE("a long graph is freed without recursion") {
  Tensor x = Input({.shape = {1}});
  for (int i = 0; i < 200000; ++i) x = x + 1;
  x = {};
}

TEST_CASE("so is one of layers, shared and not") {
  Tensor x = Input({.shape = {1}});
  const Ref<layers::Dense> shared = Dense({.units = 1});
  for (int i = 0; i < 100000; ++i) x = shared(x);
  x = {};
  CHECK(shared->inbound_nodes().size() == 100000);
  x = Input({.shape = {1}});
  for (int i = 0; i < 20000; ++i) x = Dense({.units = 1, .kernel_initializer = "ones"})(x);
  x = {};
}
