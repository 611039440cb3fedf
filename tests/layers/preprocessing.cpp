#include <unspool/data/dataset.h>
#include <unspool/layers/registry.h>
#include <unspool/models/sequential.h>
#include <unspool/serialization/file.h>

#include "../serialization/folder.h"
#include "../support/same_bits.h"
#include "support.h"

using namespace unspool;
using namespace unspool::testing;

// What Keras gives: keras_preprocessing.json, which keras_preprocessing.py beside it writes.
namespace {

Tensor tensor_of(const Config& config) {
  const DType dtype = config["dtype"].as<DType>();
  const Tensor values = Tensor::from(config["values"].as<std::vector<double>>(), config["shape"].as<Shape>());
  return cast(values, dtype);
}

std::vector<Tensor> tensors_of(const Config& config) {
  std::vector<Tensor> all;
  for (const Config& one : config.elements()) all.push_back(tensor_of(one));
  return all;
}

void check_near(const Tensor& got, const Config& expected, double tolerance = 2e-6) {
  const Tensor wanted = tensor_of(expected);
  // On Keras' numpy backend the result of a float64 Normalization is float32.
  CHECK((got.dtype() == wanted.dtype() || (got.dtype() == float64 && wanted.dtype() == float32)));
  REQUIRE(got.shape() == wanted.shape());
  CHECK(near(got, wanted.to_vector<double>(), wanted.dtype() == float64 ? 1e-7 : tolerance));
}

template <class L>
void adapt_to(const Ref<L>& layer, const std::vector<Tensor>& batches) {
  if (batches.size() == 1) {
    layer->adapt(batches.front());
  } else if (!batches.empty()) {
    layer->adapt(batches);
  }
}

/// The layer as it is, from its own config, and from that of Keras.
template <class L>
void check_case(const Config& one) {
  const auto made = layer_from_config<L>(
      Config::map({{"class_name", one["class"]}, {"config", one["config"]}, {"module", "keras.layers"}}));
  if constexpr (requires { made->adapt(Tensor()); }) adapt_to(made, tensors_of(one["adapt"]));
  const Tensor x = tensor_of(one["given"]);
  check_near(made(x), one["output"], 2e-5);
  const std::vector<Tensor> weights = made->get_weights();
  REQUIRE(weights.size() == one["weights"].elements().size());
  for (std::size_t i = 0; i < weights.size(); ++i) check_near(weights[i], one["weights"][i], 1e-5);
  const Config config = from_json(to_json(made->get_config()));
  for (const Config& arguments : {config, one["keras_config"]}) {
    const auto again = layer_from_config<L>(
        Config::map({{"class_name", one["class"]}, {"config", arguments}, {"module", "keras.layers"}}));
    again(x);
    again->set_weights(weights);
    check_near(again(x), one["output"], 2e-5);
  }
  for (const std::string& key : one["keras_config"].keys()) CHECK(config.contains(key));
}

std::vector<Config> keras_preprocessing_cases() {
  return from_json(read_file("tests/layers/keras_preprocessing.json"))["cases"].elements();
}

}  // namespace

TEST_CASE("Normalization, Rescaling and Discretization as in Keras") {
  int seen = 0;
  for (const Config& one : keras_preprocessing_cases()) {
    CAPTURE(to_json(one["class"]));
    CAPTURE(to_json(one["config"]));
    const std::string name = one["class"].as<std::string>();
    if (name == "Normalization") check_case<layers::Normalization>(one);
    if (name == "Rescaling") check_case<layers::Rescaling>(one);
    if (name == "Discretization") {
      check_case<layers::Discretization>(one);
      const auto layer = layer_from_config<layers::Discretization>(
          Config::map({{"class_name", one["class"]}, {"config", one["config"]}, {"module", "keras.layers"}}));
      adapt_to(layer, tensors_of(one["adapt"]));
      const std::vector<double> limits = one["bin_boundaries"].as<std::vector<double>>();
      REQUIRE(layer->bin_boundaries().size() == limits.size());
      for (std::size_t i = 0; i < limits.size(); ++i) {
        CHECK(layer->bin_boundaries()[i] == doctest::Approx(limits[i]).epsilon(1e-5));
      }
    }
    ++seen;
  }
  CHECK(seen == 38);
}

TEST_CASE("adapt reads the batches of a Dataset, and forgets what it has read before") {
  const Tensor x = some({20, 3}) * 5 + 2;
  const Ref<layers::Normalization> whole = Normalization({.dtype = float64});
  whole->adapt(x);
  CHECK(near(mean(whole(x), {0}), {0, 0, 0}, 1e-12));
  CHECK(near(variance(whole(x), {0}), {1, 1, 1}, 1e-12));
  const Ref<layers::Normalization> parts = Normalization({.dtype = float64});
  parts->adapt(Tensor::ones({4, 3}) * 100);
  parts->adapt(Dataset(x).batch(7).prefetch());
  CHECK(near(parts(x), whole(x).to_vector<double>(), 1e-12));
  // Samples without a batch axis are put into batches.
  parts->adapt(Dataset(x));
  CHECK(near(parts(x), whole(x).to_vector<double>(), 1e-12));
  const Ref<layers::Normalization> back = Normalization({.invert = true, .dtype = float64});
  back->adapt(x);
  CHECK(near(back(whole(x)), x.to_vector<double>(), 1e-12));
  const Ref<layers::Discretization> ranges = Discretization({.num_bins = 4});
  ranges->adapt(Dataset(x).batch(7));
  CHECK(ranges->bin_boundaries().size() == 3);
}

TEST_CASE("a Normalization within a model: training leaves it alone, files hold it") {
  const Tensor x = some({20, 3}, float32) * 5 + 2;
  const Tensor y = sum(x, {1}, true);
  Normalization normalize;
  normalize->adapt(x);
  Sequential model({Input({.shape = {3}}), normalize, Dense({.units = 1})});
  model.compile({.optimizer = "adam", .loss = "mse"});
  CHECK(model.trainable_weights().size() == 2);
  const std::vector<Tensor> before = normalize->get_weights();
  model.fit(x, y, {.epochs = 3, .verbose = 0});
  CHECK(same_bits(normalize->get_weights(), before));
  const Folder folder;
  for (const char* name : {"model.keras", "model.unspool"}) {
    CAPTURE(name);
    const std::string path = (folder / name).native();
    model.save(path);
    CHECK(same_bits(load_model(path).predict(x), model.predict(x)));
  }
}

TEST_CASE("errors of preprocessing layers") {
  CHECK(contains(message_of<ValueError>([] { Normalization({.mean = 1}); }), "got only the mean"));
  CHECK(contains(message_of<ValueError>([] {
                   Normalization({.mean = {1, 2}, .variance = 1});
                 }),
                 "of one shape"));
  CHECK(contains(message_of<ValueError>([] {
                   Normalization({.axis = None, .mean = {1, 2}, .variance = {1, 2}});
                 }),
                 "at most the 0 axes"));
  const auto misfit = [](const Tensor& x) {
    return message_of<ValueError>([&] {
      Normalization({.mean = {1, 2}, .variance = {1, 2}, .name = "n"})(x);
    });
  };
  CHECK(
      contains(misfit(Tensor::ones({4, 3})), "of size 3 for axis 1 of its input [4, 3], got the shape [2]"));
  CHECK(
      contains(misfit(Input({.shape = {3}})), "of size 3 for axis 1 of its input [?, 3], got the shape [2]"));
  const Ref<layers::Normalization> given = Normalization({.mean = 1, .variance = 1});
  CHECK(contains(message_of<ValueError>([&] {
                   given->adapt(Tensor::ones({4, 3}));
                 }),
                 "without mean and variance"));
  const Ref<layers::Normalization> layer = Normalization();
  CHECK(contains(message_of<ValueError>([&] { layer->adapt(Tensor()); }), "got an empty tensor"));
  CHECK(contains(message_of<ValueError>([&] { layer->adapt(Tensor::ones({0, 3})); }), "at least one sample"));
  CHECK(contains(message_of<ValueError>([&] {
                   layer->adapt(Dataset(Tensor::ones({4, 3})).repeat());
                 }),
                 "call take() on it"));
  layer->adapt(Tensor::ones({4, 3}));
  CHECK(contains(message_of<ValueError>([&] {
                   layer->adapt(Tensor::ones({4, 2}));
                 }),
                 "to have value 3, found 2"));
  CHECK(contains(message_of<ValueError>([] {
                   Discretization({.bin_boundaries = {1.0, 0.0}});
                 }),
                 "ascending"));
  CHECK(contains(message_of<ValueError>([] { Discretization({}); }), "got neither"));
  CHECK(contains(message_of<ValueError>([] { Discretization({.num_bins = 3, .output_mode = "hot"}); }),
                 "multi_hot"));
  CHECK(contains(message_of<ValueError>([] {
                   Discretization({.num_bins = 3})(Tensor::ones({4, 3}));
                 }),
                 "expected bin_boundaries, or data by adapt()"));
}
