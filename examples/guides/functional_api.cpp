// The functional API: graphs of layers with several inputs and outputs, shared layers, residual connections,
// nested models and layers of one's own. The blocks have the order of Keras' guide of that name.
#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include <unspool/unspool.h>

#include "check.h"

using namespace unspool;
using guide::check;
using guide::check_throws;
using guide::near;
using guide::same;

namespace {

struct Digits {
  Tensor images;  // (1797, 64), 0 to 1
  Tensor labels;  // (1797), int32
};

Digits read_digits() {
  const Tensor table = read_csv("examples/data/digits.csv");
  return {slice(table, 1, 0, 64) / 16, cast(squeeze(slice(table, 1, 64, 65)), int32)};
}

// A layer that is called on the result of Input() becomes a node of a graph, and returns what can be passed
// to the next layer. A Model is the part of the graph from some inputs to some outputs.
Model first_model() {
  const Tensor inputs = Input({.shape = {64}});
  const Tensor image_inputs = Input({.shape = {8, 8, 1}});  // for images
  check(inputs.shape() == Shape{None, 64} && image_inputs.shape() == Shape{None, 8, 8, 1});
  check(inputs.dtype() == float32);

  const auto dense = Dense(64, "relu");
  Tensor x = dense(inputs);
  check(x.shape() == Shape{None, 64});
  x = Dense(64, "relu")(x);
  const Tensor outputs = Dense(10)(x);
  Model model(inputs, outputs, {.name = "digits_model"});
  model.summary();
  check(model.count_params() == 65 * 64 + 65 * 64 + 65 * 10);
  return model;
}

void training(Model model, const Digits& digits) {
  const Tensor x_train = slice(digits.images, 0, 0, 1500), y_train = slice(digits.labels, 0, 0, 1500);
  const Tensor x_test = slice(digits.images, 0, 1500, 1797), y_test = slice(digits.labels, 0, 1500, 1797);
  model.compile({.optimizer = RMSprop(),
                 .loss = SparseCategoricalCrossentropy({.from_logits = true}),
                 .metrics = {"accuracy"}});
  const History history =
      model.fit(x_train, y_train, {.batch_size = 64, .epochs = 5, .verbose = 0, .validation_split = 0.2});
  check(history["val_loss"].back() < history["val_loss"].front());

  const Logs test_scores = model.evaluate(x_test, y_test, {.verbose = 2});
  std::cout << "test loss: " << test_scores[0] << "\ntest accuracy: " << test_scores[1] << '\n';
  check(test_scores["accuracy"] > 0.7);
}

// A file holds the layers, the weights, what compile() was given, and the state of the optimizer.
void saving(Model model, const Digits& digits, const std::string& folder) {
  const Tensor x = slice(digits.images, 0, 0, 10);
  const Tensor y = model.predict(x);
  model.save(folder + "/functional_api.unspool");
  model = Model();
  model = load_model(folder + "/functional_api.unspool");
  check(same(model.predict(x), y) && model.compiled());
}

// One graph can be several models: an encoder, which turns a sequence into a vector, and the autoencoder that
// it is trained in.
void models_of_one_graph() {
  const Tensor encoder_input = Input({.shape = {24, 4}, .name = "sequence"});
  Tensor x = GRU({.units = 32, .return_sequences = true})(encoder_input);
  const Tensor encoder_output = GRU(16)(x);
  const Model encoder(encoder_input, encoder_output, {.name = "encoder"});
  encoder.summary();

  x = RepeatVector(24)(encoder_output);
  x = GRU({.units = 32, .return_sequences = true})(x);
  const Tensor decoder_output = TimeDistributed(Dense(4))(x);
  Model autoencoder(encoder_input, decoder_output, {.name = "autoencoder"});
  autoencoder.summary();
  check(autoencoder.outputs()[0].shape() == encoder_input.shape());

  // The models share their layers: training one trains the other.
  const Tensor data = random_uniform({32, 24, 4});
  const Tensor code = encoder.predict(data);
  autoencoder.compile({.optimizer = "adam", .loss = "mse"});
  autoencoder.fit(data, data, {.epochs = 2, .verbose = 0});
  check(encoder.predict(data).shape() == Shape{32, 16} && !near(encoder.predict(data), code));
}

Model make_scorer() {
  const Tensor inputs = Input({.shape = {128}});
  return Model(inputs, Dense(1)(inputs));
}

// A model can be called like a layer: on an Input, or on the output of another layer or model.
void models_as_layers() {
  const Tensor encoder_input = Input({.shape = {24, 4}, .name = "original_sequence"});
  const Tensor encoder_output = GRU(16)(encoder_input);
  const Model encoder(encoder_input, encoder_output, {.name = "encoder"});

  const Tensor decoder_input = Input({.shape = {16}, .name = "encoded_sequence"});
  Tensor x = RepeatVector(24)(decoder_input);
  x = GRU({.units = 16, .return_sequences = true})(x);
  const Tensor decoder_output = TimeDistributed(Dense(4))(x);
  const Model decoder(decoder_input, decoder_output, {.name = "decoder"});
  decoder.summary();

  const Tensor autoencoder_input = Input({.shape = {24, 4}, .name = "sequence"});
  const Tensor encoded = encoder(autoencoder_input);
  const Tensor decoded = decoder(encoded);
  const Model autoencoder(autoencoder_input, decoded, {.name = "autoencoder"});
  autoencoder.summary();
  const Tensor data = random_uniform({3, 24, 4});
  check(near(autoencoder.predict(data), decoder.predict(encoder.predict(data))));
  check(autoencoder.weights().size() == encoder.weights().size() + decoder.weights().size());

  // An ensemble: the mean of what three models say.
  const Model model1 = make_scorer(), model2 = make_scorer(), model3 = make_scorer();
  const Tensor inputs = Input({.shape = {128}});
  const Tensor y1 = model1(inputs), y2 = model2(inputs), y3 = model3(inputs);
  const Model ensemble_model(inputs, Average()({y1, y2, y3}));
  const Tensor sample = random_normal({5, 128});
  check(near(ensemble_model.predict(sample),
             (model1.predict(sample) + model2.predict(sample) + model3.predict(sample)) / 3));
}

// Customer tickets have a title, a text and tags; the model says how urgent each is, and for which
// department.
void several_inputs_and_outputs() {
  const Index num_tags = 12, num_words = 1000, num_departments = 4, tickets = 256;

  const Tensor title_input = Input({.shape = {None}, .name = "title"});    // words of any number
  const Tensor body_input = Input({.shape = {None}, .name = "body"});      // words of any number
  const Tensor tags_input = Input({.shape = {num_tags}, .name = "tags"});  // 0 or 1 for each tag

  Tensor title_features = Embedding(num_words, 16)(title_input);
  Tensor body_features = Embedding(num_words, 16)(body_input);
  title_features = LSTM(32)(title_features);
  body_features = LSTM(16)(body_features);
  const Tensor x = Concatenate()({title_features, body_features, tags_input});
  check(x.shape() == Shape{None, 32 + 16 + num_tags});

  const Tensor priority_pred = Dense({.units = 1, .name = "priority"})(x);
  const Tensor department_pred = Dense({.units = num_departments, .name = "department"})(x);
  Model model({title_input, body_input, tags_input}, {priority_pred, department_pred});
  check(model.inputs().size() == 3 && model.outputs().size() == 2);

  const Tensor title_data = random_integers({tickets, 10}, 0, num_words);
  const Tensor body_data = random_integers({tickets, 30}, 0, num_words);
  const Tensor tags_data = random_bernoulli({tickets, num_tags}, 0.5);
  const Tensor priority_targets = random_uniform({tickets, 1});
  const Tensor dept_targets = one_hot(random_integers({tickets}, 0, num_departments), num_departments);

  // Each output has a loss, and each loss a weight: in the order of the outputs, or by their names, which are
  // those of the layers.
  model.compile(
      {.optimizer = RMSprop(1e-3),
       .loss = {BinaryCrossentropy({.from_logits = true}), CategoricalCrossentropy({.from_logits = true})},
       .loss_weights = {1.0, 0.2}});
  model.compile({.optimizer = RMSprop(1e-3),
                 .loss = {{"priority", BinaryCrossentropy({.from_logits = true})},
                          {"department", CategoricalCrossentropy({.from_logits = true})}},
                 .loss_weights = {{"priority", 1.0}, {"department", 0.2}}});
  const History history = model.fit({{"title", title_data}, {"body", body_data}, {"tags", tags_data}},
                                    {{"priority", priority_targets}, {"department", dept_targets}},
                                    {.batch_size = 32, .epochs = 3, .verbose = 0});
  check(history["loss"].back() < history["loss"].front());
  check(near(history["loss"][0], history["priority_loss"][0] + 0.2 * history["department_loss"][0], 1e-4));

  const auto predicted = model.predict({title_data, body_data, tags_data});
  check(predicted[0].shape() == Shape{tickets, 1} && predicted[1].shape() == Shape{tickets, num_departments});
}

// A toy ResNet. Its layers are not a stack, since each block adds its input to its output. A row of the image
// is a step.
Model toy_resnet(const Digits& digits) {
  const Tensor inputs = Input({.shape = {8, 8}, .name = "img"});
  Tensor x = TimeDistributed(Dense(16, "relu"))(inputs);
  const Tensor block_1_output = GRU({.units = 32, .return_sequences = true, .name = "block_1"})(x);

  x = GRU({.units = 32, .return_sequences = true})(block_1_output);
  x = GRU({.units = 32, .return_sequences = true})(x);
  const Tensor block_2_output = Add({.name = "block_2"})({x, block_1_output});

  x = GRU({.units = 32, .return_sequences = true})(block_2_output);
  x = GRU({.units = 32, .return_sequences = true})(x);
  const Tensor block_3_output = Add({.name = "block_3"})({x, block_2_output});

  x = GRU({.units = 32, .return_sequences = true})(block_3_output);
  x = GlobalAveragePooling1D()(x);
  x = Dense(64, "relu")(x);
  x = Dropout(0.5)(x);
  const Tensor outputs = Dense(10)(x);
  Model model(inputs, outputs, {.name = "toy_resnet"});
  model.summary();

  const Tensor x_train = reshape(digits.images, {-1, 8, 8});
  const Tensor y_train = one_hot(digits.labels, 10);
  model.compile({.optimizer = RMSprop(1e-3),
                 .loss = CategoricalCrossentropy({.from_logits = true}),
                 .metrics = {"acc"}});
  const History history = model.fit(slice(x_train, 0, 0, 1000), slice(y_train, 0, 0, 1000),
                                    {.batch_size = 64, .epochs = 4, .verbose = 0, .validation_split = 0.2});
  check(history["loss"].back() < history["loss"].front());
  check(history["acc"].back() > history["acc"].front());
  return model;
}

// A layer that is called twice has its weights once.
void shared_layers() {
  const auto shared_embedding = Embedding(1000, 128);
  const Tensor text_input_a = Input({.shape = {None}, .dtype = int32});
  const Tensor text_input_b = Input({.shape = {None}, .dtype = int32});
  const Tensor encoded_input_a = shared_embedding(text_input_a);
  const Tensor encoded_input_b = shared_embedding(text_input_b);
  const Model model({text_input_a, text_input_b}, {encoded_input_a, encoded_input_b});
  check(model.weights().size() == 1);
  const Tensor words = Tensor::of<std::int32_t>({{4, 5, 6}});
  const auto encoded = model.predict({words, words});
  check(same(encoded[0], encoded[1]));
}

// The graph of a model can be read: here the outputs of all its layers become a model that extracts features.
void feature_extraction(const Model& resnet) {
  std::vector<Tensor> features_list;
  for (const auto& layer : resnet.layers()) features_list.push_back(layer.output());
  const Model feat_extraction_model(resnet.inputs(), features_list);

  const Tensor img = random_uniform({1, 8, 8});
  const auto extracted_features = feat_extraction_model(img).all();
  check(extracted_features.size() == resnet.layers().size());
  check(same(extracted_features.back(), resnet.predict(img)));
}

// A layer of your own: build() makes the weights, call() computes. get_config() and from_config() let it be
// saved.
class CustomDense : public Layer {
 public:
  explicit CustomDense(Index units = 32) : units_(units) {}
  void build(const Shape& input_shape) override {
    w_ = add_weight({.name = "w", .shape = {input_shape.back(), units_}, .initializer = "random_normal"});
    b_ = add_weight({.name = "b", .shape = {units_}, .initializer = "random_normal"});
  }
  Tensor call(const Tensor& inputs, const CallArgs&) override { return matmul(inputs, w_) + b_; }

  Config get_config() const override { return Layer::get_config().set("units", units_); }
  static Ref<CustomDense> from_config(const Config& config) {
    return make<CustomDense>(config["units"].as<Index>());
  }

 private:
  Index units_;
  Variable w_, b_;
};

void custom_layers() {
  const Tensor inputs = Input({.shape = {4}});
  const Tensor outputs = make<CustomDense>(10)(inputs);
  const Model model(inputs, outputs);
  check(model.predict(ones({2, 4})).shape() == Shape{2, 10});

  // Registered by a name, the class can stand in configs.
  register_layer<CustomDense>("guide>CustomDense");
  const Config config = serialize_layer(*model.network());
  const Model new_model(layer_from_config(config));
  check(new_model.count_params() == model.count_params());
  new_model.set_weights(model.get_weights());
  check(same(new_model.predict(ones({2, 4})), model.predict(ones({2, 4}))));
}

// The same network by the functional API and as a class.
class MLP : public Layer {
 public:
  Tensor call(const Tensor& inputs, const CallArgs&) override {
    const Tensor x = dense_1_(inputs);
    return dense_2_(x);
  }

 private:
  Ref<layers::Dense> dense_1_ = add_layer("dense_1", Dense(64, "relu"));
  Ref<layers::Dense> dense_2_ = add_layer("dense_2", Dense(10));
};

void when_to_use_it() {
  const Tensor inputs = Input({.shape = {32}});
  const Tensor x = Dense(64, "relu")(inputs);
  const Model mlp(inputs, Dense(10)(x));

  const Model subclassed(make<MLP>());
  check(subclassed.weights().empty());  // It is built by its first call.
  subclassed(zeros({1, 32}));
  subclassed.set_weights(mlp.get_weights());
  const Tensor data = random_normal({3, 32});
  check(same(subclassed(data), mlp(data)));

  // A graph is checked while it is made: this LSTM expects sequences.
  check_throws<ValueError>([&] { LSTM(3)(inputs); });
  // A graph of layers of the library is data: it can be copied and saved without the code that made it.
  const auto copy = clone(mlp.network());
  check(copy.get_config() == mlp.get_config());
}

// Models and layers of all kinds can be mixed. This layer is a loop in plain C++, and ends in a functional
// model.
constexpr Index units = 32, timesteps = 10, input_dim = 5, batch_size = 16;

class CustomRNN : public Layer {
 public:
  explicit CustomRNN(const Ref<Layer>& classifier) : classifier_(add_layer("classifier", classifier)) {}

  Tensor call(const Tensor& inputs, const CallArgs&) override {
    std::vector<Tensor> outputs;
    Tensor state = zeros({inputs.shape()[0], units});
    for (const Tensor& x : unstack(inputs, 1)) {
      state = projection_1_(x) + projection_2_(state);
      outputs.push_back(state);
    }
    return classifier_(stack(outputs, 1));
  }

 private:
  Ref<layers::Dense> projection_1_ = add_layer("projection_1", Dense(units, "tanh"));
  Ref<layers::Dense> projection_2_ = add_layer("projection_2", Dense(units, "tanh"));
  Ref<Layer> classifier_;
};

void mix_and_match() {
  const Tensor features = Input({.shape = {None, units}});
  const Model classifier(features, Dense(1)(GlobalAveragePooling1D()(features)));
  const auto rnn_model = make<CustomRNN>(classifier);
  check(rnn_model(zeros({1, timesteps, input_dim})).shape() == Shape{1, 1});
  check(rnn_model.weights().size() == 6);

  // In a functional model: the batch may be given, or be left unknown.
  for (const Tensor& inputs : {Input({.batch_shape = {batch_size, timesteps, input_dim}}),
                               Input({.shape = {timesteps, input_dim}})}) {
    const Tensor x = TimeDistributed(Dense(8))(inputs);
    const Tensor outputs = make<CustomRNN>(Dense(1))(x);
    Model model(inputs, outputs);
    const Tensor data = random_normal({batch_size, timesteps, input_dim});
    check(model(data).shape() == Shape{batch_size, timesteps, 1});
    model.compile({.optimizer = "adam", .loss = "mse"});
    const History history = model.fit(data, ones({batch_size, timesteps, 1}),
                                      {.batch_size = batch_size, .epochs = 3, .verbose = 0});
    check(history["loss"].back() < history["loss"].front());
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::string folder = guide::folder(argc, argv);
  set_seed(1);
  const Digits digits = read_digits();
  const Model model = first_model();
  training(model, digits);
  saving(model, digits, folder);
  models_of_one_graph();
  models_as_layers();
  several_inputs_and_outputs();
  const Model resnet = toy_resnet(digits);
  shared_layers();
  feature_extraction(resnet);
  custom_layers();
  when_to_use_it();
  mix_and_match();
  std::cout << "functional_api: all checks hold\n";
}
