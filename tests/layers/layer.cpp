#include <thread>

#include "support.h"

using namespace unspool;
using namespace unspool::testing;

namespace {

/// As a user writes one.
class Scale : public Layer {
 public:
  using Layer::Layer;
  void build(const Shape& input) override {
    gain_ = add_weight({.name = "gain", .shape = {input.back()}, .initializer = Ones()});
  }
  Tensor call(const Tensor& x, const CallArgs&) override { return x * gain_; }

 private:
  Variable gain_;
};

/// Says what training flag and mask it was called with.
class Probe : public Layer {
 public:
  Tensor call(const Tensor& x, const CallArgs& args) override {
    training = args.training ? true : false;
    mask = args.mask;
    return x;
  }
  bool training = false;
  Tensor mask;
};

/// A layer of layers that does not hand on `training`.
class Group : public Layer {
 public:
  explicit Group(LayerOptions options = {}) : Layer(std::move(options)) {
    inner = add_layer(make<Probe>());
    dense = add_layer(Dense({.units = 3, .name = "inside"}));
  }
  Tensor call(const Tensor& x, const CallArgs&) override { return dense(inner(x)); }
  Ref<Probe> inner;
  Ref<layers::Dense> dense;
};

/// Weights in an order of its own.
class Mixed : public Layer {
 public:
  void build(const Shape&) override {
    add_weight({.name = "moving", .initializer = Zeros(), .trainable = false});
    add_weight({.name = "a", .shape = {2}, .initializer = Zeros(), .regularizer = L1({.l1 = 1})});
    add_layer(make<Scale>(LayerOptions{.name = "scale"}))->build_once(Shape{1, 3});
    add_weight({.name = "b", .initializer = Ones(), .regularizer = L2({.l2 = 1})});
    add_weight({.name = "count", .initializer = Ones(), .dtype = int32, .trainable = false});
  }
  Tensor call(const Tensor& x, const CallArgs&) override {
    add_loss(sum(x));
    return x;
  }
};

class PassesMasks : public Probe {
 public:
  bool supports_masking() const override { return true; }
};

class TwoInTwoOut : public Layer {
 public:
  std::vector<Tensor> call_all(const std::vector<Tensor>& inputs, const CallArgs&) override {
    return {inputs.at(0) + inputs.at(1), inputs.at(0) - inputs.at(1)};
  }
};

class Lacking : public Layer {};

class LateWeight : public Layer {
 public:
  Tensor call(const Tensor& x, const CallArgs&) override {
    add_weight({.name = "late"});
    return x;
  }
};

class FailsOnce : public Layer {
 public:
  void build(const Shape& input) override {
    add_weight({.name = "w", .shape = {input.back()}});
    if (input.back() == 13) throw ValueError("no 13");
  }
  Tensor call(const Tensor& x, const CallArgs&) override { return x; }
};

}  // namespace

TEST_CASE("names: automatic ones are counted, explicit ones are not") {
  clear_session();
  CHECK(Dense({.units = 1})->name() == "dense");
  CHECK(Dense({.units = 1})->name() == "dense_1");
  CHECK(Dense({.units = 1})->name() == "dense_2");
  CHECK(Dense({.units = 1, .name = "dense_3"})->name() == "dense_3");
  CHECK(Dense({.units = 1})->name() == "dense_3");
  CHECK(SimpleRNN({.units = 1})->name() == "simple_rnn");
  CHECK(SimpleRNN({.units = 1})->cell()->name() == "simple_rnn_cell");
  CHECK(SimpleRNNCell({.units = 1})->name() == "simple_rnn_cell");
  CHECK(make<Scale>()->name() == "scale");
  CHECK(contains(message_of<ValueError>([] { Dense({.units = 1, .name = "a/b"}); }), "\"a/b\""));
}

TEST_CASE("layers without a name are numbered when a name is needed, not when they are made") {
  clear_session();
  const Ref<Layer> later = Dense({.units = 1});
  const Ref<Layer> called = Dense({.units = 1});
  called(Tensor::ones({1, 2}));
  const Ref<Layer> wrapped = TimeDistributed(Dense({.units = 1}));
  const Sequential model({Dense({.units = 1}), later});
  CHECK(called->name() == "dense");
  CHECK(wrapped->sublayers()[0]->name() == "dense_1");
  CHECK(model.layers()[0]->name() == "dense_2");
  CHECK(later->name() == "dense_3");
}

TEST_CASE("paths are fixed when a layer is built") {
  clear_session();
  const Ref<Group> block = make<Group>();
  CHECK(block->path().empty());
  CHECK(block->weights().empty());
  block(Tensor::zeros({1, 2}));
  CHECK(block->path() == "group");
  CHECK(paths_of(block->weights()) == std::vector<std::string>{"group/inside/kernel", "group/inside/bias"});
  CHECK(block->weights()[0].name() == "kernel");
  const Ref<layers::SimpleRNN> rnn = SimpleRNN({.units = 2});
  rnn(Tensor::zeros({1, 2, 3}));
  CHECK(paths_of(rnn->weights()) == std::vector<std::string>{"simple_rnn/simple_rnn_cell/kernel",
                                                             "simple_rnn/simple_rnn_cell/recurrent_kernel",
                                                             "simple_rnn/simple_rnn_cell/bias"});
}

TEST_CASE("order of weights, and what counts as trainable") {
  const Ref<Mixed> layer = make<Mixed>();
  const Tensor x = Tensor::zeros({1, 2});
  layer(x);
  const auto names = [](const std::vector<Variable>& variables) {
    std::string all;
    for (const Variable& variable : variables) all += variable.name() + " ";
    return all;
  };
  CHECK(names(layer->weights()) == "a b moving count gain ");
  CHECK(names(layer->trainable_weights()) == "a b gain ");
  CHECK(names(layer->non_trainable_weights()) == "moving count ");
  CHECK(layer->count_params() == 2 + 1 + 1 + 1 + 3);
  CHECK(layer->weights()[3].dtype() == int32);

  layer->set_trainable(false);
  CHECK(layer->trainable_weights().empty());
  CHECK(names(layer->non_trainable_weights()) == "a b moving count gain ");
  CHECK_FALSE(layer->sublayers()[0]->trainable());
  CHECK_FALSE(layer->weights()[0].trainable());
  layer->set_trainable(true);
  CHECK(names(layer->trainable_weights()) == "a b gain ");

  // A part alone.
  layer->sublayers()[0]->set_trainable(false);
  CHECK(names(layer->trainable_weights()) == "a b ");
  CHECK(names(layer->non_trainable_weights()) == "moving count gain ");
  CHECK(layer->trainable());
}

TEST_CASE("a layer made frozen has no trainable weights, nor have its parts") {
  const Ref<layers::SimpleRNN> rnn = SimpleRNN({.units = 2, .trainable = false});
  rnn(Tensor::zeros({1, 2, 3}));
  CHECK(rnn->trainable_weights().empty());
  CHECK(rnn->weights().size() == 3);
  rnn->set_trainable(true);
  CHECK(rnn->trainable_weights().size() == 3);
  const Ref<Group> block = make<Group>(LayerOptions{.trainable = false});
  CHECK_FALSE(block->dense->trainable());
}

TEST_CASE("get_weights and set_weights") {
  const Ref<layers::Dense> dense = Dense({.units = 2, .name = "d"});
  dense->build_once(Shape{unknown, 3});
  const std::vector<Tensor> before = dense->get_weights();
  dense->set_weights({Tensor::ones({3, 2}, float64), Tensor::ones({2})});
  CHECK(near(dense->get_weights()[0], {1, 1, 1, 1, 1, 1}));
  CHECK(dense->weights()[0].dtype() == float32);
  // What was taken before does not change.
  CHECK_FALSE(near(before[0], {1, 1, 1, 1, 1, 1}));

  const std::string count = message_of<ValueError>([&] { dense->set_weights({Tensor::ones({3, 2})}); });
  CHECK(contains(count, "the layer d: expected 2 weights, got 1"));
  // The second does not fit: the first stays as it was.
  const std::string shape = message_of<ValueError>([&] {
    dense->set_weights({Tensor::zeros({3, 2}), Tensor::zeros({3})});
  });
  CHECK(contains(shape, "d/bias"));
  CHECK(contains(shape, "[2]"));
  CHECK(contains(shape, "[3]"));
  CHECK(near(dense->get_weights()[0], {1, 1, 1, 1, 1, 1}));
}

TEST_CASE("count_params needs a built layer") {
  CHECK(contains(message_of<ValueError>([] { Dense({.units = 2, .name = "d"})->count_params(); }),
                 "expected a layer that is built, got d"));
}

TEST_CASE("a built layer is locked; a failed build leaves nothing behind") {
  const Ref<LateWeight> late = make<LateWeight>();
  CHECK(contains(message_of<RuntimeError>([&] { late(Tensor::zeros({1, 1})); }), "\"late\""));
  const Ref<FailsOnce> fails = make<FailsOnce>();
  CHECK(contains(message_of<ValueError>([&] { fails(Tensor::zeros({1, 13})); }), "no 13"));
  CHECK(fails->weights().empty());
  CHECK_FALSE(fails->built());
  fails(Tensor::zeros({1, 4}));
  CHECK(fails->count_params() == 4);
}

TEST_CASE("build() called as a function makes no weights that the first call would make again") {
  const Ref<Scale> scale = make<Scale>();
  const std::string message = message_of<RuntimeError>([&] { scale->build(Shape{2, 3}); });
  CHECK(contains(message, "layer.build(shape)"));
  scale.build(Shape{2, 3});
  CHECK(scale.weights().size() == 1);
  scale(Tensor::ones({2, 3}));
  CHECK(scale.weights().size() == 1);
}

TEST_CASE("losses: added ones first, then regularizers of trainable weights") {
  const Ref<Mixed> layer = make<Mixed>();
  const Tensor x = Tensor::of<float>({{1, 2}});
  layer(x);
  layer->set_weights({Tensor::of<float>({3, -4}), Tensor::scalar(2.0F), Tensor::scalar(0.0F),
                      Tensor::scalar(std::int32_t{1}), Tensor::ones({3})});
  layer(x);  // Losses of an earlier call are gone.
  REQUIRE(layer->losses().size() == 3);
  CHECK(near(layer->losses()[0], {3}));
  CHECK(near(layer->losses()[1], {7}));
  CHECK(near(layer->losses()[2], {4}));
  layer->set_trainable(false);
  CHECK(layer->losses().size() == 1);
  {
    const WithoutLosses guard;
    layer(x * 100);
  }
  CHECK(near(layer->losses()[0], {3}));
  // A regularizer is part of what is differentiated.
  layer->set_trainable(true);
  GradientTape tape;
  const Tensor penalty = layer->losses()[1];
  CHECK(near(tape.gradient(penalty, layer->weights()[0]), {1, -1}));
}

TEST_CASE("activity regularizer: the penalty of the output over the batch size") {
  // The numbers of Keras.
  const Ref<layers::Dense> dense = Dense({.units = 2,
                                          .kernel_initializer = "ones",
                                          .kernel_regularizer = L1({.l1 = 0.5}),
                                          .activity_regularizer = L2({.l2 = 0.1})});
  for (int call = 0; call < 2; ++call) {
    dense(Tensor::of<float>({{1, 2, 3}, {4, 5, 6}}));
    REQUIRE(dense->losses().size() == 2);
    CHECK(near(dense->losses()[0], {26.1}, 1e-5));
    CHECK(near(dense->losses()[1], {3}));
  }
  dense->set_trainable(false);
  REQUIRE(dense->losses().size() == 1);
  CHECK(near(dense->losses()[0], {26.1}, 1e-5));
  dense(Tensor::zeros({0, 3}));
  CHECK(near(dense->losses()[0], {0}));
}

TEST_CASE("training: as said, else as the layer around says, else false") {
  const Ref<Group> block = make<Group>();
  const Tensor x = Tensor::zeros({1, 2});
  block(x);
  CHECK_FALSE(block->inner->training);
  block(x, {.training = true});
  CHECK(block->inner->training);
  block(x, {.training = false});
  CHECK_FALSE(block->inner->training);
  // The call is over: nothing of it stays.
  block(x, {.training = true});
  block->inner(x);
  CHECK_FALSE(block->inner->training);
  // Nor does another thread see it.
  bool elsewhere = true;
  const Ref<Probe> probe = make<Probe>();
  std::thread([&] {
    probe(x);
    elsewhere = probe->training;
  }).join();
  CHECK_FALSE(elsewhere);
}

TEST_CASE("masks: taken from the first input, handed on by layers that say so") {
  const Tensor mask = mask_of_bits({{1, 0}});
  const Tensor x = with_mask(Tensor::zeros({1, 2, 3}), mask);
  CHECK(x.id() == with_mask(x, {}).id());
  const Ref<PassesMasks> passes = make<PassesMasks>();
  const Tensor y = passes(x);
  CHECK(passes->mask.id() == mask.id());
  CHECK(mask_of(y).id() == mask.id());
  // Given as an argument.
  CHECK(mask_of(passes(Tensor::zeros({1, 2, 3}), {.mask = mask})).id() == mask.id());
  // Of numbers: nonzero counts.
  passes(Tensor::zeros({1, 2, 3}), {.mask = Tensor::of<float>({{0, 2}})});
  CHECK(passes->mask.to_vector<int>() == std::vector<int>{0, 1});
  // It survives the cast to the layer's dtype.
  passes(with_mask(Tensor::zeros({1, 2, 3}, float64), mask));
  CHECK(passes->mask.id() == mask.id());

  const Ref<Scale> scale = make<Scale>();
  CHECK_FALSE(mask_of(scale(x)));
  CHECK(mask_of(Dense({.units = 1})(x)).id() == mask.id());
}

TEST_CASE("floating inputs are cast to the dtype of the layer") {
  const Ref<layers::Dense> dense = Dense({.units = 1, .dtype = float64});
  CHECK(dense(Tensor::zeros({1, 2}, float32)).dtype() == float64);
  CHECK(dense->weights()[0].dtype() == float64);
  const Ref<Probe> probe = make<Probe>();
  CHECK(probe(Tensor::zeros({1, 2}, float64)).dtype() == float32);
  CHECK(probe(Tensor::zeros({1, 2}, int32)).dtype() == int32);
}

TEST_CASE("several inputs and outputs") {
  const Ref<TwoInTwoOut> layer = make<TwoInTwoOut>();
  auto [plus, minus] = unpack<2>(layer({Tensor::of<float>({3}), Tensor::of<float>({1})}));
  CHECK(near(plus, {4}));
  CHECK(near(minus, {2}));
  CHECK(layer->compute_output_shapes({{unknown, 3}, {unknown, 1}}) ==
        std::vector<Shape>(2, Shape{unknown, 3}));
  const Tensor x = Tensor::ones({1});
  CHECK(contains(message_of<ValueError>([&] {
                   unpack<3>(layer({x, x}));
                 }),
                 "expected a call with 3 outputs, got 2"));
  CHECK(contains(message_of<ValueError>([&] { make<Scale>()({x, x}); }), "expected one input, got 2"));
}

TEST_CASE("the outputs of a call that nobody holds can be gone through") {
  int count = 0;
  for (const Tensor& y : make<TwoInTwoOut>()({Tensor::ones({3}), Tensor::ones({3})}).all())
    count += y.size() == 3;
  CHECK(count == 2);
}

TEST_CASE("shapes are found without values, which builds the layer") {
  const Ref<Scale> scale = make<Scale>();
  CHECK(scale->compute_output_shape({unknown, 5}) == Shape{unknown, 5});
  CHECK(scale->built());
  CHECK(scale->count_params() == 5);
  const Ref<Group> block = make<Group>();
  CHECK(block->compute_output_shape({unknown, unknown, 4}) == Shape{unknown, unknown, 3});
  CHECK(block->losses().empty());
}

TEST_CASE("errors name the layers around, and what is missing") {
  const Ref<Group> block = make<Group>(LayerOptions{.name = "block"});
  block(Tensor::zeros({1, 2}));
  const std::string message = message_of<ValueError>([&] { block(Tensor::zeros({1, 3})); });
  CHECK(contains(message, "block/inside: "));
  CHECK(contains(message, "expected axis -1"));
  CHECK(contains(message, "[1, 3]"));
  CHECK(contains(message_of<NotImplementedError>([] { make<Lacking>()(Tensor::zeros({1})); }), "Lacking"));
  CHECK(contains(message_of<ValueError>([] { make<Lacking>()(Tensor()); }), "empty tensor"));
  CHECK(contains(message_of<ValueError>([] { make<Scale>()->compute_output_shape({3, unknown}); }), "[?]"));
  CHECK(contains(message_of<TypeError>([] { make<Scale>(LayerOptions{.dtype = int32}); }), "int32"));
}

TEST_CASE("a shared layer has one set of weights, and lives as long as somebody holds it") {
  const Ref<Scale> scale = make<Scale>();
  const Ref<Scale> same = scale;
  scale(Tensor::zeros({1, 2}));
  CHECK(same->weights()[0] == scale->weights()[0]);
  CHECK(same == scale);
  const Tensor y = make<Scale>()(Tensor::ones({1, 2}));
  CHECK(near(y, {1, 1}));
}

TEST_CASE("gradients by a custom layer's weights") {
  const Ref<Scale> scale = make<Scale>(LayerOptions{.dtype = float64});
  const Tensor x = some({2, 3});
  scale(x);
  const GradcheckResult result = gradcheck([&](const Tensor& input) { return sum(square(scale(input))); }, x,
                                           scale->trainable_weights());
  CHECK_MESSAGE(result, result.message);
}

namespace {

/// Takes what its spec says.
class Particular : public Layer {
 public:
  explicit Particular(std::vector<InputSpec> spec) : Layer({.name = "p"}) { set_input_spec(std::move(spec)); }
  std::vector<Tensor> call_all(const std::vector<Tensor>& inputs, const CallArgs&) override { return inputs; }
};

std::string refusal(InputSpec spec, const Tensor& x) {
  return message_of<ValueError>([&] { make<Particular>(std::vector<InputSpec>{spec})(x); });
}

}  // namespace

TEST_CASE("inputs that do not fit the spec: which, of which layer, what was expected and what was got") {
  const Tensor x = Tensor::ones({2, 3});
  const std::string rank = refusal({.ndim = 3}, x);
  CHECK(contains(rank, "p: input 0 is incompatible with the layer p: expected ndim=3, found ndim=2"));
  CHECK(contains(rank, "Full shape received: [2, 3]"));
  CHECK(contains(refusal({.max_ndim = 1}, x), "expected max_ndim=1, found ndim=2"));
  CHECK(contains(refusal({.min_ndim = 3}, x), "expected min_ndim=3, found ndim=2"));
  CHECK(contains(refusal({.dtype = int32}, x), "expected dtype=int32, got float32[2, 3]"));
  CHECK(
      contains(refusal({.axes = {{-1, 4}}}, x), "expected axis -1 of input shape to have value 4, found 3"));
  CHECK(contains(refusal({.shape = Shape{unknown, 4}}, x), "expected shape=[?, 4]"));
  CHECK(make<Particular>(std::vector<InputSpec>{{.shape = Shape{unknown, 3}, .axes = {{0, 2}}}})(x).shape() ==
        Shape{2, 3});
  const std::string count = message_of<ValueError>([&] { make<Particular>(std::vector<InputSpec>(2))(x); });
  CHECK(contains(count, "the layer p expected 2 inputs, got 1"));
}
