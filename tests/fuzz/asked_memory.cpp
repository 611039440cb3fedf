// Configs of a few kilobytes that ask for gigabytes, or for hours.
#include <doctest/doctest.h>
#include <functional>
#include <string>
#include <sys/resource.h>

#include <unspool/autograd/arithmetic.h>
#include <unspool/autograd/joining.h>
#include <unspool/core/error.h>
#include <unspool/layers/dense.h>
#include <unspool/layers/embedding.h>
#include <unspool/layers/gru.h>
#include <unspool/layers/input.h>
#include <unspool/layers/lstm.h>
#include <unspool/models/metrics/auc.h>
#include <unspool/models/metrics/iou.h>
#include <unspool/models/saving.h>
#include <unspool/models/sequential.h>
#include <unspool/optim/adam.h>
#include <unspool/serialization/archive.h>
#include <unspool/serialization/file.h>
#include <unspool/serialization/internal/zip.h>
#include <unspool/serialization/npy.h>
#include <unspool/serialization/safetensors.h>

#include "../support/errors.h"
#include "readers/scratch_file.h"

using namespace unspool;
using namespace unspool::testing;

namespace {

/// How much more memory than ever before the process takes while it lives.
class PeakMemory {
 public:
  Index megabytes() const { return (now() - before_) / 1024; }

 private:
  static Index now() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
  }
  Index before_ = now();
};
constexpr Index most_megabytes = 100;

std::string replaced(std::string text, const std::string& part, const std::string& other) {
  REQUIRE_MESSAGE(text.find(part) != std::string::npos, part);
  for (std::size_t at = 0; (at = text.find(part, at)) != std::string::npos; at += other.size()) {
    text.replace(at, part.size(), other);
  }
  return text;
}

/// The error with which a model is refused whose config has `other` in place of `part`.
std::string native_refusal(const Model& model, const std::string& part, const std::string& other) {
  Snapshot snapshot = to_snapshot(model);
  snapshot.config = from_json(replaced(to_json(snapshot.config), part, other));
  return message_of<FileError>([&] { from_snapshot(snapshot, "the file"); });
}

std::string keras_refusal(const Model& model, const std::string& part, const std::string& other) {
  const std::string path = fuzz::scratch_file(".keras", "");
  model.save(path);
  const std::string bytes = read_file(path);
  const internal::ZipFile zip(bytes, path, 2 * bytes.size());
  const std::string config = replaced(std::string(zip.member("config.json").view()), part, other);
  const std::string changed = internal::zip_to_bytes({{"metadata.json", zip.member("metadata.json")},
                                                      {"config.json", config},
                                                      {"model.weights.h5", zip.member("model.weights.h5")}});
  return message_of<FileError>([&] { load_model(fuzz::scratch_file(".keras", changed)); });
}

/// In the native format and in that of Keras.
void check_refused(const Model& model, const std::string& part, const std::string& other,
                   const std::string& reason) {
  CAPTURE(other);
  const PeakMemory memory;
  const std::string native = native_refusal(model, part, other);
  CHECK_MESSAGE(contains(native, reason), native);
  const std::string keras = keras_refusal(model, part, other);
  CHECK_MESSAGE(contains(keras, reason), keras);
  CHECK(memory.megabytes() < most_megabytes);
}

}  // namespace

TEST_CASE("a config cannot ask for more weights than the file holds") {
  const std::string reason = "expected weights of at most";
  Sequential model({Input({.shape = {4, 3}}), LSTM({.units = 2}), Dense({.units = 77})});
  for (const char* units : {"4000", "400000000", "9000000000000000000"}) {
    check_refused(model, "\"units\": 77", std::string("\"units\": ") + units,
                  std::string(units) == "9000000000000000000" ? "64 bits" : reason);
  }
  Sequential words({Input({.shape = {4}}), Embedding({.input_dim = 77, .output_dim = 2}), GRU({.units = 2})});
  check_refused(words, "\"input_dim\": 77", "\"input_dim\": 400000000", reason);
}

TEST_CASE("a config cannot ask for large states") {
  Sequential model({Input({.batch_shape = {55, 4, 3}}), GRU({.units = 2, .stateful = true})});
  check_refused(model, "[55, 4, 3]", "[400000000, 4, 3]", "expected states of at most");
}

TEST_CASE("a config cannot ask for a metric with a large state") {
  const auto model = [](const Metrics& metrics) {
    Sequential made({Input({.shape = {3}}), Dense({.units = 1})});
    made.compile({.optimizer = "sgd", .loss = "mse", .metrics = metrics});
    return made;
  };
  check_refused(model({AUC({.num_thresholds = 77})}), "\"num_thresholds\": 77",
                "\"num_thresholds\": 400000000", "expected states of at most");
  check_refused(model({MeanIoU({.num_classes = 77})}), "\"num_classes\": 77", "\"num_classes\": 400000000",
                "expected states of at most");
  check_refused(model({MeanIoU({.num_classes = 77})}), "\"num_classes\": 77", "\"num_classes\": 40000",
                "expected states of at most");
}

TEST_CASE("an optimizer has slots for each weight once") {
  Sequential model({Input({.shape = {3}}), Dense({.units = 1})});
  model.compile({.optimizer = Adam(), .loss = "mse"});
  model.train_on_batch(Tensor::ones({1, 3}), Tensor::ones({1, 1}));
  const std::string error = native_refusal(model, "\"built_for\": [0, 1]", "\"built_for\": [0, 1, 1]");
  CHECK_MESSAGE(contains(error, "expected each index once, got 1 twice"), error);
}

TEST_CASE("models that call models cannot multiply without end") {
  // The innermost layer is called 2^40 times.
  Ref<Layer> layer = Dense({.units = 2});
  Config config;
  for (int level = 0; level < 12; ++level) {
    const Tensor x = Input({.shape = {2}});
    const Model model({x}, {layer(layer(x))});
    layer = model.network();
  }
  const Tensor x = Input({.shape = {2}});
  const Model model({x}, {layer(x)});
  const std::string path = fuzz::scratch_file(".unspool", "");
  model.save(path);
  CHECK(load_model(path).count_params() == 6);

  // Each level is inside of the next one: with many more it would not be made here either.
  Snapshot snapshot = to_snapshot(model);
  Config network = snapshot.config["network"];
  const auto wrapped = [](const Config& inner, int level) {
    const std::string text = to_json(inner["config"]["layers"][1]);
    Config around = inner;
    Config arguments = around["config"];
    std::vector<Config> layers = arguments["layers"].elements();
    Config within = layers[1];
    within.set("config", inner["config"]).set("class_name", "Functional");
    within.set("name", "level_" + std::to_string(level));
    within.set("config", within["config"].set("name", "level_" + std::to_string(level)));
    const Config call = within["inbound_nodes"][0];
    Config second = from_json(
        replaced(to_json(call), layers[0]["name"].as<std::string>(), "level_" + std::to_string(level)));
    within.set("inbound_nodes", Config::list({call, second}));
    layers[1] = within;
    arguments.set("layers", Config::list(layers));
    arguments.set("output_layers", Config::list({"level_" + std::to_string(level), 1, 0}));
    return around.set("config", arguments);
  };
  for (int level = 0; level < 20; ++level) network = wrapped(network, level);
  snapshot.config.set("network", network);
  const std::string error = message_of<FileError>([&] { from_snapshot(snapshot, "the file"); });
  CHECK_MESSAGE(contains(error, "times, got more"), error);
}

TEST_CASE("an operation in a graph has no more outputs than a graph may have calls") {
  const Tensor x = Input({.batch_shape = {77, 3}});
  const Model model({x}, {unstack(x, 0)[0] * 2});
  const PeakMemory memory;
  const std::string error = native_refusal(model, "77", "400000000");
  CHECK_MESSAGE(contains(error, "times, got more"), error);
  CHECK(contains(native_refusal(model, "\"count\": 77", "\"count\": -77"), "count"));
  CHECK(memory.megabytes() < most_megabytes);
}

TEST_CASE("arrays cannot ask for more than the file holds") {
  const PeakMemory memory;
  std::string npy = npy_to_bytes(Tensor::zeros({7}));
  npy.replace(npy.find("(7,)"), 12, "(400000000,)");
  CHECK_THROWS_AS(npy_from_bytes(npy), FileError);
  std::string tensors = safetensors_to_bytes({{{"w", Tensor::zeros({7})}}, Config::map()});
  tensors = replaced(tensors, "[0,28]", "[0,28000000000]");
  CHECK_THROWS_AS(safetensors_from_bytes(tensors), FileError);
  CHECK(memory.megabytes() < most_megabytes);
}
