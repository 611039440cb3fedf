// Graphs of layers as configs: what is read from one computes the same bits.
#include <limits>

#include <unspool/autograd/joining.h>
#include <unspool/autograd/views.h>
#include <unspool/layers/functional.h>

#include "support.h"

using namespace unspool;
using namespace unspool::testing;

namespace {

using Graph = Ref<layers::Functional>;

Graph graph_of(std::vector<Tensor> inputs, std::vector<Tensor> outputs, const std::string& name = "m") {
  return make<layers::Functional>(std::move(inputs), std::move(outputs), FunctionalOptions{.name = name});
}

/// Through text, with the weights of the first.
Graph through_text(const Graph& graph) {
  const Config config = serialize_layer(*graph);
  const Config read = from_json(to_json(config));
  CHECK(read == config);
  const Graph again = layer_from_config<layers::Functional>(read);
  CHECK(serialize_layer(*again) == config);
  CHECK(paths_of(again->weights()) == paths_of(graph->weights()));
  again->set_weights(graph->get_weights());
  return again;
}

bool same_results(const Graph& a, const Graph& b, const std::vector<Tensor>& x, const CallArgs& args = {}) {
  const std::vector<Tensor> from_a = a(x, args).all();
  const std::vector<Tensor> from_b = b(x, args).all();
  if (from_a.size() != from_b.size()) return false;
  for (std::size_t i = 0; i < from_a.size(); ++i) {
    if (!(from_a[i].shape() == from_b[i].shape()) || from_a[i].dtype() != from_b[i].dtype()) return false;
    if (from_a[i].to_vector<double>() != from_b[i].to_vector<double>()) return false;
    const Tensor mask = mask_of(from_a[i]);
    const Tensor other = mask_of(from_b[i]);
    if (static_cast<bool>(mask) != static_cast<bool>(other)) return false;
    if (mask && mask.to_vector<int>() != other.to_vector<int>()) return false;
  }
  return true;
}

/// The graph is the same once copied, cloned and read from text.
void check_copies(const Graph& graph, const std::vector<Tensor>& x, const CallArgs& args = {}) {
  CHECK(same_results(through_text(graph), graph, x, args));
  const Graph cloned = clone(graph);
  cloned->set_weights(graph->get_weights());
  CHECK(same_results(cloned, graph, x, args));
  CHECK(same_results(deep_copy(graph), graph, x, args));
}

/// The config of a small graph, to be broken: x (2) -> d (3) -> add 1.
std::string small_graph() {
  const Tensor x = Input({.shape = {2}, .name = "x"});
  return to_json(serialize_layer(*graph_of({x}, {Dense({.units = 3, .name = "d"})(x) + 1})));
}

std::string replaced(std::string text, const std::string& part, const std::string& by) {
  const std::size_t place = text.find(part);
  REQUIRE(place != std::string::npos);
  return text.replace(place, part.size(), by);
}

std::string refusal(const std::string& text) {
  return message_of<TypeError>([&] { deserialize_layer(from_json(text)); });
}

}  // namespace

TEST_CASE("a graph of layers and operations is read from its config") {
  const Tensor x = Input({.shape = {4, 3}, .name = "x"});
  const Tensor h = Dense({.units = 3, .activation = "tanh"})(x);
  const Tensor joined = concat({tanh(x + h), h * 2.5F, 1 - x}, -1);
  const auto [a, b] = split<2>(slice(joined, -1, 0, 8), -1);
  const Tensor y = softmax(matmul(a, transpose(b, {0, 2, 1}))) + Tensor::of<float>({0.1F, -3, 1e-30F, 7});
  const Graph graph = graph_of({x}, {y, sum(y, {1}, true), cast(y > 0.5F, int32)});
  check_copies(graph, {some({2, 4, 3}, float32)});
  check_copies(graph, {some({5, 4, 3}, float32)});
}

TEST_CASE("shared layers, several inputs and outputs, some of them not used") {
  const Tensor a = Input({.shape = {unknown, 3}, .name = "a"});
  const Tensor b = Input({.shape = {unknown, 3}, .name = "b"});
  const Tensor idle = Input({.dtype = int32, .batch_shape = {unknown, 1}, .name = "idle"});
  const Ref<layers::Dense> dense = Dense({.units = 3});
  const Ref<layers::LSTM> lstm = LSTM({.units = 2, .return_sequences = true, .return_state = true});
  const auto [sequence, h, c] = unpack<3>(lstm(dense(dense(a))));
  const Tensor last = lstm(dense(b), {.initial_state = {h, c}})[0];
  const Graph graph = graph_of({a, b, idle}, {last, Add()({sequence, last}), a, c});
  check_copies(graph, {some({2, 4, 3}, float32), some({2, 4, 3}, float32, 3), Tensor::ones({2, 1}, int32)});
  CHECK(deep_copy(graph)->weights().size() == 5);
}

TEST_CASE("masks: of layers, attached anew, taken away, given as arguments, and as outputs") {
  const Tensor ids = Input({.shape = {unknown}, .dtype = int32, .name = "ids"});
  const Tensor other = Input({.shape = {unknown}, .dtype = boolean, .name = "other"});
  const Tensor x = Embedding({.input_dim = 5, .output_dim = 3, .mask_zero = true})(ids);
  const auto rnn = [] { return SimpleRNN({.units = 2, .return_sequences = true}); };
  const Graph graph = graph_of(
      {ids, other}, {rnn()(x), rnn()(with_mask(x, {})), rnn()(with_mask(x, other)), rnn()(x, {.mask = other}),
                     cast(mask_of(x), float32), with_mask(x, other), with_mask(x, {})});
  const Tensor words = Tensor::from(std::vector<std::int32_t>{1, 0, 2, 3, 4, 0}, {2, 3});
  check_copies(graph, {words, mask_of_bits({{0, 1, 1}, {1, 1, 0}})});
}

TEST_CASE("calls keep their arguments: training, constants, an eager state") {
  const Tensor x = Input({.shape = {3, 4}, .name = "x"});
  const Ref<layers::Dropout> dropout = Dropout({.rate = 0.5, .seed = 3});
  const Ref<layers::GRU> gru = GRU({.units = 2});
  const Graph graph = graph_of(
      {x}, {dropout(x, {.training = true}), gru(x, {.initial_state = {Tensor::full({2, 2}, 0.25F)}})});
  const Graph again = through_text(graph);
  const Tensor data = some({2, 3, 4}, float32);
  CHECK(same_results(again, graph, {data}));
  // Dropped, though this is no training: of one seed, in step with each other.
  CHECK_FALSE(near(again(data)[0], data.to_vector<double>()));
}

TEST_CASE("cells, models within models, and a layer that stands in two of them") {
  const Tensor x = Input({.shape = {4}, .name = "x"});
  const Tensor h = Input({.shape = {3}, .name = "h"});
  const Ref<layers::Dense> shared = Dense({.units = 4, .name = "shared"});
  const CellOutput step = SimpleRNNCell({.units = 3})(x, {h});
  const Tensor inner_x = Input({.shape = {4}, .name = "inner_x"});
  const Graph inner = graph_of({inner_x}, {shared(inner_x) * 2}, "inner");
  const Graph graph = graph_of({x, h}, {inner(shared(x)), step.output + step.states[0]});
  CHECK(graph->weights().size() == 5);
  check_copies(graph, {some({2, 4}, float32), some({2, 3}, float32, 3)});
  CHECK(layer_from_config<layers::Functional>(serialize_layer(*graph))->weights().size() == 5);
}

TEST_CASE("copies of a graph share what it shares") {
  const Tensor x = Input({.shape = {3}, .name = "x"});
  const Ref<layers::Dense> dense = Dense({.units = 3});
  const Graph graph = graph_of({x}, {dense(dense(x))});
  const Graph copy = deep_copy(graph);
  REQUIRE(copy->sublayers().size() == 1);
  CHECK(copy->weights().size() == 2);
  copy->weights()[0].assign(Tensor::eye(3, 3));
  CHECK(near(copy(Tensor::of<float>({{1, 2, 3}})), {1, 2, 3}));
  CHECK_FALSE(near(graph(Tensor::of<float>({{1, 2, 3}})), {1, 2, 3}));
}

TEST_CASE("constants of every dtype and shape come back to the bit") {
  const double infinity = std::numeric_limits<double>::infinity();
  const Tensor x = Input({.shape = {3}, .dtype = float64, .name = "x"});
  const Tensor odd = Tensor::of<double>({infinity, -infinity, std::nan("")});
  const Tensor keep = Tensor::generate<bool>({3}, [](std::span<bool> out) {
    out[0] = out[2] = true;
    out[1] = false;
  });
  const Graph graph =
      graph_of({x}, {where(keep, x, odd), x * Tensor::of<double>({1.0 / 3, -0.0, 5e-324}), maximum(x, odd),
                     cast(x, int64) + Tensor::of<std::int64_t>({std::int64_t{1} << 62, -1, 0}),
                     concat({x, Tensor::zeros({2, 0}, float64)}, -1)});
  const Graph again = through_text(graph);
  const Tensor data = Tensor::of<double>({{1.5, 2.5, -3.5}, {0.1, 0.2, 0.3}});
  const std::vector<Tensor> first = graph(data).all();
  const std::vector<Tensor> second = again(data).all();
  for (std::size_t i = 0; i < first.size(); ++i) {
    const std::vector<double> p = first[i].to_vector<double>();
    const std::vector<double> q = second[i].to_vector<double>();
    REQUIRE(p.size() == q.size());
    for (std::size_t k = 0; k < p.size(); ++k) {
      CHECK(((std::isnan(p[k]) && std::isnan(q[k])) ||
             (p[k] == q[k] && std::signbit(p[k]) == std::signbit(q[k]))));
    }
  }
}

TEST_CASE("the config is Keras'") {
  clear_session();
  const Tensor a = Input({.shape = {4, 3}, .name = "a"});
  const Tensor h = Input({.shape = {2}, .name = "h"});
  const Tensor y = SimpleRNN({.units = 2, .name = "r"})(a, {.initial_state = {h}});
  const Graph graph = graph_of({a, h}, {Add({.name = "sum"})({y, h})});
  const Config config = serialize_layer(*graph);
  CHECK(config["module"].as<std::string>() == "keras.src.models.functional");
  CHECK(config["class_name"].as<std::string>() == "Functional");
  CHECK(config["registered_name"].as<std::string>() == "Functional");
  CHECK(to_json(config["build_config"]) == R"({"input_shape": null})");
  const Config inner = config["config"];
  CHECK(inner.keys() ==
        std::vector<std::string>{"name", "trainable", "layers", "input_layers", "output_layers"});
  CHECK(to_json(inner["input_layers"]) == R"([["a", 0, 0], ["h", 0, 0]])");
  CHECK(to_json(inner["output_layers"]) == R"(["sum", 0, 0])");
  CHECK(to_json(inner["layers"][0]) ==
        R"({"module": "keras.layers", "class_name": "InputLayer", "config": {"batch_shape": [null, 4, 3], )"
        R"("dtype": "float32", "sparse": false, "ragged": false, "name": "a", "optional": false}, )"
        R"("registered_name": null, "name": "a", "inbound_nodes": []})");
  const auto entry = [&](const std::string& name) {
    for (const Config& one : inner["layers"].elements()) {
      if (one["name"].as<std::string>() == name) return one;
    }
    return Config();
  };
  const std::string keras_a = R"({"class_name": "__keras_tensor__", "config": {"shape": [null, 4, 3], )"
                              R"("dtype": "float32", "keras_history": ["a", 0, 0]}})";
  const std::string keras_h = R"({"class_name": "__keras_tensor__", "config": {"shape": [null, 2], )"
                              R"("dtype": "float32", "keras_history": ["h", 0, 0]}})";
  const std::string keras_r = R"({"class_name": "__keras_tensor__", "config": {"shape": [null, 2], )"
                              R"("dtype": "float32", "keras_history": ["r", 0, 0]}})";
  CHECK(to_json(entry("r")["inbound_nodes"]) ==
        R"([{"args": [)" + keras_a + R"(], "kwargs": {"initial_state": )" + keras_h + "}}]");
  CHECK(to_json(entry("sum")["inbound_nodes"]) ==
        R"([{"args": [[)" + keras_r + ", " + keras_h + R"(]], "kwargs": {}}])");
}

TEST_CASE("layers in any order, null masks and constants of Keras are read") {
  const std::string text = R"({"module": "keras.src.models.functional", "class_name": "Functional", "config":
    {"name": "f", "trainable": true, "layers": [
      {"module": "keras.layers", "class_name": "Add", "config": {"name": "add"}, "registered_name": null,
       "name": "add", "inbound_nodes": [{"args": [[
         {"class_name": "__keras_tensor__", "config": {"shape": [null, 2], "dtype": "float32",
          "keras_history": ["act", 0, 0]}},
         {"class_name": "__tensor__", "config": {"value": [[1.0, 2.0]], "dtype": "float32"}}]],
         "kwargs": {"mask": null}}]},
      {"module": "keras.layers", "class_name": "InputLayer", "config": {"batch_shape": [null, 2],
       "dtype": "float32", "sparse": false, "name": "x"}, "registered_name": null, "name": "x",
       "inbound_nodes": []},
      {"module": "keras.layers", "class_name": "Activation", "config": {"name": "act", "activation": "relu"},
       "registered_name": null, "name": "act", "inbound_nodes": [{"args": [
         {"class_name": "__keras_tensor__", "config": {"shape": [null, 2], "dtype": "float32",
          "keras_history": ["x", 0, 0]}}], "kwargs": {}}]}],
     "input_layers": ["x", 0, 0], "output_layers": [["add", 0, 0]]},
    "registered_name": "Functional", "build_config": {"input_shape": null}})";
  const Ref<Layer> graph = layer_from_config(from_json(text));
  CHECK(graph->name() == "f");
  CHECK(near(graph(Tensor::of<float>({{-1, 5}})), {1, 7}));
}

TEST_CASE("errors of a graph's config name the place") {
  const std::string text = small_graph();
  deserialize_layer(from_json(text));
  const std::string missing = refusal(replaced(text, R"(["x", 0, 0]}})", R"(["y", 0, 0]}})"));
  CHECK(contains(missing, "inbound_nodes[0].args[0].config.keras_history"));
  CHECK(contains(missing, "expected a layer of the graph, got \"y\""));
  CHECK(contains(refusal(replaced(text, R"(["d", 0, 0])", R"(["d", 1, 0])")),
                 "expected a call of the layer \"d\", which is called 1 times in the graph, got call 1"));
  CHECK(contains(refusal(replaced(text, R"(["d", 0, 0])", R"(["d", 0, 4])")), "which has 1 outputs"));
  CHECK(contains(refusal(replaced(text, R"(["x", 0, 0]}})", R"(["d", 0, 0]}})")),
                 "got layers that wait for each other: \"d\", \"add\""));
  CHECK(contains(refusal(replaced(text, R"("operation": "add")", R"("operation": "ad")")),
                 "expected the name of an operation, got \"ad\": did you mean \"add\"?"));
  CHECK(contains(refusal(replaced(text, R"("attributes": {})", R"("attributes": {"axis": 1})")),
                 "expected an attribute of the operation add, got \"axis\""));
  CHECK(contains(refusal(replaced(text, R"("kwargs": {})", R"("kwargs": {"speed": 1})")),
                 "expected training, mask, initial_state or constants in a call, got \"speed\""));
  CHECK(contains(refusal(replaced(text, R"("name": "d", "inbound)", R"("name": "x", "inbound)")),
                 "got two called \"x\""));
  CHECK(contains(refusal(replaced(text, R"("value": 1.0)", R"("value": [1.0, 2.0])")),
                 "expected as many elements as the shape [] has, got 2"));
  CHECK(contains(refusal(replaced(text, R"("output_layers": ["add", 0, 0])", R"("output_layers": [])")),
                 "expected at least one output"));
  CHECK(contains(refusal(replaced(text, R"("input_layers": ["x", 0, 0])", R"("input_layers": 3)")),
                 "config.config.input_layers: expected a list or a map, got the integer 3"));
}

TEST_CASE("a C++ function in a graph is no config") {
  const Tensor x = Input({.shape = {2}, .name = "x"});
  const auto same = [](const std::vector<Tensor>& in) {
    return CustomGradient{in, [](const std::vector<Tensor>& dy) { return dy; }};
  };
  const Graph graph = graph_of({x}, custom_gradient(same, {x}));
  const std::string message = message_of<ValueError>([&] { serialize_layer(*graph); });
  CHECK(contains(message, "expected attributes that a config can hold"));
  CHECK(contains(message, "register_layer"));
}
