#include <unspool/layers/graph.h>

#include "support.h"

using namespace unspool;
using namespace unspool::testing;

TEST_CASE("Input is a symbolic tensor with a batch of unknown size") {
  clear_session();
  const Tensor x = Input({.shape = {8, 4}});
  CHECK(x.is_abstract());
  CHECK(x.shape() == Shape{unknown, 8, 4});
  CHECK(x.dtype() == float32);
  CHECK(GraphNode::of(x)->name() == "input_layer");
  CHECK(GraphNode::of(Input({.shape = {2}}))->name() == "input_layer_1");
  CHECK(GraphNode::of(Input({.shape = {2}, .name = "ids"}))->name() == "ids");
  CHECK(Input({.shape = {unknown, 3}, .batch_size = 5, .dtype = int32}).shape() == Shape{5, unknown, 3});
  CHECK(Input({.batch_shape = {2, 3}}).shape() == Shape{2, 3});
  CHECK(Input({.shape = Shape()}).shape() == Shape{unknown});
}

TEST_CASE("errors of Input") {
  CHECK(contains(message_of<ValueError>([] {
                   Input({.shape = {2}, .batch_shape = {1, 2}});
                 }),
                 "batch_shape"));
  CHECK(contains(message_of<ValueError>([] {
                   Input({.batch_size = 1, .batch_shape = {1, 2}});
                 }),
                 "batch_size"));
  CHECK(contains(message_of<ValueError>([] { Input({}); }), "shape"));
  CHECK(contains(message_of<ValueError>([] { Input({.shape = {2}, .name = "a/b"}); }), "a/b"));
}

TEST_CASE("an Input takes its shape alone") {
  CHECK(Input({8, 3}).shape() == Shape{unknown, 8, 3});
  CHECK(Input({None, 3}).shape() == Shape{unknown, unknown, 3});
  CHECK(Input({5}).shape() == Shape{unknown, 5});
}

TEST_CASE("a dtype may be given by name") {
  CHECK(Input({.shape = {3}, .dtype = "int32"}).dtype() == int32);
  CHECK_THROWS_WITH_AS(Input({.shape = {3}, .dtype = "int"}), doctest::Contains("int32"), TypeError);
}
