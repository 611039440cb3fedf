// The spellings of docs/from_r.md, in its order.
#include <doctest/doctest.h>

#include <unspool/unspool.h>

#include "../serialization/folder.h"

using namespace unspool;

TEST_CASE("from R: models") {
  const Sequential sequential({Input({8, 8})});
  Sequential model = Sequential() | layer_input({.shape = {8, 8}}) | layer_lstm({.units = 64});
  const Tensor x = Input({None, 16});
  const Tensor hidden = layer_dense(x, {.units = 8, .activation = "relu"});
  const Model functional(x, hidden);
  CHECK(functional(ones({2, 3, 16}), {.training = true}).shape() == Shape{2, 3, 8});
  CHECK(model.get_layer(0)->name() == model.get_layer("lstm")->name());
  model.set_weights(model.get_weights());
  CHECK(model.count_params() == 4 * 64 * (8 + 64 + 1));
  CHECK(clone_model(model).count_params() == model.count_params());
  CHECK(model.get_config().describe() == clone_model(model).get_config().describe());
  CHECK(model.freeze("lstm/*") > 0);
  model.reset_states();
  model.pop();
  CHECK(model.layers().empty());
}

TEST_CASE("from R: training") {
  const Folder folder;
  set_random_seed(1);
  Sequential model =
      Sequential() | layer_input({.shape = {5, 2}}) |
      layer_lstm({.units = 4, .kernel_regularizer = L2(1e-3), .recurrent_constraint = MaxNorm(2)}) |
      layer_dense({.units = 1, .kernel_initializer = Orthogonal()});
  const Tensor x = random_normal({16, 5, 2});
  const Tensor y = cast(sum(x, {1, 2}) > 0, float32);
  model.compile({.optimizer = "adam", .loss = "mse", .metrics = {"mae"}});
  model.compile({.optimizer = SGD({.momentum = 0.9}), .loss = "mse"});
  model.compile(
      {.optimizer = Adam({.learning_rate = CosineDecay({.initial_learning_rate = 0.1, .decay_steps = 1000})}),
       .loss = BinaryCrossentropy({.from_logits = true}),
       .metrics = {AUC(), Precision()}});
  const auto stop = EarlyStopping({.patience = 3, .restore_best_weights = true});
  const History history =
      model.fit(x, y,
                {.batch_size = 8,
                 .epochs = 2,
                 .verbose = 0,
                 .callbacks = {stop, ReduceLROnPlateau({.patience = 2}), CSVLogger(folder / "log.csv"),
                               ModelCheckpoint(folder / "best.keras", {.save_best_only = true}),
                               LambdaCallback({.on_epoch_end =
                                                   [](Index epoch, const Logs& logs) {
                                                     CHECK(logs.size() > static_cast<std::size_t>(epoch));
                                                   }})},
                 .validation_split = 0.25});
  model.fit(x, y, {.verbose = 0, .class_weight = {{0, 2.0}}, .sample_weight = {}});
  CHECK(history["loss"].size() == 2);
  save_curve(folder / "curve.svg", history);
  CHECK(model.evaluate(x, y, {.verbose = 0})["loss"] > 0);
  CHECK(argmax(model.predict(x)).shape() == Shape{16});
  CHECK(model.predict_on_batch(x).shape() == Shape{16, 1});
  CHECK(model.train_on_batch(x, y)["loss"] > 0);
  GradientTape tape;
  CHECK(tape.gradient(mean(model(x)), model.trainable_weights()).size() == 5);
}

TEST_CASE("from R: layers and cells") {
  const Tensor x = ones({1, 3, 8});
  CHECK(layer_lstm(x, {.units = 6, .return_sequences = true, .go_backwards = true}).shape() ==
        Shape{1, 3, 6});
  const Sequential stateful =
      Sequential({Input({.batch_shape = {1, None, 8}})}) | layer_lstm({.units = 6, .stateful = true});
  CHECK(stateful(x).shape() == Shape{1, 6});
  CHECK(layer_bidirectional(layer_gru({.units = 8}), {})(x).shape() == Shape{1, 16});
  CHECK(layer_time_distributed(layer_dense({.units = 8}), {})(x).shape() == Shape{1, 3, 8});
  CHECK(layer_rnn(LSTMCell({.units = 8}), {})(x).shape() == Shape{1, 8});
  const auto a = LSTMCell(4), b = LSTMCell(5);
  CHECK(RNN({a, b})(x).shape() == Shape{1, 5});
  CHECK(layer_lambda({.function = [](const Tensor& t) { return 2 * t; }})(x).shape() == x.shape());
  TextVectorization vectorize;
  vectorize.adapt({"to be", "or not"});
  CHECK(vectorize(std::vector<std::string>{"to"}).rank() == 2);
}

TEST_CASE("from R: data and tensors") {
  const std::vector<float> v = {1, 2, 3, 4, 5, 6};
  const Tensor x = Tensor::from(v, {1, 2, 3});
  CHECK(zeros({2, 3}).shape() == Shape{2, 3});
  CHECK(Tensor::from(v).shape() == Shape{6});
  CHECK(reshape(x, {-1, 3}).shape() == Shape{2, 3});
  CHECK(x[0].shape() == Shape{2, 3});
  CHECK(slice(Tensor::from(v), 0, 1, 4).to_vector<float>() == std::vector<float>{2, 3, 4});
  CHECK(gather(x[0], Tensor::of<std::int32_t>({1})).to_vector<float>() == std::vector<float>{4, 5, 6});
  CHECK(transpose(x, {0, 2, 1}).shape() == Shape{1, 3, 2});
  CHECK(matmul(x[0], transpose(x[0])).shape() == Shape{2, 2});
  CHECK(concat({x, x}, 1).shape() == Shape{1, 4, 3});
  CHECK(mean(x[0], 1).to_vector<float>() == std::vector<float>{2, 5});
  CHECK(where(x > 3, x, 0).to_vector<float>() == std::vector<float>{0, 0, 0, 4, 5, 6});
  CHECK(pad_sequences({{1, 2}, {3}}, {.maxlen = 20}).shape() == Shape{2, 20});
  CHECK(to_categorical(Tensor::of<std::int32_t>({1, 2}), 10).shape() == Shape{2, 10});
  CHECK(*timeseries_dataset_from_array(zeros({40, 1}), zeros({11, 1}), {.sequence_length = 30}).size() == 1);
  CHECK(*Dataset(zeros({64, 2}), zeros({64, 1})).batch(32).size() == 2);
  Normalization normalize;
  normalize->adapt(x);
  CHECK(normalize(x).shape() == x.shape());
}

TEST_CASE("from R: saving, and torch") {
  const Folder folder;
  const Sequential model({Input({5, 2}), LSTM(3)});
  model.save(folder / "m.keras");
  Model again = load_model(folder / "m.keras");
  model.save_weights(folder / "m.weights.h5");
  again.load_weights(folder / "m.weights.h5");
  const Tensor x = ones({1, 5, 2});
  CHECK(bool(all(equal(again.predict(x), model.predict(x)))));
  {
    NoGradient guard;
    CHECK(model(x).shape() == Shape{1, 3});
  }
  const Adam optimizer({.global_clipnorm = 1.0});
  const auto [clipped, norm] = clip_by_global_norm({x * 10}, 1.0);
  CHECK(float(norm) > 1);
  CHECK(float(sqrt(sum(square(clipped[0])))) == doctest::Approx(1));
}
