#include <doctest/doctest.h>
#include <iostream>
#include <sstream>

#include <unspool/autograd/arithmetic.h>
#include <unspool/autograd/random.h>
#include <unspool/core/error.h>
#include <unspool/layers/dense.h>
#include <unspool/layers/input.h>
#include <unspool/layers/lstm.h>
#include <unspool/layers/registry.h>
#include <unspool/models/model_checkpoint.h>
#include <unspool/models/saving.h>
#include <unspool/models/sequential.h>
#include <unspool/optim/adagrad.h>
#include <unspool/optim/adam.h>
#include <unspool/optim/sgd.h>
#include <unspool/serialization/archive.h>
#include <unspool/serialization/file.h>
#include <unspool/serialization/internal/hdf5.h>
#include <unspool/serialization/internal/zip.h>
#include <unspool/serialization/npz.h>
#include <unspool/serialization/safetensors.h>

#include "../serialization/folder.h"
#include "../support/errors.h"
#include "../support/same_bits.h"

using namespace unspool;
using namespace unspool::testing;

namespace {

Sequential tower(std::uint64_t seed, Index width = 3, const std::string& head = "head") {
  set_seed(seed);
  return Sequential({Input({.shape = {4, 2}}), LSTM({.units = 2, .name = "lstm"}),
                     Dense({.units = width, .name = "hidden"}), Dense({.units = 1, .name = head})},
                    {.name = "tower"});
}

const std::vector<std::string> weight_names = {"w.unspool", "w.weights.h5", "w.safetensors", "w.npz"};

/// What is printed to std::cerr while this lives.
class Warnings {
 public:
  Warnings() : before_(std::cerr.rdbuf(text_.rdbuf())) {}
  ~Warnings() { std::cerr.rdbuf(before_); }
  Warnings(const Warnings&) = delete;
  Warnings& operator=(const Warnings&) = delete;
  std::string text() const { return text_.str(); }

 private:
  std::ostringstream text_;
  std::streambuf* before_;
};

std::vector<Tensor> state_of(const Model& model) {
  std::vector<Tensor> values;
  for (const Variable& variable : model.optimizer().variables()) values.push_back(variable.value());
  return values;
}

Sequential trained(const Optimizer& optimizer) {
  Sequential model = tower(1);
  model.compile({.optimizer = optimizer, .loss = "mse"});
  model.train_on_batch(random_normal({8, 4, 2}), random_normal({8, 1}));
  return model;
}

/// A layer of one's own, which the Keras module of no class has.
class Shift : public Layer {
 public:
  using Layer::Layer;
  void build(const Shape& input) override {
    by_ = add_weight({.name = "by", .shape = {input.back()}, .initializer = "ones"});
  }
  Tensor call(const Tensor& input, const CallArgs&) override { return input + by_; }

 private:
  Variable by_;
};

}  // namespace

TEST_CASE("weights go through a file of each format") {
  const Folder folder;
  const Sequential from = tower(1);
  for (const std::string& name : weight_names) {
    CAPTURE(name);
    const std::string path = folder / name.c_str();
    from.save_weights(path);
    Sequential to = tower(2);
    CHECK(to.load_weights(path).empty());
    CHECK(same_bits(to.get_weights(), from.get_weights()));
  }
  from.save(folder / "m.keras");
  Sequential to = tower(2);
  to.load_weights(folder / "m.keras");
  CHECK(same_bits(to.get_weights(), from.get_weights()));
}

TEST_CASE("safetensors and npz hold weights by path") {
  const Folder folder;
  const Sequential model = tower(1);
  model.export_weights(folder / "w.safetensors");
  model.export_weights(folder / "w.npz");
  for (const std::vector<NamedTensor>& tensors :
       {load_safetensors(folder / "w.safetensors").tensors, load_npz(folder / "w.npz")}) {
    CHECK(tensors.size() == 7);
    for (const char* const path : {"lstm/lstm_cell/recurrent_kernel", "hidden/kernel", "head/bias"}) {
      CHECK(same_bits(find_tensor(tensors, path), model.get_variable(path).value()));
    }
  }
}

TEST_CASE("files that do not hold the weights are errors, with all that is wrong, and change nothing") {
  const Folder folder;
  for (const std::string& name : weight_names) {
    CAPTURE(name);
    const std::string path = folder / name.c_str();
    tower(1).save_weights(path);
    Sequential wider = tower(2, 5);
    const std::vector<Tensor> before = wider.get_weights();
    const std::string error = message_of<FileError>([&] { wider.load_weights(path); });
    CHECK_MESSAGE(contains(error, "in 3 places"), error);
    CHECK_MESSAGE(contains(error, "expected the shape [2, 5] of kernel"), error);
    CHECK(same_bits(wider.get_weights(), before));
  }
  Sequential other = tower(2, 3, "tail");
  const std::string error = message_of<FileError>([&] { other.load_weights(folder / "w.safetensors"); });
  CHECK_MESSAGE(contains(error, "the layer tail: expected the tensor \"tail/kernel\", got none"), error);
  CHECK_MESSAGE(contains(error, "the tensor \"head/bias\" belongs to no weight"), error);
}

TEST_CASE("skip_mismatch leaves layers whose weights do not fit, and names their weights") {
  const Folder folder;
  for (const std::string& name : weight_names) {
    CAPTURE(name);
    const std::string path = folder / name.c_str();
    const Sequential from = tower(1);
    from.save_weights(path);
    Sequential wider = tower(2, 5);
    const std::vector<Tensor> before = wider.get_weights();
    CHECK(wider.load_weights(path, {.skip_mismatch = true}) ==
          std::vector<std::string>{"tower/hidden/kernel", "tower/hidden/bias", "tower/head/kernel",
                                   "tower/head/bias"});
    const std::vector<Tensor> after = wider.get_weights();
    for (std::size_t i = 0; i < after.size(); ++i) {
      CHECK(same_bits(after[i], i < 3 ? from.get_weights()[i] : before[i]));
    }
  }
}

TEST_CASE("by_name gives layers the weights of the layers of their names, wherever these are") {
  const Folder folder;
  const Sequential from = tower(1);
  from.save(folder / "m.unspool");
  std::vector<std::string> names = weight_names;
  names.emplace_back("m.unspool");
  for (const std::string& name : names) {
    CAPTURE(name);
    const std::string path = folder / name.c_str();
    if (name != "m.unspool") from.save_weights(path);
    set_seed(2);
    // Another order, another model around it, and a new layer.
    Sequential to({Input({.shape = {4, 2}}), LSTM({.units = 2, .name = "lstm"}),
                   Dense({.units = 3, .name = "new"}), Dense({.units = 1, .name = "head"})},
                  {.name = "other"});
    const std::vector<Tensor> before = to.get_weights();
    CHECK(to.load_weights(path, {.by_name = true}) ==
          std::vector<std::string>{"other/new/kernel", "other/new/bias"});
    for (const char* const weight : {"lstm/lstm_cell/kernel", "head/kernel", "head/bias"}) {
      CHECK(same_bits(to.get_variable(weight).value(), from.get_variable(weight).value()));
    }
    CHECK(same_bits(to.get_variable("new/kernel").value(), before[3]));
    // A layer of the same name and another shape is still an error.
    Sequential wider({Input({.shape = {4, 2}}), LSTM({.units = 3, .name = "lstm"})});
    CHECK_THROWS_AS(wider.load_weights(path, {.by_name = true}), FileError);
    CHECK(wider.load_weights(path, {.by_name = true, .skip_mismatch = true}).size() == 3);
  }
}

TEST_CASE("weights of Keras' older format go by name or in order") {
  const Folder folder;
  const std::string path = folder / "w.h5";
  const Sequential from = tower(1);
  internal::Hdf5Tree root;
  const auto add = [&](const std::string& layer, const std::vector<std::string>& weights) {
    for (std::size_t i = 0; i < weights.size(); ++i) {
      root.groups[layer].attributes["weight_names" + std::to_string(i)] = std::to_string(i);
      root.groups[layer].datasets[std::to_string(i)] = from.get_variable(layer + weights[i]).value();
    }
  };
  root.attributes = {{"layer_names0", "head"}, {"layer_names1", "hidden"}, {"layer_names2", "lstm"}};
  add("lstm", {"/lstm_cell/kernel", "/lstm_cell/recurrent_kernel", "/lstm_cell/bias"});
  add("hidden", {"/kernel", "/bias"});
  add("head", {"/kernel", "/bias"});
  write_file_atomically(path, internal::hdf5_to_bytes(root));

  Sequential to = tower(2);
  CHECK(contains(message_of<FileError>([&] { to.load_weights(path); }), "the layer lstm: expected 3 arrays"));
  CHECK(to.load_weights(path, {.by_name = true}).empty());
  CHECK(same_bits(to.get_weights(), from.get_weights()));
  Sequential other = tower(2, 3, "tail");
  CHECK(other.load_weights(path, {.by_name = true}) ==
        std::vector<std::string>{"tower/tail/kernel", "tower/tail/bias"});

  root.attributes = {{"layer_names0", "lstm"}, {"layer_names1", "hidden"}, {"layer_names2", "head"}};
  write_file_atomically(path, internal::hdf5_to_bytes(root));
  Sequential in_order = tower(2);
  in_order.load_weights(path);
  CHECK(same_bits(in_order.get_weights(), from.get_weights()));
}

TEST_CASE("the state of an optimizer is loaded with the weights, or a warning says why not") {
  const Folder folder;
  const std::string path = folder / "w.weights.h5";
  const Sequential adam = trained(Adam({.learning_rate = .01}));
  adam.save_weights(path);
  {
    Sequential same = tower(2);
    same.compile({.optimizer = "adam", .loss = "mse"});
    const Warnings warnings;
    same.load_weights(path);
    CHECK(warnings.text() == "");
    CHECK(same_bits(state_of(same), state_of(adam)));
  }
  {
    Sequential other = trained(SGD({.learning_rate = .5}));
    const std::vector<Tensor> before = state_of(other);
    const Warnings warnings;
    other.load_weights(path);
    CHECK(contains(warnings.text(), "expected the state of the optimizer SGD, got that of adam"));
    CHECK(same_bits(other.get_weights(), adam.get_weights()));
    CHECK(same_bits(state_of(other), before));
  }
  {
    // The states of both have one slot for each weight.
    trained(Adagrad({.learning_rate = .01})).save_weights(path);
    Sequential momentum = trained(SGD({.learning_rate = .01, .momentum = .9}));
    const std::vector<Tensor> before = state_of(momentum);
    const Warnings warnings;
    momentum.load_weights(path);
    CHECK(contains(warnings.text(), "expected the state of the optimizer SGD, got that of adagrad"));
    CHECK(same_bits(state_of(momentum), before));
  }
}

TEST_CASE("export_weights writes weights alone") {
  const Folder folder;
  const Sequential model = trained("adam");
  model.save_weights(folder / "with.weights.h5");
  model.export_weights(folder / "without.weights.h5");
  const std::string with = read_file(folder / "with.weights.h5");
  const std::string without = read_file(folder / "without.weights.h5");
  CHECK(internal::hdf5_from_bytes(with, "with").group("optimizer") != nullptr);
  CHECK(internal::hdf5_from_bytes(without, "without").group("optimizer") == nullptr);
  CHECK(contains(message_of<ValueError>([&] { model.export_weights(folder / "model.unspool"); }),
                 "\"model.safetensors\", \"model.npz\" or \"model.weights.h5\" for weights"));
}

TEST_CASE("load_model without compile: for a loss that is not known here") {
  const Folder folder;
  const Sequential model = trained("adam");
  model.save(folder / "m.unspool");
  model.save(folder / "m.keras");
  Snapshot snapshot = load_archive(folder / "m.unspool");
  Config compile = snapshot.config["compile"];
  snapshot.config.set("compile", compile.set("loss", "my>unknown"));
  save_archive(folder / "m.unspool", snapshot);
  const std::string bytes = read_file(folder / "m.keras");
  const internal::ZipFile zip(bytes, "m.keras", bytes.size());
  Config config = from_json(zip.member("config.json").view());
  compile = config["compile_config"];
  config.set("compile_config", compile.set("loss", "my>unknown"));
  const std::string json = to_json(config);
  write_file_atomically(folder / "m.keras",
                        internal::zip_to_bytes({{"metadata.json", zip.member("metadata.json")},
                                                {"config.json", json},
                                                {"model.weights.h5", zip.member("model.weights.h5")}}));
  for (const char* const name : {"m.unspool", "m.keras"}) {
    CAPTURE(name);
    CHECK(contains(message_of<FileError>([&] { load_model(folder / name); }), "my>unknown"));
    Model read = load_model(folder / name, {.compile = false});
    CHECK_FALSE(read.compiled());
    CHECK(same_bits(read.get_weights(), model.get_weights()));
  }
}

TEST_CASE("layers of one's own are found by their registered names in every format") {
  register_layer<Shift>("weight_files>Shift");
  const Folder folder;
  const Sequential model({Input({.shape = {2}}), make<Shift>(), Dense({.units = 1})});
  const Tensor samples = random_normal({3, 2});
  for (const char* const name : {"m.unspool", "m.keras"}) {
    CAPTURE(name);
    model.save(folder / name);
    CHECK(same_bits(load_model(folder / name).predict(samples), model.predict(samples)));
  }
  const Model of_json = model_from_json(model.to_json());
  CHECK(dynamic_cast<const Shift*>(of_json.layers()[0].pointer().get()) != nullptr);
}

TEST_CASE("models go through JSON, without weights and with the arguments of compile()") {
  Sequential model = tower(1);
  model.compile({.optimizer = Adam({.learning_rate = .5}), .loss = "mae", .metrics = {"mse"}});
  const Model read = model_from_json(model.to_json());
  CHECK(read.summary_text() == model.summary_text());
  CHECK(read.built());
  CHECK(read.optimizer().config() == model.optimizer().config());
  CHECK(read.to_json() == model.to_json());
  CHECK_FALSE(model_from_json(tower(1).to_json()).compiled());
  // What Keras writes into its files is what its to_json() gives.
  const std::string bytes = read_file("tests/golden/keras_files/lstm_adam.keras");
  const internal::ZipFile zip(bytes, "lstm_adam.keras", bytes.size());
  const Model of_keras = model_from_json(zip.member("config.json").view());
  const Model whole = load_model("tests/golden/keras_files/lstm_adam.keras");
  CHECK(of_keras.to_json() == whole.to_json());
  CHECK(of_keras.optimizer().config() == whole.optimizer().config());

  CHECK_THROWS_AS(model_from_json("{"), ValueError);
  CHECK_THROWS_AS(model_from_json("{}"), KeyError);
  CHECK(contains(
      message_of<FileError>([] {
        model_from_json(
            R"({"class_name": "Dense", "config": {"units": 1, "activation": {"class_name": "__lambda__"}}})");
      }),
      "never run"));
}

TEST_CASE("ModelCheckpoint writes each format that save_weights() writes") {
  const Folder folder;
  Sequential model = tower(1);
  model.compile({.optimizer = "sgd", .loss = "mse"});
  for (const std::string& name : weight_names) {
    CAPTURE(name);
    const std::string path = folder / name.c_str();
    model.fit(random_normal({8, 4, 2}), random_normal({8, 1}),
              {.verbose = 0, .callbacks = {ModelCheckpoint(path, {.save_weights_only = true})}});
    Sequential to = tower(2);
    to.load_weights(path);
    CHECK(same_bits(to.get_weights(), model.get_weights()));
  }
}
