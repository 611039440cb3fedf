#include <unspool/layers/functional.h>
#include <unspool/layers/graph.h>

#include "support.h"

using namespace unspool;
using namespace unspool::testing;

namespace {

Ref<layers::Functional> graph(const std::vector<Tensor>& inputs, const std::vector<Tensor>& outputs,
                              const std::string& name = {}) {
  return make<layers::Functional>(inputs, outputs, FunctionalOptions{.name = name});
}

class NonZeroMask : public Layer {
 public:
  Tensor call(const Tensor& x, const CallArgs&) override { return x * 1; }
  Tensor compute_mask(const std::vector<Tensor>& inputs, const Tensor&) override {
    return any(not_equal(inputs.at(0), 0), {-1});
  }
};

/// Says how it was called.
class SeesMask : public Layer {
 public:
  using Layer::Layer;
  Tensor call(const Tensor& x, const CallArgs& args) override {
    ++calls;
    training = args.is_training();
    mask = args.mask;
    add_loss(sum(x));
    return x + 0;
  }
  int calls = 0;
  bool training = false;
  Tensor mask;
};

}  // namespace

TEST_CASE("a graph of layers and operations computes what the same calls do") {
  const Ref<layers::Dense> first = Dense({.units = 4, .activation = "tanh"});
  const Ref<layers::Dense> second = Dense({.units = 3});
  const Tensor x = Input({.shape = {3}});
  const Tensor h = first(x);
  const Ref<layers::Functional> model = graph({x}, {softmax(second(h) * 2 + x)});
  const Tensor data = some({5, 3}, float32);
  const Tensor expected = softmax(second(first(data)) * 2 + data);
  CHECK(near(model(data), expected.to_vector<double>(), 0));
  CHECK(model->nodes().size() == 5);
  CHECK(model->sublayers().size() == 2);
  CHECK(model->weights().size() == 4);
  CHECK(model->built());
  CHECK(model->compute_output_shape({unknown, 3}) == Shape{unknown, 3});
  // Weights change, the graph stays.
  second->set_weights({Tensor::zeros({4, 3}), Tensor::zeros({3})});
  CHECK(near(model(data), softmax(data).to_vector<double>(), 1e-7));
}

TEST_CASE("several inputs and outputs, some of them used more than once or not at all") {
  const Tensor a = Input({.shape = {2}});
  const Tensor b = Input({.shape = {2}});
  const Tensor unused = Input({.shape = {7}});
  const Tensor sum = a + b;
  const Ref<layers::Functional> model = graph({a, b, unused}, {sum * a, a, sum});
  const Tensor x = Tensor::of<float>({{1, 2}});
  const Tensor y = Tensor::of<float>({{10, 20}});
  const auto [product, same, plus] = unpack<3>(model({x, y, Tensor::zeros({1, 7})}));
  CHECK(near(product, {11, 44}));
  CHECK(near(same, {1, 2}));
  CHECK(near(plus, {11, 22}));
  CHECK(contains(message_of<ValueError>([&] { model({x, y}); }), "3 inputs"));
  CHECK(contains(message_of<ValueError>([&] {
                   model({x, y, Tensor::zeros({1, 7}), y});
                 }),
                 "expected 3 inputs, got 4"));
}

TEST_CASE("layers stand in Keras' order, far from the outputs first") {
  const Tensor x = Input({.shape = {2}});
  const Ref<layers::Dense> a = Dense({.units = 2, .name = "a"});
  const Ref<layers::Dense> b = Dense({.units = 2, .name = "b"});
  const Ref<layers::Dense> c = Dense({.units = 2, .name = "c"});
  const Ref<layers::Dense> d = Dense({.units = 2, .name = "d"});
  // A shared layer stands where its call farthest from the outputs does.
  const Tensor deep = c(d(x));
  const Ref<layers::Functional> model = graph({x}, {b(x), a(deep), d(b(x))});
  std::string names;
  for (const Ref<LayerBase>& layer : model->sublayers()) names += layer->name();
  CHECK(names == "dbca");
}

TEST_CASE("shared layers run once a node with one set of weights") {
  const Ref<SeesMask> probe = make<SeesMask>();
  const Ref<layers::Dense> shared = Dense({.units = 2});
  const Tensor a = Input({.shape = {2}});
  const Tensor b = Input({.shape = {2}});
  const Ref<layers::Functional> model = graph({a, b}, {shared(probe(a)) + shared(probe(b))});
  const int before = probe->calls;
  const Tensor x = some({3, 2}, float32);
  const Tensor y = some({3, 2}, float32, 5);
  CHECK(near(model({x, y}), (shared(x) + shared(y)).to_vector<double>(), 0));
  CHECK(probe->calls == before + 2);
  CHECK(model->weights().size() == 2);
  // Losses of both calls count, and not those of calls before.
  CHECK(model->losses().size() == 2);
  model({x, y});
  CHECK(model->losses().size() == 2);
  CHECK(near(model->losses()[0], sum(x).to_vector<double>()));
}

TEST_CASE("training and masks go down to the nodes") {
  const Ref<SeesMask> probe = make<SeesMask>();
  const Ref<SeesMask> always = make<SeesMask>();
  const Tensor x = Input({.shape = {unknown, 2}});
  const Tensor marked = make<NonZeroMask>()(x);
  const Ref<layers::Functional> model =
      graph({x}, {probe(marked), always(marked, {.training = true}), Dense({.units = 1})(marked)});
  const Tensor data = Tensor::of<float>({{{1, 0}, {0, 0}}, {{0, 0}, {3, 4}}});
  const Outputs outputs = model(data, {.training = true});
  CHECK(probe->training);
  CHECK(probe->mask.to_vector<int>() == std::vector<int>{1, 0, 0, 1});
  CHECK_FALSE(mask_of(outputs.all()[0]));
  CHECK(mask_of(outputs.all()[2]).to_vector<int>() == std::vector<int>{1, 0, 0, 1});
  model(data);
  CHECK_FALSE(probe->training);
  CHECK(always->training);
}

TEST_CASE("masks: attached anew, taken away, given as arguments, given from outside") {
  const Tensor x = Input({.shape = {3, 2}});
  const Tensor bits = Input({.shape = {3}, .dtype = boolean});
  const Tensor marked = make<NonZeroMask>()(x);
  const Ref<layers::SimpleRNN> rnn = SimpleRNN({.units = 2});
  const Ref<layers::Functional> model =
      graph({x, bits}, {rnn(with_mask(x, bits)), rnn(with_mask(marked, {})), rnn(marked),
                        rnn(x, {.mask = logical_not(bits)}), rnn(marked, {.mask = bits})});
  const Tensor data = Tensor::of<float>({{{1, 2}, {0, 0}, {3, 4}}});
  const Tensor mask = mask_of_bits({{0, 1, 1}});
  const Outputs outputs = model({data, mask});
  const auto same = [&](std::size_t i, const Tensor& expected) {
    return near(outputs.all()[i], expected.to_vector<double>(), 0);
  };
  CHECK(same(0, rnn(data, {.mask = mask})));
  CHECK(same(1, rnn(data)));
  CHECK(same(2, rnn(data, {.mask = mask_of_bits({{1, 0, 1}})})));
  CHECK(same(3, rnn(data, {.mask = mask_of_bits({{1, 0, 0}})})));
  CHECK(same(4, rnn(data, {.mask = mask})));

  const Ref<layers::Functional> plain = graph({x}, {rnn(x)});
  const std::vector<double> expected = rnn(data, {.mask = mask}).to_vector<double>();
  CHECK(near(plain(with_mask(data, mask)), expected, 0));
  CHECK(near(plain(data, {.mask = mask}), expected, 0));
}

TEST_CASE("symbolic states: an encoder and a decoder") {
  const Tensor source = Input({.shape = {unknown, 4}});
  const Tensor target = Input({.shape = {unknown, 3}});
  const Ref<layers::SimpleRNN> encoder = SimpleRNN({.units = 5, .return_state = true});
  const Ref<layers::SimpleRNN> decoder = SimpleRNN({.units = 5, .return_sequences = true});
  const auto [last, state] = unpack<2>(encoder(source));
  const Ref<layers::Functional> model =
      graph({source, target}, {decoder(target, {.initial_state = {state}})});
  const Tensor x = some({2, 6, 4}, float32);
  const Tensor y = some({2, 3, 3}, float32);
  const Tensor expected = decoder(y, {.initial_state = {unpack<2>(encoder(x))[1]}});
  CHECK(near(model({x, y}), expected.to_vector<double>(), 0));
  // As a list, too.
  const Ref<layers::Functional> listed = graph({source, target}, {decoder({target, state})});
  CHECK(near(listed({x, y}), expected.to_vector<double>(), 0));
}

TEST_CASE("a cell in a graph") {
  const Tensor x = Input({.shape = {4}});
  const Tensor h = Input({.shape = {3}});
  const Ref<layers::SimpleRNNCell> cell = SimpleRNNCell({.units = 3});
  const CellOutput once = cell(x, {h});
  const CellOutput twice = cell(x, once.states);
  const Ref<layers::Functional> model = graph({x, h}, {twice.output});
  CHECK(model->weights().size() == 3);
  const Tensor data = some({2, 4}, float32);
  const Tensor start = some({2, 3}, float32);
  const Tensor expected = cell(data, cell(data, {start}).states).output;
  CHECK(near(model({data, start}), expected.to_vector<double>(), 0));
}

TEST_CASE("a graph called on symbolic tensors is one node") {
  const Tensor x = Input({.shape = {2}});
  const Ref<layers::Functional> inner = graph({x}, {Dense({.units = 3})(x), x * 2});
  // On its own input, too.
  const auto [y, doubled] = unpack<2>(inner(x));
  CHECK(GraphNode::of(y)->layer().get() == inner.pointer().get());
  CHECK(y.shape() == Shape{unknown, 3});
  const Ref<layers::Functional> outer = graph({x}, {y, doubled + 1});
  CHECK(outer->nodes().size() == 2);
  CHECK(outer->weights().size() == 2);
  const Tensor data = some({4, 2}, float32);
  CHECK(near(outer(data)[0], inner(data)[0].to_vector<double>(), 0));
  CHECK(near(outer(data).all()[1], (data * 2 + 1).to_vector<double>(), 0));
  const std::weak_ptr<LayerBase> watch = inner.pointer();
  CHECK_FALSE(watch.expired());
}

TEST_CASE("inputs are cast to the dtype of their Input, and nothing is rounded on the way") {
  const Tensor x = Input({.shape = {2}, .dtype = float64});
  const Ref<layers::Functional> model = graph({x}, {x * 1});
  const Tensor third = Tensor::of<double>({{1.0 / 3, 2.0 / 3}});
  CHECK(near(model(third), {1.0 / 3, 2.0 / 3}, 0));
  CHECK(model(Tensor::ones({1, 2}, int32)).dtype() == float64);
  CHECK(contains(message_of<ValueError>([&] { model(Tensor::ones({1, 3})); }), "[1, 3]"));
  // The batch size of an Input is no rule.
  const Tensor fixed = Input({.batch_shape = {4, 2}});
  CHECK(graph({fixed}, {fixed * 2})(Tensor::ones({3, 2})).shape() == Shape{3, 2});
}

TEST_CASE("a frozen graph freezes its layers") {
  const Tensor x = Input({.shape = {2}});
  const Tensor y = Dense({.units = 1})(x);
  const auto model = make<layers::Functional>(std::vector{x}, std::vector{y},
                                              FunctionalOptions{.name = "f", .trainable = false});
  CHECK(model->trainable_weights().empty());
  CHECK(model->name() == "f");
}

TEST_CASE("errors of graphs") {
  const Tensor x = Input({.shape = {2}, .name = "x"});
  const Tensor z = Input({.shape = {2}, .name = "z"});
  const Ref<layers::Dense> dense = Dense({.units = 2, .name = "d"});
  const Tensor y = dense(x + z);
  const std::string missing = message_of<ValueError>([&] { graph({x}, {y}, "m"); });
  CHECK(contains(missing,
                 "graph disconnected: the operation add of the model m expected a tensor that depends on the "
                 "inputs, got float32[?, 2]"));
  CHECK(contains(missing, "the Input z"));
  const Tensor of_layer = dense(z);
  CHECK(contains(message_of<ValueError>([&] { graph({x}, {of_layer}, "m"); }),
                 "graph disconnected: the layer d of the model m"));
  CHECK(contains(message_of<ValueError>([&] { graph({x}, {z}, "m"); }), "output 0 of the model m"));
  const std::string concrete = message_of<ValueError>([&] { graph({x}, {Tensor::ones({2, 2})}, "m"); });
  CHECK(
      contains(concrete,
               "graph disconnected: output 0 of the model m: expected a symbolic tensor, got float32[2, 2]"));
  const std::string no_input = message_of<ValueError>([&] { graph({x, y}, {y}, "m"); });
  CHECK(contains(no_input,
                 "input 1 of the model m: expected the result of Input(), got float32[?, 2], which comes "
                 "from the layer d"));
  CHECK(contains(message_of<ValueError>([&] { graph({Tensor::ones({2})}, {y}); }), "float32[2]"));
  CHECK(contains(message_of<ValueError>([&] {
                   graph({x, z, x}, {y});
                 }),
                 "expected each Input once among its inputs, got x twice"));
  CHECK(contains(message_of<ValueError>([&] { graph({}, {y}); }), "at least one input"));
  CHECK(contains(message_of<ValueError>([&] { graph({x}, {}); }), "at least one output"));
  const Tensor twins = Dense({.units = 1, .name = "d"})(y);
  CHECK(contains(message_of<ValueError>([&] { graph({x, z}, {twins}, "m"); }), "got two called \"d\""));
  const Tensor like_input = Dense({.units = 1, .name = "x"})(x);
  CHECK(contains(message_of<ValueError>([&] { graph({x}, {like_input}); }), "\"x\""));

  Ref<layers::Dense> last = Dense({.units = 1, .name = "last"});
  last(Dense({.units = 2})(Input({.shape = {2}})));
  CHECK(contains(message_of<ValueError>([&] { graph({x}, {last->output()}); }), "a graph that is gone"));
  CHECK(contains(message_of<ValueError>([&] { graph({x}, {dense(x)})(x, {.initial_state = {x}}); }),
                 "expected neither initial_state nor constants"));
}

TEST_CASE("errors at run time name the layers around") {
  const Tensor x = Input({.shape = {unknown, 2}});
  const Tensor h = Input({.shape = {3}});
  const Ref<layers::Functional> model =
      graph({x, h}, {SimpleRNN({.units = 3, .name = "r"})(x, {.initial_state = {h}})}, "m");
  const std::string message = message_of<ValueError>([&] {
    model({Tensor::ones({2, 4, 2}), Tensor::ones({5, 3})});
  });
  CHECK(contains(message, "m/r: "));
  CHECK(contains(message, "[5, 3]"));
}

TEST_CASE("a long graph runs and is freed") {
  Tensor x = Input({.shape = {1}});
  const Tensor start = x;
  const Ref<SeesMask> probe = make<SeesMask>();
  for (int i = 0; i < 20000; ++i) x = i % 2 == 0 ? x + 1 : Tensor(probe(x));
  Ref<layers::Functional> model = graph({start}, {x});
  x = {};
  CHECK(near(model(Tensor::zeros({1, 1})), {10000}));
  model = {};
}
