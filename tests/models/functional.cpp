#include "../layers/support.h"
#include "../serialization/folder.h"

using namespace unspool;
using namespace unspool::testing;

namespace {

/// Each step that is zero is masked.
class NonZero : public Layer {
 public:
  Tensor call(const Tensor& x, const CallArgs&) override { return x * 1; }
  Tensor compute_mask(const std::vector<Tensor>& inputs, const Tensor&) override {
    return any(not_equal(inputs.at(0), 0), {-1});
  }
};

class Penalty : public Layer {
 public:
  Tensor call(const Tensor& x, const CallArgs&) override {
    add_loss(mean(square(x)));
    return x * 1;
  }
};

}  // namespace

TEST_CASE("a model of a graph is trained") {
  set_seed(1);
  const Tensor x = Input({.shape = {2}});
  const Tensor hidden = Dense({.units = 8, .activation = "tanh"})(x);
  Model model(x, Dense({.units = 1})(hidden) + Dense({.units = 1})(x), {.name = "two_ways"});
  CHECK(model.name() == "two_ways");
  CHECK(model.layers().size() == 4);
  CHECK(model.weights().size() == 6);
  const Tensor data = some({64, 2}, float32);
  const Tensor labels = sum(data, {1}, true) * 3;
  model.compile({.optimizer = Adam({.learning_rate = 0.05}), .loss = "mse"});
  const double before = model.evaluate(data, labels, {.verbose = 0})["loss"];
  model.fit(data, labels, {.epochs = 40, .verbose = 0});
  const double after = model.evaluate(data, labels, {.verbose = 0})["loss"];
  CHECK(after < 0.01 * before);
  CHECK(model.predict(data).shape() == Shape{64, 1});
}

TEST_CASE("several inputs: an encoder and a decoder with symbolic states learn to repeat") {
  set_seed(3);
  const Tensor source = Input({.shape = {unknown, 2}});
  const Tensor target = Input({.shape = {unknown, 2}});
  const auto [last, state] = unpack<2>(SimpleRNN({.units = 12, .return_state = true})(source));
  const Tensor decoded =
      SimpleRNN({.units = 12, .return_sequences = true})(target, {.initial_state = {state}});
  Model model({source, target}, Dense({.units = 2})(decoded));
  CHECK(model.layers().size() == 5);
  const Tensor x = some({48, 4, 2}, float32);
  const Tensor start = Tensor::zeros({48, 4, 2});
  model.compile({.optimizer = Adam({.learning_rate = 0.01}), .loss = "mse"});
  const History history = model.fit({x, start}, x, {.epochs = 60, .verbose = 0});
  const auto& losses = history.history["loss"];
  CHECK(losses.back() < 0.5 * losses.front());
  // Any number of steps.
  CHECK(model.predict({some({3, 7, 2}, float32), Tensor::zeros({3, 5, 2})}).shape() == Shape{3, 5, 2});
  // The decoder hears of the source through the state alone: there is a gradient by the encoder's weights.
  GradientTape tape;
  const Tensor loss = sum(square(model({x, start})));
  for (const Tensor& gradient : tape.gradient(loss, model->trainable_weights())) CHECK(gradient);
}

TEST_CASE("inputs and outputs by name") {
  const Tensor a = Input({.shape = {2}});
  const Tensor b = Input({.shape = {3}});
  const Tensor left = Dense({.units = 1})(a);
  const Tensor right = Dense({.units = 2})(concatenate({a, b}, 1));
  const Model both({.inputs = {a, b}, .outputs = {left, right}, .name = "both"});
  CHECK(both.name() == "both");
  const Tensor x = some({4, 2}, float32);
  const Tensor y = some({4, 3}, float32);
  const Outputs expected = Model({a, b}, {left, right}).predict({x, y});
  const Outputs got = both.predict({x, y});
  CHECK(all(equal(got[0], expected[0])).item<bool>());
  CHECK(all(equal(got[1], expected[1])).item<bool>());
  const Model inner({.inputs = both.inputs(), .outputs = both.get_layer(Index{2})->output()});
  CHECK(inner.outputs().size() == 1);
  const Model frozen({.inputs = a, .outputs = left, .trainable = false});
  CHECK(frozen.trainable_weights().empty());
}

TEST_CASE("gradients of a shared layer are summed over its calls") {
  const Ref<layers::Dense> shared = Dense({.units = 2, .activation = "tanh", .dtype = float64});
  const Ref<layers::SimpleRNN> rnn = SimpleRNN({.units = 2, .return_sequences = true, .dtype = float64});
  const Tensor a = Input({.shape = {3, 2}, .dtype = float64});
  const Tensor b = Input({.shape = {3, 2}, .dtype = float64});
  // One on top of the other, and beside each other.
  const Model model({a, b}, shared(rnn(shared(a))) + rnn(shared(b)));
  CHECK(model.weights().size() == 5);
  const Tensor y = some({2, 3, 2});
  const Tensor z = some({2, 3, 2}, float64, 4);
  const GradcheckResult result = gradcheck(
      [&](const Tensor& x) {
        return sum(square(model({x, z})));
      },
      y, model->trainable_weights());
  CHECK_MESSAGE(result, result.message);
}

TEST_CASE("masks reach the loss and the gradient: what is masked has no influence") {
  const Tensor x = Input({.shape = {unknown, 2}});
  const Tensor marked = make<NonZero>()(x);
  const Ref<layers::SimpleRNN> rnn = SimpleRNN({.units = 3});
  const Model model(x, rnn(marked));
  const Tensor data = Tensor::of<float>({{{1, 2}, {3, 4}, {0, 0}, {0, 0}}});
  const Tensor shorter = Tensor::of<float>({{{1, 2}, {3, 4}}});
  CHECK(near(model(data), model(shorter).to_vector<double>(), 0));
  CHECK(near(model.predict(data), model.predict(shorter).to_vector<double>(), 0));
}

TEST_CASE("losses that layers of the graph add are part of training, and not of prediction") {
  const Tensor x = Input({.shape = {2}});
  Model model(x, make<Penalty>()(Dense({.units = 2, .kernel_initializer = "ones"})(x)));
  model.compile({.optimizer = SGD({.learning_rate = 0.1})});
  const Tensor data = Tensor::ones({4, 2});
  CHECK(model.evaluate(data, {}, {.verbose = 0})["loss"] == doctest::Approx(4));
  CHECK(model->losses().size() == 1);
  model.predict(data * 100);
  CHECK(near(model->losses()[0], {4}));
  model.fit(data, {}, {.epochs = 5, .verbose = 0});
  CHECK(model.evaluate(data, {}, {.verbose = 0})["loss"] < 1);
}

TEST_CASE("models within models, all outputs of a call, and a Sequential on a symbolic tensor") {
  const Tensor x = Input({.shape = {4, 2}});
  const Model encoder(x, SimpleRNN({.units = 3, .return_state = true})(x));
  CHECK(encoder(Tensor::ones({2, 4, 2})).all().size() == 2);
  Sequential tail({Dense({.units = 5}), Dense({.units = 1})});
  const Model whole(x, tail(unpack<2>(encoder(x))[1]));
  CHECK(whole.layers().size() == 3);
  CHECK(whole.weights().size() == 7);
  const Tensor data = some({3, 4, 2}, float32);
  CHECK(near(whole(data), tail(encoder(data).all()[1]).to_vector<double>(), 0));
  // In a Sequential, too.
  const Sequential around({Input({.shape = {4, 2}}), whole, Dense({.units = 2})});
  CHECK(around(data).shape() == Shape{3, 2});
  CHECK(around.weights().size() == 9);
}

TEST_CASE("errors of a model of a graph") {
  const Tensor x = Input({.shape = {2}});
  const Tensor y = Dense({.units = 1, .name = "d"})(Input({.shape = {2}, .name = "other"}));
  const std::string message = message_of<ValueError>([&] { Model(x, y, {.name = "m"}); });
  CHECK(contains(message, "graph disconnected"));
  CHECK(contains(message, "the layer d of the model m"));
  CHECK(contains(message, "the Input other"));
  CHECK(contains(message, "add it to them"));
  CHECK(contains(message_of<ValueError>([&] { Model(y, y); }), "the result of Input()"));
}

TEST_CASE("inputs, outputs and the summary of a model of a graph") {
  const Tensor x = Input({.shape = {8}, .name = "x"});
  const Ref<layers::Dense> dense = Dense({.units = 8, .name = "dense"});
  const Tensor y = Dense({.units = 10, .name = "dense_1"})(dense(dense(x)) + x);
  const Model model(x, y, {.name = "functional"});
  CHECK(model.inputs().at(0).id() == x.id());
  CHECK(model.outputs().at(0).id() == y.id());
  CHECK(model.summary_text({.line_length = 76}) == R"(Model: "functional"
┏━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━┓
┃ Layer (type)        ┃ Output Shape      ┃    Param # ┃ Connected to      ┃
┡━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━┩
│ x (InputLayer)      │ (None, 8)         │          0 │ -                 │
├─────────────────────┼───────────────────┼────────────┼───────────────────┤
│ dense (Dense)       │ (None, 8)         │         72 │ x[0][0],          │
│                     │                   │            │ dense[0][0]       │
├─────────────────────┼───────────────────┼────────────┼───────────────────┤
│ add (Add)           │ (None, 8)         │          0 │ dense[1][0],      │
│                     │                   │            │ x[0][0]           │
├─────────────────────┼───────────────────┼────────────┼───────────────────┤
│ dense_1 (Dense)     │ (None, 10)        │         90 │ add[0][0]         │
└─────────────────────┴───────────────────┴────────────┴───────────────────┘
 Total params: 162 (648.00 B)
 Trainable params: 162 (648.00 B)
 Non-trainable params: 0 (0.00 B)
)");
}

TEST_CASE("weights of a graph are saved and loaded") {
  const Folder folder;
  const Tensor x = Input({.shape = {3}});
  const auto made = [&] { return Model(x, Dense({.units = 2})(x) * 2, {.name = "m"}); };
  const Model model = made();
  Model other = made();
  model.save_weights(folder / "weights");
  other.load_weights(folder / "weights");
  const Tensor data = some({2, 3}, float32);
  CHECK(near(other(data), model(data).to_vector<double>(), 0));
}

TEST_CASE("a model of a graph is saved whole, and goes on training from the file to the bit") {
  const Folder folder;
  const Tensor a = Input({.shape = {unknown, 2}, .name = "a"});
  const Tensor b = Input({.shape = {unknown, 2}, .name = "b"});
  const Ref<layers::Dense> shared = Dense({.units = 3, .activation = "tanh"});
  const auto [last, state] =
      unpack<2>(GRU({.units = 3, .dropout = 0.25, .seed = 3, .return_state = true})(shared(a)));
  const Tensor decoded =
      LSTM({.units = 3, .return_sequences = true})(shared(b) * 2, {.initial_state = {state, last}});
  Model model({a, b}, Dense({.units = 2})(tanh(decoded) + shared(b)), {.name = "m"});
  model.compile({.optimizer = Adam({.learning_rate = 0.01}), .loss = "mse"});
  const Tensor x = some({16, 4, 2}, float32);
  const Tensor y = some({16, 5, 2}, float32, 3);
  model.fit({x, y}, y, {.batch_size = 8, .epochs = 2, .verbose = 0});
  model.save(folder / "model");
  Model other = load_model(folder / "model");
  CHECK(other.name() == "m");
  CHECK(other.inputs().size() == 2);
  CHECK(other.layers().size() == model.layers().size());
  CHECK(other.predict({x, y}).to_vector<float>() == model.predict({x, y}).to_vector<float>());
  for (Model* one : {&model, &other}) {
    one->fit({x, y}, y, {.batch_size = 8, .epochs = 4, .verbose = 0, .initial_epoch = 2});
  }
  const std::vector<Tensor> first = model.get_weights();
  const std::vector<Tensor> second = other.get_weights();
  REQUIRE(first.size() == second.size());
  for (std::size_t i = 0; i < first.size(); ++i) {
    CHECK(first[i].to_vector<float>() == second[i].to_vector<float>());
  }
}

TEST_CASE("a Sequential around a graph is saved with it") {
  const Folder folder;
  const Tensor x = Input({.shape = {4, 2}});
  const Model inner(x, SimpleRNN({.units = 3})(x * 2) + 1);
  const Sequential model({Input({.shape = {4, 2}}), inner, Dense({.units = 2})});
  model.save(folder / "model");
  const Tensor data = some({3, 4, 2}, float32);
  CHECK(near(load_model(folder / "model")(data), model(data).to_vector<double>(), 0));
}

TEST_CASE("several outputs are indexed by output, and one output is a tensor") {
  const Tensor x = Input({.shape = {3}});
  const Tensor one = Dense({.units = 2})(x);
  const Tensor other = Dense({.units = 4})(x);
  Model model(x, {one, other});
  const Tensor data = some({5, 3}, float32);
  const Outputs outputs = model.predict(data);
  CHECK(outputs[0].shape() == Shape{5, 2});
  CHECK(model.predict(data)[1].shape() == Shape{5, 4});
  CHECK(outputs[-1].shape() == Shape{5, 4});
  CHECK_THROWS_WITH_AS(outputs[2], "expected the position of one of 2 outputs, got 2", IndexError);
  CHECK_THROWS_WITH_AS(outputs.shape(), doctest::Contains("outputs[1]"), ValueError);
  CHECK_THROWS_WITH_AS(sum(outputs), doctest::Contains("outputs[1]"), ValueError);
  CHECK_THROWS_WITH_AS(unpack<3>(outputs), "unpack<3>: expected a call with 3 outputs, got 2", ValueError);
  CHECK(LSTM({.units = 2, .return_state = true})(some({5, 4, 3}, float32))[2].shape() == Shape{5, 2});

  Model single(x, other);
  CHECK(single.predict(data)[1].shape() == Shape{4});
  CHECK(single.predict(data).shape() == Shape{5, 4});

  CHECK_THROWS_WITH_AS(model.compile({.optimizer = "sgd", .metrics = {"mae"}}),
                       doctest::Contains("compile: metrics: expected 2 values"), ValueError);
}
