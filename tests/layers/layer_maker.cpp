#include <functional>

#include "support.h"

using namespace unspool;
using namespace unspool::testing;

namespace {

struct ScaledOptions {
  required<double> factor;
  std::string name = {};
  bool trainable = true;
  DType dtype = float32;
  Regularizer activity_regularizer = {};

  static const Fields& fields() {
    using O = ScaledOptions;
    static const Fields all =
        fields_of<O>(field("factor", &O::factor), field("name", &O::name), field("trainable", &O::trainable),
                     field("dtype", &O::dtype), field("activity_regularizer", &O::activity_regularizer));
    return all;
  }
};

/// As a user writes one with options.
class Scaled : public OptionsLayer<ScaledOptions> {
 public:
  explicit Scaled(ScaledOptions options) : OptionsLayer(std::move(options)) {}
  Tensor call(const Tensor& x, const CallArgs&) override { return x * options_.factor.value(); }
};

}  // namespace

TEST_CASE("a layer is made from options, or from values for the first ones in the order of Keras") {
  CHECK(Dense(10)->options().units == 10);
  CHECK(Dense(10, "relu")->options().activation.name() == "relu");
  CHECK(LSTM(64)->options().units == 64);
  CHECK(LSTMCell(3)->options().units == 3);
  CHECK(Embedding(1000, 64)->options().output_dim == 64);
  CHECK(Dropout(0.5)->options().rate == 0.5);
  CHECK(Dropout(0)->options().rate == 0);
  CHECK(Masking(-1)->options().mask_value == -1);
  CHECK(RepeatVector(3)->options().n == 3);
  CHECK(ReLU(6)->options().max_value == 6);
  CHECK(Softmax(-2)(Tensor::ones({2, 3})).shape() == Shape{2, 3});
  CHECK(ActivationLayer("relu")->options().activation.value().name() == "relu");
  CHECK(Reshape({3, 2})(Tensor::ones({1, 6})).shape() == Shape{1, 3, 2});
  CHECK(Permute({2, 1})(Tensor::ones({1, 2, 3})).shape() == Shape{1, 3, 2});
  CHECK(Dot(1)({Tensor::ones({1, 3}), Tensor::ones({1, 3})}).shape() == Shape{1, 1});
  CHECK(Dot({2, 1})({Tensor::ones({1, 2, 3}), Tensor::ones({1, 3, 4})}).shape() == Shape{1, 2, 4});
  CHECK(near(Lambda([](const Tensor& x) { return x * 2; })(Tensor::ones({1, 2})), {2, 2}));
  CHECK(Concatenate(1)->options().axis == 1);
  CHECK(Flatten()->options().data_format == "channels_last");
  CHECK(Flatten({})->options().data_format == "channels_last");
  CHECK(TimeDistributed(Dense(2))(Tensor::ones({1, 3, 4})).shape() == Shape{1, 3, 2});
  CHECK_THROWS_AS(Dropout(2), ValueError);
}

TEST_CASE("regularizers, constraints and initializers take values for their first options") {
  CHECK(L2(0.5) == L2({.l2 = 0.5}));
  CHECK(L2(1) == L2({.l2 = 1}));
  CHECK(L2({}) == L2());
  CHECK(L1L2(0.1, 0.2) == L1L2({.l1 = 0.1, .l2 = 0.2}));
  CHECK(MaxNorm(3) == MaxNorm({.max_value = 3}));
  CHECK(MinMaxNorm(0.5, 2) == MinMaxNorm({.min_value = 0.5, .max_value = 2}));
  CHECK(Constant(1) == Constant({.value = 1}));
  CHECK(RandomNormal(0, 0.1, 42) == RandomNormal({.mean = 0, .stddev = 0.1, .seed = 42}));
  CHECK(Orthogonal(2) == Orthogonal({.gain = 2}));
}

TEST_CASE("classes of one's own are made with their options, too") {
  CHECK(near(make<Scaled>({.factor = 3})(Tensor::ones({2})), {3, 3}));
  const ScaledOptions options = {.factor = 4};
  CHECK(near(make<Scaled>(options)(Tensor::ones({1})), {4}));
  CHECK(near(make<Scaled>(ScaledOptions{.factor = 5})(Tensor::ones({1})), {5}));
  CHECK(make<layers::Dense>({.units = 3})->options().units == 3);
}

TEST_CASE("outputs of recurrent layers can be declared together") {
  const Tensor x = Tensor::ones({2, 3, 4});
  auto [y, h, c] = LSTM({.units = 5, .return_sequences = true, .return_state = true})(x);
  CHECK(y.shape() == Shape{2, 3, 5});
  CHECK(h.shape() == Shape{2, 5});
  CHECK(c.shape() == Shape{2, 5});
  auto [z, state] = GRU({.units = 5, .return_state = true})(Input({.shape = {3, 4}}));
  CHECK(state.shape() == Shape{unknown, 5});
  const Tensor one = LSTM(5)(x);
  CHECK(one.shape() == Shape{2, 5});
  const std::string message = message_of<ValueError>([&] { auto [a, b] = SimpleRNN(5)(x); });
  CHECK(contains(message, "expected 2 outputs"));
  CHECK(contains(message, "return_state = true"));
}

TEST_CASE("the members of every layer are reached by dot as by arrow") {
  const auto dense = Dense({.units = 3, .name = "d"});
  CHECK_FALSE(dense.built());
  dense.build({unknown, 4});
  CHECK(dense.built());
  CHECK(dense.weights().size() == 2);
  CHECK(dense->weights().size() == 2);
  CHECK(dense.trainable_weights().size() == 2);
  CHECK(dense.count_params() == 15);
  dense.set_weights(dense.get_weights());
  dense.set_trainable(false);
  CHECK_FALSE(dense.trainable());
  CHECK(dense.name() == "d");
  const Ref<Layer> merge = Concatenate();
  merge.build({Shape{1, 2}, Shape{1, 3}});
  CHECK(merge.built());
}

TEST_CASE("layers of a model can be called") {
  const Sequential model({Input({.shape = {4}}), Dense(3), Dense(2)});
  CHECK(model.layers()[0](Tensor::ones({1, 4})).shape() == Shape{1, 3});
  CHECK(model.get_layer(model.layers()[1].name())(Tensor::ones({1, 3})).shape() == Shape{1, 2});
  const Ref<LayerBase> cell = LSTM(2)->cell();
  CHECK(contains(message_of<TypeError>([&] { cell(Tensor::ones({1, 2})); }), "got the cell"));
}

TEST_CASE("a layer is declared like a variable, and copies share it") {
  LSTM lstm({.units = 5, .use_bias = false, .return_state = true});
  CHECK_FALSE(lstm.options().use_bias);
  CHECK(lstm.options().return_state);
  Dense dense(3, "relu");
  Dense other = dense;
  CHECK(other == dense);
  other = Dense({.units = 4, .use_bias = false});
  CHECK(other.options().units == 4);
  CHECK(dense.options().units == 3);
  const std::vector<Dense> all{dense, Dense(7)};
  const std::vector<Dense> copies = all;
  CHECK(copies[1].pointer() == all[1].pointer());
  const Ref<Layer> base = copies[0];
  CHECK(base.pointer() == dense.pointer());
  const std::function<Tensor(const Tensor&)> run = [dense](const Tensor& x) { return dense(x); };
  CHECK(run(Tensor::ones({1, 2})).shape() == Shape{1, 3});
  Dense moved = std::move(other);
  CHECK_FALSE(other);  // NOLINT: an empty Ref is what is left
  CHECK(moved.options().units == 4);
  CHECK(Dense({10, "relu"})->options().activation.name() == "relu");
  const Masking masking;
  CHECK(masking.options().mask_value == 0);
  // A wrapper is a function, so that wrapping twice is not a copy.
  const auto twice = TimeDistributed(TimeDistributed(Dense(3)));
  CHECK(twice(Tensor::ones({1, 2, 3, 4})).shape() == Shape{1, 2, 3, 3});
}

TEST_CASE("the members of recurrent layers are reached by dot, and their states start another call") {
  LSTM lstm({.units = 2, .stateful = true});
  const Tensor x = counting({1, 3, 4});
  lstm(x);
  const std::vector<Tensor> after = {lstm.states()[0], lstm.states()[1]};
  const Tensor next = lstm(x);
  lstm.reset_states(after);
  CHECK(near(lstm(x, {.initial_state = after}), next.to_vector<double>()));
  lstm.reset_states(after);
  CHECK(near(lstm(x, {.initial_state = lstm.states()}), next.to_vector<double>()));
  lstm.reset_states();
  CHECK(near(lstm.states()[0], {0, 0}));
  CHECK(lstm.get_initial_state(5)[0].shape() == Shape{5, 2});
  CHECK(lstm.cell()->state_sizes().size() == 2);
  GRU gru({.units = 2});
  const Tensor h = Tensor::ones({1, 2});
  CHECK(near(gru(x, {.initial_state = h}), gru(x, {.initial_state = {h}}).to_vector<double>()));
  CHECK(near(Masking().compute_mask(Tensor::of({{{0}, {1}}})), {0, 1}));
}

TEST_CASE("a layer of a model is converted to its class") {
  const Sequential model({Input({.shape = {2, 3}}), LSTM({.units = 4, .name = "encoder"}), Dense(1)});
  const Ref<Layer> layer = model.get_layer("encoder");
  const LSTM lstm(model.get_layer("encoder"));
  CHECK(lstm.options().units == 4);
  CHECK(lstm == layer);
  const Sequential head({Input({.shape = {2, 3}}), model.layers()[0]});
  CHECK(head(Tensor::ones({1, 2, 3})).shape() == Shape{1, 4});
  CHECK(contains(message_of<TypeError>([&] { const Dense dense(model.get_layer("encoder")); }),
                 "expected a Ref of a layer of the class Dense, got the LSTM \"encoder\""));
}
