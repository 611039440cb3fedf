#include <cstring>
#include <doctest/doctest.h>

#include <unspool/autograd/random.h>
#include <unspool/core/error.h>
#include <unspool/layers/dense.h>
#include <unspool/layers/gru.h>
#include <unspool/layers/input.h>
#include <unspool/layers/lstm.h>
#include <unspool/models/internal/keras_file.h>
#include <unspool/models/saving.h>
#include <unspool/models/sequential.h>
#include <unspool/optim/adam.h>
#include <unspool/serialization/archive.h>
#include <unspool/serialization/file.h>
#include <unspool/serialization/internal/hdf5.h>
#include <unspool/serialization/internal/zip.h>

#include "../serialization/folder.h"
#include "../support/errors.h"
#include "../support/process_memory.h"
#include "../support/same_bits.h"

using namespace unspool;
using namespace unspool::testing;

namespace {

const std::string keras_folder = "tests/golden/keras_files/";

std::vector<Tensor> states_of(const Optimizer& optimizer) {
  std::vector<Tensor> values;
  for (const Variable& variable : optimizer.variables()) values.push_back(variable.value());
  return values;
}

Sequential trained_model() {
  set_seed(3);
  Sequential model({Input({.shape = {4, 3}}), LSTM({.units = 2}), Dense({.units = 2})});
  model.compile({.optimizer = Adam({.learning_rate = .01}), .loss = "mse", .metrics = {"mae"}});
  model.fit(random_normal({8, 4, 3}), random_normal({8, 2}), {.epochs = 2, .verbose = 0});
  return model;
}

/// The bytes of a .keras file with another config.
std::string with_config(const std::string& path, const std::string& part, const std::string& other) {
  const std::string bytes = read_file(path);
  const internal::ZipFile zip(bytes, path, bytes.size());
  std::string config(zip.member("config.json").view());
  const std::size_t at = config.find(part);
  REQUIRE_MESSAGE(at != std::string::npos, part);
  config.replace(at, part.size(), other);
  return internal::zip_to_bytes({{"metadata.json", zip.member("metadata.json")},
                                 {"config.json", config},
                                 {"model.weights.h5", zip.member("model.weights.h5")}});
}

std::string refusal(const std::string& bytes) {
  return message_of<FileError>([&] { internal::keras_model_from_bytes(bytes, "test.keras"); });
}

}  // namespace

TEST_CASE("a model that is saved as .keras and loaded predicts and trains to the bit as before") {
  const Folder folder;
  Sequential model = trained_model();
  model.save(folder / "m.keras");
  Model read = load_model(folder / "m.keras");
  const Tensor x = random_normal({8, 4, 3});
  const Tensor y = random_normal({8, 2});
  CHECK(read.name() == model.name());
  CHECK(same_bits(read.get_weights(), model.get_weights()));
  CHECK(same_bits(read.predict(x), model.predict(x)));
  CHECK(same_bits(states_of(read.optimizer()), states_of(model.optimizer())));
  CHECK(read.train_on_batch(x, y) == model.train_on_batch(x, y));
  CHECK(same_bits(read.get_weights(), model.get_weights()));
  // Equal models give equal files.
  model.save(folder / "m.keras");
  read.save(folder / "again.keras");
  CHECK(read_file(folder / "again.keras") == read_file(folder / "m.keras"));
}

TEST_CASE("a Sequential without an Input is saved with one") {
  const Folder folder;
  Sequential model({LSTM({.units = 2}), Dense({.units = 2})});
  CHECK(contains(message_of<ValueError>([&] { model.save(folder / "m.keras"); }), "call it once"));
  const Tensor x = random_normal({8, 4, 3});
  const Tensor y = model.predict(x);
  model.save(folder / "m.keras");
  CHECK(same_bits(load_model(folder / "m.keras").predict(x), y));
}

TEST_CASE("weights of Keras go into a model of the same layers, and nothing changes if they do not fit") {
  const Folder folder;
  Sequential model = trained_model();
  model.save_weights(folder / "m.weights.h5");
  set_seed(9);
  Sequential other({Input({.shape = {4, 3}}), LSTM({.units = 2}), Dense({.units = 2})});
  other.load_weights(folder / "m.weights.h5");
  CHECK(same_bits(other.get_weights(), model.get_weights()));

  Sequential wider({Input({.shape = {4, 3}}), LSTM({.units = 3}), Dense({.units = 2})});
  const std::vector<Tensor> before = wider.get_weights();
  const std::string shapes = message_of<FileError>([&] { wider.load_weights(folder / "m.weights.h5"); });
  CHECK_MESSAGE(contains(shapes, "in 4 places"), shapes);
  CHECK_MESSAGE(contains(shapes, "expected the shape [3, 12] of kernel in \"layers/lstm/cell/vars/0\""),
                shapes);
  CHECK(same_bits(wider.get_weights(), before));

  Sequential shorter({Input({.shape = {4, 3}}), LSTM({.units = 2})});
  CHECK(contains(message_of<FileError>([&] { shorter.load_weights(folder / "m.weights.h5"); }),
                 "\"layers/dense/vars\" belongs to no layer"));
  Sequential longer({Input({.shape = {4, 3}}), LSTM({.units = 2}), Dense({.units = 2}), Dense({.units = 2})});
  CHECK(contains(message_of<FileError>([&] { longer.load_weights(folder / "m.weights.h5"); }),
                 "expected 2 arrays in the group \"layers/dense_1/vars\", got 0"));
}

TEST_CASE("each changed byte and each prefix of a .keras file is an error") {
  const Folder folder;
  set_seed(3);
  Sequential model({Input({.shape = {2}}), Dense({.units = 1})});
  model.save(folder / "m.keras");
  const std::string bytes = read_file(folder / "m.keras");
  int loaded = 0;
  const auto try_to_load = [&](std::string_view changed) {
    try {
      internal::keras_model_from_bytes(changed, "test.keras");
      ++loaded;
    } catch (const FileError&) {
    }
  };
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    for (const int change : {1, 2, 4, 8, 16, 32, 64, 128, 255}) {
      std::string changed = bytes;
      changed[i] = static_cast<char>(changed[i] ^ change);
      try_to_load(changed);
    }
    try_to_load(std::string_view(bytes).substr(0, i));
  }
  CHECK(loaded == 0);
  try_to_load(bytes);
  CHECK(loaded == 1);
}

TEST_CASE("a config of Keras that names code or an unknown class is refused") {
  const std::string path = keras_folder + "lstm_adam.keras";
  CHECK(contains(refusal(with_config(path, R"("class_name": "LSTM")", R"("class_name": "Conv1D")")),
                 "\"Conv1D\""));
  CHECK(
      contains(refusal(with_config(path, R"("class_name": "Adam")", R"("class_name": "Muon")")), "\"Muon\""));
  CHECK(contains(
      refusal(with_config(path, R"("activation": "tanh")",
                          R"("activation": {"class_name": "__lambda__", "config": {"value": "4wEA"}})")),
      "a Python lambda, which is never run"));
  CHECK(contains(refusal(with_config(path, R"("units": 4)", R"("units": 5)")),
                 "expected the weights of this model"));
}

TEST_CASE("a .keras file has the expected members only") {
  const std::string bytes = read_file(keras_folder + "lstm_adam.keras");
  const internal::ZipFile zip(bytes, "lstm_adam.keras", bytes.size());
  std::vector<internal::ZipMember> members = zip.members();
  members.push_back({"assets/layer/vocabulary.txt", "a"});
  CHECK(contains(refusal(internal::zip_to_bytes(members)),
                 "a file of a layer that this library does not have"));
  members.back().name = "../evil";
  CHECK(contains(refusal(internal::zip_to_bytes(members)), "got \"../evil\""));
  members.resize(2);
  CHECK(contains(refusal(internal::zip_to_bytes(members)),
                 "no member of the zip file is called \"model.weights.h5\""));
}

TEST_CASE("a config that asks for more weights than its file holds takes no memory") {
  const Folder folder;
  const std::size_t before = peak_memory();
  Sequential model({Input({.shape = {4, 3}}), LSTM({.units = 2}), Dense({.units = 77})});
  model.save(folder / "m.unspool");
  model.save(folder / "m.keras");
  Snapshot snapshot = load_archive(folder / "m.unspool");
  std::string config = to_json(snapshot.config);
  config.replace(config.find(R"("units": 77)") + 9, 2, "400000000");
  snapshot.config = from_json(config);
  save_archive(folder / "m.unspool", snapshot);
  CHECK(
      contains(message_of<FileError>([&] { load_model(folder / "m.unspool"); }), "does not fit the weights"));
  CHECK(contains(refusal(with_config(folder / "m.keras", R"("units": 77)", R"("units": 400000000)")),
                 "does not fit the weights"));
  for (const std::string units : {"9223372036854775807", "4611686018427387904", "100000000000"}) {
    CHECK_THROWS_AS(
        internal::keras_model_from_bytes(
            with_config(folder / "m.keras", R"("units": 77)", R"("units": )" + units), "test.keras"),
        FileError);
  }
  Sequential stateful({Input({.batch_shape = {33, 4, 3}}), GRU({.units = 2, .stateful = true})});
  stateful.save(folder / "stateful.keras");
  CHECK(contains(refusal(with_config(folder / "stateful.keras", "[33, 4, 3]", "[400000000, 4, 3]")),
                 "expected states of at most"));
  CHECK(peak_memory() < before + (100U << 20U));
}

TEST_CASE("a stateful model goes on where it was when it was saved") {
  const Folder folder;
  Sequential model(
      {Input({.batch_shape = {2, 4, 3}}), GRU({.units = 2, .return_sequences = true, .stateful = true})});
  const Tensor a = random_normal({2, 4, 3});
  const Tensor b = random_normal({2, 4, 3});
  model.predict(a);
  model.save(folder / "m.unspool");
  model.save(folder / "m.keras");
  model.save_weights(folder / "m.weights.h5");
  const Tensor expected = model.predict(b);
  const Model again = load_model(folder / "m.unspool");
  CHECK(same_bits(again.predict(b), expected));
  CHECK(same_bits(load_model(folder / "m.keras").predict(b), expected));
  // Weights are no states.
  model.reset_states();
  model.load_weights(folder / "m.weights.h5");
  CHECK_FALSE(same_bits(model.predict(b), expected));
}

TEST_CASE("names of files say their format") {
  Sequential model = trained_model();
  CHECK(
      contains(message_of<ValueError>([&] { model.save("model.h5"); }), "\"model.weights.h5\" for weights"));
  CHECK(contains(message_of<ValueError>([&] { model.save_weights("model.keras"); }),
                 "\"model.weights.h5\" for weights"));
  CHECK(contains(message_of<ValueError>([&] { load_model("model.weights.h5"); }),
                 "\"model.keras\" for a whole model"));
}
