#include <functional>
#include <stdexcept>

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
  CHECK(contains(message_of<TypeError>([] {
                   layer_from_config<Cell>(from_json(R"({"class_name": "Dense", "config": {"units": 1}})"));
                 }),
                 "expected a Cell"));
}

TEST_CASE("what fails in from_config is a TypeError that names the class, the config and the cause") {
  const auto refused = [](const std::string& text) {
    return message_of<TypeError>([&] { deserialize_layer(from_json(text)); });
  };
  struct Case {
    std::string name;
    std::string config;
    std::string cause;
  };
  const std::vector<Case> cases = {
      {"Dense", R"({"units": 1, "unit": 2})", "unknown key \"unit\": did you mean \"units\"?"},
      {"Dense", "{}", "expected the required key \"units\", got none"},
      {"Dense", R"({"units": -1})", "Dense: units: expected a positive number, got -1"},
      {"Dense", R"({"units": "two"})", "config.config.units: expected an integer, got the string \"two\""},
      {"Dense", R"({"units": 1, "dtype": "float16"})", "\"float16\""},
      {"LSTM", R"({"units": 1, "dropout": 1.5})", "1.5"},
      {"GRU", R"({"units": 1, "activation": "tahn"})", "did you mean \"tanh\"?"},
      {"Bidirectional", R"({"merge_mode": "sum"})", "no key \"layer\""},
      {"RNN", R"({"cell": []})", "at least one cell"},
      {"my>Power", R"({"exponent": 1e99})", "config.config.exponent: expected an integer"},
  };
  register_layer<Power>("my>Power");
  for (const Case& one : cases) {
    const std::string message =
        refused(R"({"class_name": ")" + one.name + R"(", "config": )" + one.config + "}");
    CAPTURE(message);
    CHECK(message.starts_with("config.config: expected a config of the class " + one.name + ", got {"));
    CHECK(contains(message, one.name == "my>Power" ? "exponent" : one.config));
    CHECK(contains(message, one.cause));
  }
  // Whatever the kind of the cause, also one of a class of one's own.
  const std::string own = R"({"class_name": "my>Moody", "config": {"mood": 1}})";
  for (const std::function<void()>& fail : std::vector<std::function<void()>>{
           [] { throw IndexError("none left"); }, [] { throw KeyError("none left"); },
           [] { throw RuntimeError("none left"); }, [] { throw std::invalid_argument("none left"); }}) {
    register_layer<Plain>("my>Moody", [fail](const Config&) {
      fail();
      return make<Plain>();
    });
    CHECK(refused(own) ==
          "config.config: expected a config of the class my>Moody, got {\"mood\": 1}: none left");
  }
  // Of a layer in others: all of them, and the place.
  const std::string inner = refused(R"({"class_name": "Sequential", "config": {"layers": [
      {"class_name": "TimeDistributed", "config": {"layer": {"class_name": "Dense", "config": {"units": 0}}}}]}})");
  CHECK(contains(inner, "expected a config of the class Sequential, got"));
  CHECK(
      contains(inner, "config.config.layers[0].config: expected a config of the class TimeDistributed, got"));
  CHECK(contains(inner,
                 "config.config.layers[0].config.layer.config: expected a config of the class Dense, got "
                 "{\"units\": 0}: Dense: units: expected a positive number, got 0"));
  CHECK(contains(refused(R"({"class_name": "Sequential", "config": {"layers": [{"class_name": "Dens"}]}})"),
                 "did you mean \"Dense\""));
  // A long config is cut, and one that JSON does not hold is described.
  const std::string cut =
      refused(R"({"class_name": "Dense", "config": {"name": ")" + std::string(5000, 'x') + "\"}}");
  CHECK(contains(cut, "xxx...: "));
  CHECK(cut.size() < 600);
  CHECK(contains(message_of<TypeError>([] {
                   deserialize_layer(Config::map(
                       {{"class_name", "Dropout"}, {"config", Config::map({{"rate", std::nan("")}})}}));
                 }),
                 "got a map of 1: Dropout: rate: expected a number in [0, 1], got nan"));
}

TEST_CASE("names and trainable in configs") {
  const auto dense = [](const std::string& more) {
    return layer_from_config(from_json(R"({"class_name": "Dense", "config": {"units": 1, )" + more + "}}"));
  };
  const std::string trainable = message_of<TypeError>([&] { dense(R"("trainable": 1)"); });
  CHECK(contains(trainable, "config.config.trainable: trainable: expected true or false, got"));
  CHECK(contains(trainable, "1"));
  CHECK(contains(message_of<TypeError>([&] { dense(R"("name": 3)"); }),
                 "config.config.name: expected a name, a string, got"));
  CHECK(contains(message_of<TypeError>([&] { dense(R"("name": "a/b")"); }), "\"a/b\""));
  clear_session();
  CHECK(dense(R"("name": null)")->name() == "dense");
  CHECK(contains(message_of<TypeError>([] {
                   deserialize_layer(from_json(R"({"class_name": "RepeatVector", "config": {"n": 2.5}})"));
                 }),
                 "config.config.n: expected an integer"));
}

TEST_CASE("build configs and dtypes as Keras writes them") {
  const Ref<layers::Dense> dense = Dense({.units = 2, .name = "d"});
  CHECK(dense->get_build_config().is_null());
  CHECK_FALSE(serialize_layer(*dense).contains("build_config"));
  dense(Input({.shape = {4, 3}}));
  const Config config = serialize_layer(*dense);
  CHECK(to_json(config["build_config"]) == R"({"input_shape": [null, 4, 3]})");
  CHECK(to_json(config["config"]["dtype"]) ==
        R"({"module": "keras", "class_name": "DTypePolicy", "config": {"name": "float32"}, )"
        R"("registered_name": null})");
  CHECK(from_config<DenseOptions>(config["config"]).dtype == float32);
  CHECK(from_config<DenseOptions>(from_json(R"({"units": 1, "dtype": "float64"})")).dtype == float64);

  // It is read again: the layer has weights, though others.
  const Ref<Layer> again = layer_from_config(config);
  CHECK(again->built());
  CHECK(paths_of(again->weights()) == std::vector<std::string>{"d/kernel", "d/bias"});
  CHECK(again->get_build_config() == config["build_config"]);
  CHECK_FALSE(clone(dense)->built());
  const Ref<layers::SimpleRNN> rnn = SimpleRNN({.units = 2});
  rnn->build_from_config(
      from_json(R"({"shapes_dict": {"sequences_shape": [null, 4, 3], "initial_state_shape": [null, 2]}})"));
  CHECK(rnn->weights()[0].shape() == Shape{3, 2});
}

TEST_CASE("parts of a layer are built by it, with the shapes that they had") {
  const Ref<layers::RNN> rnn = RNN(SimpleRNNCell({.units = 2, .name = "c"}), {.name = "r"});
  rnn(Tensor::ones({4, 5, 3}));
  const Config config = serialize_layer(*rnn);
  CHECK(to_json(config["config"]["cell"]["build_config"]) == R"({"input_shape": [4, 3]})");
  const Ref<layers::RNN> again = layer_from_config<layers::RNN>(config);
  CHECK(again->weights()[0].path() == "r/c/kernel");
  CHECK(serialize_layer(*again) == config);
}

TEST_CASE("a deep copy has the name, the weights and the state, and none of the nodes") {
  const Ref<layers::SimpleRNN> rnn =
      SimpleRNN({.units = 2, .dropout = 0.5, .stateful = true, .seed = 1, .name = "r"});
  rnn(Input({.batch_shape = {2, 3, 4}}));
  rnn(some({2, 3, 4}, float32), {.training = true});
  rnn->weights()[1].set_trainable(false);
  const Ref<layers::SimpleRNN> copy = deep_copy(rnn);
  CHECK(copy->name() == "r");
  CHECK(copy->inbound_nodes().empty());
  CHECK(paths_of(copy->weights()) == paths_of(rnn->weights()));
  CHECK(copy->trainable_weights().size() == 2);
  const Tensor x = some({2, 3, 4}, float32, 3);
  // The same random numbers and the same states, each on its own from here on.
  for (int call = 0; call < 2; ++call) {
    CHECK(near(copy(x, {.training = true}), rnn(x, {.training = true}).to_vector<double>(), 0));
  }
  copy->weights()[0].assign(Tensor::zeros({4, 2}));
  CHECK_FALSE(near(rnn->weights()[0].value(), std::vector<double>(8, 0)));
  CHECK_FALSE(deep_copy(Dense({.units = 1}))->built());

  const Ref<layers::Dense> other = Dense({.units = 7, .name = "o"});
  CHECK(contains(message_of<ValueError>([&] { other->copy_state(*rnn); }),
                 "expected 0 weights for the layer o, got 3 of r"));
}
