#include "support.h"

using namespace unspool;
using namespace unspool::testing;

namespace {

/// Keeps a layer as a member, and runs it.
class Keeper : public Layer {
 public:
  Keeper(Ref<Layer> part, bool owned) : part_(owned ? add_layer("part", part) : part) {}
  Tensor call(const Tensor& x, const CallArgs&) override { return part_(x); }

 private:
  Ref<Layer> part_;
};

/// Owns a layer through a member's initializer.
class WithMember : public Layer {
 public:
  Tensor call(const Tensor& x, const CallArgs&) override { return dense_(x); }

 private:
  Ref<Layer> dense_ = add_layer("dense", Dense({.units = 3}));
};

/// A cell that runs another one.
class CellKeeper : public Cell {
 public:
  CellKeeper(const Ref<Cell>& inner, bool owned) : Cell({.state_sizes = {2}}), inner_(inner) {
    if (owned) add_layer("inner", inner);
  }
  CellOutput call(const Tensor& x, const States& states, const CallArgs& args) override {
    return inner_(x, states, args);
  }

 private:
  Ref<Cell> inner_;
};

Ref<Layer> keeper(const Ref<Layer>& part, bool owned) { return make<Keeper>(part, owned); }

const Tensor& two_by_four() {
  static const Tensor x = Tensor::ones({2, 4});
  return x;
}

}  // namespace

TEST_CASE("a layer that runs a layer with weights that it does not own throws, and names both") {
  clear_session();
  const Ref<Layer> net = keeper(Dense({.units = 3}), false);
  const std::string message = message_of<RuntimeError>([&] { net(two_by_four()); });
  CHECK(contains(message, "expected a layer that keeper owns, got dense, which has weights"));
  CHECK(contains(message, "add_layer(\"dense\", ...)"));
  CHECK(contains(message, "the class Keeper"));
  // At every call, and in a graph when that is made.
  CHECK_THROWS_AS(net(two_by_four()), RuntimeError);
  CHECK_THROWS_AS(keeper(Dense({.units = 3}), false)(Input({.shape = {4}})), RuntimeError);
  CHECK_THROWS_AS(keeper(keeper(Dense({.units = 3}), true), false)(two_by_four()), RuntimeError);
  CHECK_THROWS_AS(Sequential({keeper(Dense({.units = 3}), false)})(two_by_four()), RuntimeError);
}

TEST_CASE("a layer may run what it owns, what a layer around it owns, and what has no weights") {
  CHECK(make<WithMember>()(two_by_four()).shape() == Shape{2, 3});
  CHECK(keeper(Dense({.units = 3}), true)(two_by_four()).shape() == Shape{2, 3});
  CHECK(keeper(Dropout({.rate = 0.5}), false)(two_by_four()).shape() == Shape{2, 4});

  const Ref<Layer> shared = Dense({.units = 4});
  const Sequential tied({shared, keeper(shared, false)});
  CHECK(tied(two_by_four()).shape() == Shape{2, 4});
  CHECK(tied.weights().size() == 2);

  // A model of its own that runs the same layer.
  const Tensor x = Input({.shape = {4}});
  const Model part({x}, shared(x) * 2);
  CHECK(Sequential({shared, keeper(part, false)})(two_by_four()).shape() == Shape{2, 4});
  CHECK_THROWS_AS(keeper(part, false)(two_by_four()), RuntimeError);
  CHECK(keeper(part, true)(two_by_four()).shape() == Shape{2, 4});

  // No layer is around it.
  CHECK(shared(two_by_four()).shape() == Shape{2, 4});
}

TEST_CASE("a function in a Lambda owns no layer") {
  const Ref<Layer> dense = Dense({.units = 4});
  const Ref<Layer> lambda = Lambda({.function = [dense](const Tensor& x) -> Tensor { return dense(x); }});
  const std::string message = message_of<RuntimeError>([&] { lambda(two_by_four()); });
  CHECK(contains(message, "A function in a Lambda cannot own a layer"));
  CHECK(Sequential({dense, lambda})(two_by_four()).shape() == Shape{2, 4});
}

TEST_CASE("a cell owns the cells that it runs") {
  const Tensor x = Tensor::ones({2, 3, 4});
  for (const bool unroll : {false, true}) {
    const auto run = [&](bool owned) {
      const Ref<Cell> cell = make<CellKeeper>(SimpleRNNCell({.units = 2}), owned);
      return RNN(cell, {.unroll = unroll})(x);
    };
    CHECK(run(true).shape() == Shape{2, 2});
    CHECK(contains(message_of<RuntimeError>([&] { run(false); }), "got simple_rnn_cell"));
  }
}

TEST_CASE("a loss of a layer that is not owned would be lost") {
  const Ref<Layer> part = ActivityRegularization({.l2 = 0.5});
  const Ref<Layer> net = keeper(part, false);
  CHECK(contains(message_of<RuntimeError>([&] { net(two_by_four()); }), "which has losses"));
  const WithoutLosses prediction;
  CHECK(net(two_by_four()).shape() == Shape{2, 4});
}

TEST_CASE("an empty Ref says so") {
  const Ref<Layer> layer;
  const Ref<Cell> cell;
  const std::string message = message_of<ValueError>([&] { layer(two_by_four()); });
  CHECK(contains(message, "expected a layer or cell, got an empty Ref"));
  CHECK_THROWS_AS(cell(two_by_four(), {two_by_four()}), ValueError);
  CHECK_THROWS_AS(layer->weights(), ValueError);
  CHECK_THROWS_AS(static_cast<void>(*layer), ValueError);
  CHECK_FALSE(layer);
}
