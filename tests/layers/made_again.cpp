#include <doctest/doctest.h>
#include <string>
#include <utility>

#include <unspool/autograd/arithmetic.h>
#include <unspool/autograd/comparison.h>
#include <unspool/autograd/elementary.h>
#include <unspool/autograd/product.h>
#include <unspool/autograd/reduction.h>
#include <unspool/autograd/shaping.h>
#include <unspool/core/error.h>
#include <unspool/layers/bidirectional.h>
#include <unspool/layers/cell.h>
#include <unspool/layers/dense.h>
#include <unspool/layers/input.h>
#include <unspool/layers/registry.h>
#include <unspool/layers/rnn.h>
#include <unspool/models/model.h>

#include "../support/errors.h"
#include "support.h"

using namespace unspool;
using namespace unspool::testing;

namespace {

/// A cell that is not registered and has no options: h' = (1 - a) h + a tanh(x W + h U).
class UnnamedLeaky : public Cell {
 public:
  UnnamedLeaky(Index units, float a, std::string first = "kernel")
      : Cell({.state_sizes = {units}}), units_(units), a_(a), first_(std::move(first)) {}
  void build(const Shape& input) override {
    kernel_ = add_weight({.name = first_, .shape = {input.back(), units_}});
    recurrent_ = add_weight({.name = "recurrent_kernel", .shape = {units_, units_}});
  }
  CellOutput call(const Tensor& x, const States& states, const CallArgs&) override {
    const Tensor& h = states[0];
    const Tensor next = (1 - a_) * h + a_ * tanh(matmul(x, kernel_) + matmul(h, recurrent_));
    return {next, {next}};
  }

 private:
  Index units_;
  float a_;
  std::string first_;
  Variable kernel_, recurrent_;
};

/// A layer that is not registered.
class UnnamedScaled : public Layer {
 public:
  explicit UnnamedScaled(double factor) : factor_(factor) {}
  void build(const Shape& input) override {
    offset_ = add_weight({.name = "offset", .shape = {input.back()}});
  }
  Tensor call(const Tensor& x, const CallArgs&) override { return x * factor_ + offset_; }

 private:
  double factor_;
  Variable offset_;
};

/// A layer that is not registered and that shares what it is given.
class UnnamedWrapper : public Layer {
 public:
  explicit UnnamedWrapper(const Ref<Layer>& inner) : inner_(add_layer(inner)) {}
  Tensor call(const Tensor& x, const CallArgs&) override { return inner_(x); }

 private:
  Ref<Layer> inner_;
};

}  // namespace

TEST_CASE("Bidirectional around a cell of one's own that has no name") {
  const Tensor x = some({3, 5, 2}, float32);
  const auto both = Bidirectional(RNN(make<UnnamedLeaky>(4, .3F, "in"), {.return_sequences = true}));
  CHECK(both(x).shape() == Shape{3, 5, 8});
  const std::vector<Tensor> weights = both->get_weights();
  REQUIRE(weights.size() == 4);
  CHECK_FALSE(all(equal(weights[0], weights[2])).item<bool>());
  CHECK(contains(both->weights()[2].path(), "/in"));

  const auto backward = RNN(make<UnnamedLeaky>(4, .3F), {.return_sequences = true, .go_backwards = true});
  backward(x);
  backward->set_weights({weights[2], weights[3]});
  const Tensor expected = flip(backward(x), {1});
  CHECK(all(equal(slice(both(x), 2, 4, 8), expected)).item<bool>());
}

TEST_CASE("clones and deep copies of a model with layers of one's own that have no names") {
  const Tensor input = Input({.shape = {3}});
  Model model(input, Dense({.units = 2})(make<UnnamedScaled>(2)(make<UnnamedScaled>(3)(input))));
  model.layers()[1]->set_trainable(false);
  const Tensor x = some({4, 3}, float32);

  const Model copy = clone_model(model);
  CHECK(copy.layers()[1]->name() == model.layers()[1]->name());
  CHECK(copy.layers()[2]->name() == model.layers()[2]->name());
  CHECK_FALSE(copy.layers()[1]->trainable());
  CHECK(copy.layers()[2]->trainable());
  REQUIRE(copy.weights().size() == 4);
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK_FALSE(copy.weights()[i] == model.weights()[i]);
    CHECK(copy.weights()[i].path() == model.weights()[i].path());
  }
  copy.set_weights(model.get_weights());
  CHECK(all(equal(copy.predict(x), model.predict(x))).item<bool>());

  const Ref<Layer> deep = deep_copy(model.network());
  CHECK(all(equal(deep(x), model.predict(x))).item<bool>());
  model.weights()[0].assign(model.weights()[0].value() + 1);
  CHECK_FALSE(all(equal(deep(x), model.predict(x))).item<bool>());

  // One layer at two places is one layer in the copy.
  const auto shared = make<UnnamedScaled>(2);
  const Model twice(input, shared(shared(input)));
  CHECK(clone_model(twice).weights().size() == 1);
}

TEST_CASE("what cannot be made again needs a name") {
  const Tensor input = Input({.shape = {3}});
  const Ref<Layer> inner = Dense({.units = 3});
  const auto advice = [](const auto& f) { return contains(message_of<KeyError>(f), "register_layer"); };
  CHECK(advice([&] { clone(make<UnnamedWrapper>(inner)); }));
  CHECK(advice([&] { clone(Ref<UnnamedScaled>(std::make_shared<UnnamedScaled>(2))); }));
  // Nor does a file have more than names.
  CHECK(advice([&] { serialize_layer(*make<UnnamedScaled>(2)); }));
  CHECK(advice([&] { serialize_layer(*Model(input, make<UnnamedScaled>(2)(input)).network()); }));
}
