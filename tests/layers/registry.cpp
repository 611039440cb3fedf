#include <unspool/core/registry.h>

#include "support.h"

using namespace unspool;
using namespace unspool::testing;

namespace {

class Plain : public Layer {
 public:
  using Layer::Layer;
  Tensor call(const Tensor& x, const CallArgs&) override { return x; }
};

struct PowerOptions {
  required<Index> exponent;
  std::string name = {};
  bool trainable = true;
  DType dtype = float32;
  static const Fields& fields() {
    using O = PowerOptions;
    static const Fields all = fields_of<O>(field("exponent", &O::exponent), field("name", &O::name),
                                           field("trainable", &O::trainable), field("dtype", &O::dtype));
    return all;
  }
};

class Power : public Layer {
 public:
  using Options = PowerOptions;
  explicit Power(PowerOptions options) : Layer(layer_options(options)), options_(std::move(options)) {}
  Tensor call(const Tensor& x, const CallArgs&) override { return pow(x, options_.exponent.value()); }
  Config get_config() const override { return config_of(options_); }

 private:
  PowerOptions options_;
};

class Unregistered : public Plain {};

}  // namespace

TEST_CASE("built-in layers go through their serialized form") {
  for (const std::string& name : layer_registry().names()) CHECK(layer_registry().contains(name));
  const Config config = serialize_layer(*Dense({.units = 2, .name = "d"}));
  CHECK(config["module"].as<std::string>() == "keras.layers");
  CHECK(config["class_name"].as<std::string>() == "Dense");
  CHECK(config["registered_name"].is_null());
  CHECK(layer_from_config(from_json(to_json(config)))->get_config() == config["config"]);

  const Ref<layers::RNN> rnn = RNN(SimpleRNNCell({.units = 2, .dtype = float64}), {.go_backwards = true});
  const Ref<layers::RNN> again = clone(rnn);
  CHECK(again->get_config() == rnn->get_config());
  CHECK(again->options().go_backwards);
  CHECK(again->dtype() == float64);
  CHECK_FALSE(again->cell() == rnn->cell());
  CHECK_FALSE(rnn->get_config().contains("time_major"));
}

TEST_CASE("a Sequential is known before any model is made") {
  const Config dense = serialize_layer(*Dense({.units = 2}));
  const Config config =
      Config::map({{"module", "keras"},
                   {"class_name", "Sequential"},
                   {"config", Config::map({{"name", "s"}, {"layers", Config::list({dense})}})},
                   {"registered_name", Config()}});
  const Ref<Layer> network = layer_from_config(config);
  CHECK(network(Tensor::ones({1, 3})).shape() == Shape{1, 2});
  CHECK(serialize_layer(*network)["module"].as<std::string>() == "keras");
}

TEST_CASE("layers of one's own: from options, from LayerOptions") {
  register_layer<Power>("my>Power");
  register_layer<Plain>("my>Plain");
  const Ref<Power> power = make<Power>(PowerOptions{.exponent = 3, .name = "cube"});
  const Config config = from_json(to_json(serialize_layer(*power)));
  CHECK(config["registered_name"].as<std::string>() == "my>Power");
  CHECK(config["class_name"].as<std::string>() == "Power");
  CHECK(near(layer_from_config(config)(Tensor::of<float>({2})), {8}));
  CHECK(layer_from_config<Power>(config)->name() == "cube");
  CHECK(clone(make<Plain>(LayerOptions{.name = "p", .activity_regularizer = "l2"}))->activity_regularizer() ==
        L2());
}

TEST_CASE("errors of the registry") {
  CHECK(contains(
      message_of<KeyError>([] { deserialize_layer(from_json(R"({"class_name": "Dens", "config": {}})")); }),
      "did you mean \"Dense\""));
  CHECK(contains(message_of<KeyError>([] { serialize_layer(*make<Unregistered>()); }), "register_layer"));
  CHECK(contains(message_of<ValueError>([] {
                   deserialize_layer(
                       from_json(R"({"class_name": "Dense", "config": {"units": 1, "unit": 2}})"));
                 }),
                 "\"units\""));
  CHECK(contains(message_of<ValueError>(
                     [] { deserialize_layer(from_json(R"({"class_name": "Dense", "config": {}})")); }),
                 "units"));
  CHECK(contains(message_of<TypeError>([] {
                   layer_from_config<Cell>(from_json(R"({"class_name": "Dense", "config": {"units": 1}})"));
                 }),
                 "expected a Cell"));
}
