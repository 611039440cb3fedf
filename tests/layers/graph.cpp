#include <unspool/layers/graph.h>

#include "support.h"

using namespace unspool;
using namespace unspool::testing;

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

TEST_CASE("a long graph is freed without recursion") {
  Tensor x = Input({.shape = {1}});
  for (int i = 0; i < 200000; ++i) x = x + 1;
  x = {};
}
