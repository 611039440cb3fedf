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
