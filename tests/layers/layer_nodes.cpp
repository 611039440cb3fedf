#include <unspool/layers/graph.h>

#include "support.h"

using namespace unspool;
using namespace unspool::testing;

namespace {

/// Adds losses and updates of both kinds.
class Counts : public Layer {
 public:
  using Layer::Layer;
  void build(const Shape&) override {
    calls_ = add_weight({.name = "calls", .initializer = Zeros(), .trainable = false});
    weight_ = add_weight({.name = "w", .initializer = Ones(), .regularizer = L2({.l2 = 3})});
  }
  Tensor call(const Tensor& x, const CallArgs&) override {
    add_loss(sum(x), x);
    add_loss(weight_.value() * 5);
    add_update(calls_, calls_.value() + 1);
    add_update(calls_, calls_.value() + cast(sum(x) * 0, float32), x);
    return x * weight_;
  }

 private:
  Variable calls_;
  Variable weight_;
};

class Around : public Layer {
 public:
  explicit Around(LayerOptions options = {}) : Layer(std::move(options)) {
    inner = add_layer(make<Counts>());
  }
  Tensor call(const Tensor& x, const CallArgs&) override { return inner(x); }
  Ref<Counts> inner;
};

/// Adds a variable by its name, however often.
class Named : public Layer {
 public:
  void build(const Shape& input) override {
    const Variable first = add_variable({.name = "v", .shape = {input.back()}});
    same = first == add_variable({.name = "v", .shape = {input.back()}});
    message = message_of<ValueError>([&] { add_variable({.name = "v", .shape = {17}}); });
  }
  Tensor call(const Tensor& x, const CallArgs&) override { return x; }
  bool same = false;
  std::string message;
};

}  // namespace

TEST_CASE("input, output and their shapes: one node") {
  const Ref<layers::Dense> dense = Dense({.units = 2});
  const Tensor x = Input({.shape = {5, 3}});
  const Tensor y = dense(x);
  CHECK(dense->input().id() == x.id());
  CHECK(dense->output().id() == y.id());
  CHECK(dense->input().all().size() == 1);
  CHECK(dense->input_shape() == Shape{unknown, 5, 3});
  CHECK(dense->output_shape() == Shape{unknown, 5, 2});
  CHECK(dense->get_input_at(0).id() == x.id());
  CHECK(dense->get_output_at(0).id() == y.id());
  CHECK(dense->get_input_shape_at(0) == Shape{unknown, 5, 3});
  CHECK(dense->get_output_shape_at(0) == Shape{unknown, 5, 2});
  CHECK_FALSE(dense->input_mask());
  CHECK_FALSE(dense->output_mask());
  CHECK_FALSE(dense->get_input_mask_at(0));
  CHECK_FALSE(dense->get_output_mask_at(0));
  // What is found so is the tensor itself: the graph goes on from it.
  CHECK(GraphNode::of(dense->output()) == GraphNode::of(y));
}

TEST_CASE("several tensors of one node") {
  const Ref<layers::SimpleRNN> rnn = SimpleRNN({.units = 2, .return_state = true});
  const Tensor x = Input({.shape = {5, 3}});
  const Tensor h = Input({.shape = {2}});
  const Outputs y = rnn(x, {.initial_state = {h}});
  REQUIRE(rnn->input().all().size() == 2);
  CHECK(rnn->input().all()[0].id() == x.id());
  CHECK(rnn->input().all()[1].id() == h.id());
  CHECK(rnn->output().all()[1].id() == y.all()[1].id());
  CHECK(rnn->input_shape().all() == std::vector<Shape>{{unknown, 5, 3}, {unknown, 2}});
  CHECK(rnn->output_shape().all() == std::vector<Shape>{{unknown, 2}, {unknown, 2}});
}

TEST_CASE("masks of nodes") {
  const Tensor x = Input({.shape = {5, 3}});
  const Tensor mask = Input({.shape = {5}, .dtype = boolean});
  const Ref<layers::Dense> dense = Dense({.units = 2});
  const Tensor y = dense(with_mask(x, mask));
  CHECK(dense->input_mask().id() == mask.id());
  CHECK(dense->get_input_mask_at(0).id() == mask.id());
  CHECK(dense->output_mask().id() == mask_of(y).id());
  CHECK(dense->get_output_mask_at(0).shape() == Shape{unknown, 5});
}

TEST_CASE("a layer without nodes") {
  const Ref<layers::Dense> dense = Dense({.units = 2, .name = "d"});
  const auto check = [&] {
    for (const auto& message : {
             message_of<AttributeError>([&] { dense->input(); }),
             message_of<AttributeError>([&] { dense->output(); }),
             message_of<AttributeError>([&] { dense->input_mask(); }),
             message_of<AttributeError>([&] { dense->output_mask(); }),
             message_of<AttributeError>([&] { dense->input_shape(); }),
             message_of<AttributeError>([&] { dense->output_shape(); }),
             message_of<RuntimeError>([&] { dense->get_input_at(0); }),
             message_of<RuntimeError>([&] { dense->get_output_at(0); }),
             message_of<RuntimeError>([&] { dense->get_input_shape_at(0); }),
             message_of<RuntimeError>([&] { dense->get_output_shape_at(0); }),
             message_of<RuntimeError>([&] { dense->get_input_mask_at(0); }),
             message_of<RuntimeError>([&] { dense->get_output_mask_at(-1); }),
         }) {
      CHECK_MESSAGE(contains(message, "got d, which "), message);
      CHECK_MESSAGE(contains(message, "expected a layer that was called on a symbolic tensor"), message);
      CHECK_MESSAGE(contains(message, "call it on an Input"), message);
    }
    CHECK(dense->inbound_nodes().empty());
  };
  check();
  dense(Tensor::ones({1, 3}));  // An eager call makes no node.
  check();
}

TEST_CASE("a layer with several nodes") {
  const Ref<layers::Dense> dense = Dense({.units = 2, .name = "d"});
  const Tensor a = Input({.shape = {5, 3}});
  const Tensor b = Input({.shape = {5, 3}});
  const Tensor ya = dense(a);
  const Tensor yb = dense(b);
  CHECK(dense->inbound_nodes().size() == 2);
  CHECK(dense->get_input_at(1).id() == b.id());
  CHECK(dense->get_output_at(0).id() == ya.id());
  CHECK(dense->get_output_at(1).id() == yb.id());
  for (const auto& member : std::vector<std::pair<std::string, std::string>>{
           {"input", message_of<AttributeError>([&] { dense->input(); })},
           {"output", message_of<AttributeError>([&] { dense->output(); })},
           {"input_mask", message_of<AttributeError>([&] { dense->input_mask(); })},
           {"output_mask", message_of<AttributeError>([&] { dense->output_mask(); })}}) {
    const std::string& what = member.first;
    const std::string& message = member.second;
    CHECK_MESSAGE(contains(message, "got d with 2 inbound nodes"), message);
    CHECK_MESSAGE(contains(message, "get_" + what + "_at(0) to get_" + what + "_at(1)"), message);
  }
  // Shapes are defined as long as they agree.
  CHECK(dense->input_shape() == Shape{unknown, 5, 3});
  CHECK(dense->output_shape() == Shape{unknown, 5, 2});
  const Tensor c = Input({.shape = {3}});
  const Tensor yc = dense(c);
  const std::string shapes = message_of<AttributeError>([&] { dense->input_shape(); });
  CHECK(contains(shapes, "expected calls of the layer d with one shape, got 3 inbound nodes"));
  CHECK(contains(shapes, "[?, 5, 3]"));
  CHECK(contains(shapes, "[?, 3]"));
  CHECK(contains(shapes, "get_input_shape_at"));
  CHECK(contains(message_of<AttributeError>([&] { dense->output_shape(); }), "[?, 2]"));
  CHECK(dense->get_input_shape_at(2) == Shape{unknown, 3});
  for (const Index node : {Index{3}, Index{-1}}) {
    const std::string number = std::to_string(node);
    for (const auto& message : {
             message_of<ValueError>([&] { dense->get_input_at(node); }),
             message_of<ValueError>([&] { dense->get_output_at(node); }),
             message_of<ValueError>([&] { dense->get_input_shape_at(node); }),
             message_of<ValueError>([&] { dense->get_output_shape_at(node); }),
             message_of<ValueError>([&] { dense->get_input_mask_at(node); }),
             message_of<ValueError>([&] { dense->get_output_mask_at(node); }),
         }) {
      CHECK_MESSAGE(contains(message, "got node " + number), message);
      CHECK_MESSAGE(contains(message, "one of the 3 inbound nodes of the layer d"), message);
    }
  }
}

TEST_CASE("errors name the path of a layer within others") {
  const Ref<Around> around = make<Around>(LayerOptions{.name = "outer"});
  around(Tensor::ones({1, 1}));
  CHECK(contains(message_of<AttributeError>([&] { around->inner->input(); }),
                 "outer/" + around->inner->name()));
}

TEST_CASE("nodes are found again as long as what they took is held") {
  const Ref<layers::Dense> dense = Dense({.units = 2});
  std::uint64_t made = 0;
  {
    const Tensor x = Input({.shape = {3}});
    made = dense(x).id();
    // Nobody holds the output, and yet it is there, connected.
    CHECK(dense->output().id() == made);
    CHECK(GraphNode::of(dense->output())->inputs()[0].id() == x.id());
    CHECK(dense->input().id() == x.id());
  }
  // An Input holds nothing, so the layer may hold it.
  CHECK(GraphNode::of(dense->input())->is_input());
  CHECK(dense->output().id() == made);

  const Ref<layers::Dense> next = Dense({.units = 4});
  next(dense(Input({.shape = {3}})));
  CHECK(dense->inbound_nodes().size() == 2);
  // What it took is gone: what is left are shapes.
  CHECK(next->input_shape() == Shape{unknown, 2});
  CHECK(next->output_shape() == Shape{unknown, 4});
  CHECK(next->input().shape() == Shape{unknown, 2});
  CHECK(GraphNode::of(next->input()) == nullptr);
  CHECK(next->output().shape() == Shape{unknown, 4});
}

TEST_CASE("losses and updates of eager calls") {
  const Ref<Around> layer = make<Around>();
  const Tensor x = Tensor::of<float>({{1, 2}});
  layer(x);
  REQUIRE(layer->losses().size() == 3);
  REQUIRE(layer->get_losses_for(std::nullopt).size() == 2);
  CHECK(near(layer->get_losses_for(std::nullopt)[0], {5}));
  CHECK(near(layer->get_losses_for(std::nullopt)[1], {3}));
  REQUIRE(layer->get_losses_for(x).size() == 1);
  CHECK(near(layer->get_losses_for(x)[0], {3}));
  CHECK(layer->get_losses_for(Tensor::ones({1, 2})).empty());
  CHECK(layer->updates().empty());
  CHECK(near(layer->weights()[1].value(), {1}));
  // The cast to the layer's dtype does not hide what the loss was computed from.
  const Tensor wide = cast(x, float64);
  layer->inner(wide);
  CHECK(layer->inner->get_losses_for(wide).size() == 1);

  const Ref<layers::Dense> dense = Dense({.units = 1, .activity_regularizer = L2({.l2 = 1})});
  dense(x);
  CHECK(dense->get_losses_for(x).size() == 1);
  CHECK(dense->get_losses_for(std::nullopt).empty());
}

TEST_CASE("losses and updates of symbolic calls") {
  const Ref<Around> layer = make<Around>();
  const Tensor a = Input({.shape = {2}});
  const Tensor b = Input({.shape = {2}});
  const Tensor from_a = a * 2;
  const Tensor y = layer(from_a);
  layer(b);
  CHECK(layer->losses().size() == 1);  // The weight's: the others come when the graph is run.
  REQUIRE(layer->get_losses_for(a).size() == 1);
  CHECK(layer->get_losses_for(a)[0].shape() == Shape{});
  CHECK(layer->get_losses_for(from_a).size() == 1);
  CHECK(layer->get_losses_for({a, b}).size() == 2);
  CHECK(layer->get_losses_for(y).empty());
  CHECK(layer->get_losses_for(std::nullopt).size() == 3);
  CHECK(layer->updates().size() == 4);
  CHECK(layer->updates()[0].variable.name() == "calls");
  CHECK(layer->get_updates_for(b).size() == 1);
  CHECK(layer->get_updates_for(std::nullopt).size() == 2);
  CHECK(near(layer->weights()[1].value(), {0}));  // Nothing was assigned.

  const Ref<layers::Dense> dense = Dense({.units = 1, .activity_regularizer = L2({.l2 = 1})});
  dense(a);
  CHECK(dense->get_losses_for(a).size() == 1);

  CHECK(contains(message_of<NotImplementedError>([&] { layer->add_loss(sum(a)); }), "symbolic"));
  CHECK(contains(message_of<ValueError>([&] { layer->add_loss(Tensor::ones({2})); }), "sum or mean"));
}

TEST_CASE("variables are the weights and the states of random generators") {
  const Ref<layers::SimpleRNN> rnn = SimpleRNN({.units = 2, .seed = 7});
  rnn(Tensor::ones({1, 2, 3}));
  CHECK(rnn->weights().size() == 3);
  REQUIRE(rnn->variables().size() == 4);
  CHECK(rnn->trainable_variables().size() == 3);
  CHECK(rnn->non_trainable_weights().empty());
  REQUIRE(rnn->non_trainable_variables().size() == 1);
  CHECK(rnn->variables()[3].value().to_vector<int>() == std::vector<int>{7, 0});
  CHECK(contains(rnn->variables()[3].path(), "/simple_rnn_cell/seed_generator"));
  CHECK(rnn->variables()[3] == rnn->variables()[3]);
  rnn->set_trainable(false);
  CHECK(rnn->non_trainable_variables().size() == 4);
  CHECK(Dense({.units = 1})->variables().empty());
}

TEST_CASE("names of TF 1: apply, add_variable, scope_name") {
  const Ref<Named> layer = make<Named>();
  const std::string message = message_of<ValueError>([&] { static_cast<void>(layer->scope_name()); });
  CHECK(contains(message, layer->name()));
  CHECK(contains(message, "call it, or build it"));
  const Tensor x = Tensor::ones({1, 3});
  CHECK(near(layer->apply(x), {1, 1, 1}));
  CHECK(layer->scope_name() == layer->path());
  CHECK(layer->same);
  CHECK(layer->weights().size() == 1);
  CHECK(contains(layer->message, "expected the shape [3] of the variable \"v\" that"));
  CHECK(contains(message_of<RuntimeError>([&] { layer->add_variable({.name = "late"}); }), "late"));
}
