#include <set>

#include "recurrent_support.h"

using namespace unspool;
using namespace unspool::testing;

namespace {

/// What a wrapper hands on to the cell in it.
enum class HandsOn { all, training, nothing };

std::vector<StateSize> sizes_of(const Ref<Cell>& cell) {
  std::vector<StateSize> sizes;
  for (const Shape& size : cell->state_sizes()) sizes.emplace_back(size);
  return sizes;
}

/// A cell around another one, without build().
class WrapsCell : public Cell {
 public:
  explicit WrapsCell(const Ref<Cell>& cell, HandsOn hands_on = HandsOn::all, const std::string& name = "")
      : Cell({.state_sizes = sizes_of(cell),
              .output_size = cell->output_size(),
              .name = name,
              .dtype = cell->dtype()}),
        inner_(add_layer("inner", cell)),
        hands_on_(hands_on) {}
  bool supports_constants() const override { return inner_->supports_constants(); }
  CellOutput call(const Tensor& x, const States& states, const CallArgs& args) override {
    if (hands_on_ == HandsOn::all) return inner_(x, states, args);
    if (hands_on_ == HandsOn::training) return inner_(x, states, {.training = args.training});
    return inner_(x, states);
  }
  Config get_config() const override { return Cell::get_config().set("inner", serialize_layer(*inner_)); }
  static Ref<WrapsCell> from_config(const Config& config) {
    return make<WrapsCell>(layer_from_config<Cell>(config["inner"]), HandsOn::all,
                           config["name"].as<std::string>());
  }

 private:
  Ref<Cell> inner_;
  HandsOn hands_on_;
};

/// WrapsCell through a layer: a cell that calls a layer that calls a cell.
class StepLayer : public Layer {
 public:
  explicit StepLayer(const Ref<Cell>& cell)
      : Layer({.dtype = cell->dtype()}), cell_(add_layer("cell", cell)) {}
  std::vector<Tensor> call_all(const std::vector<Tensor>& inputs, const CallArgs&) override {
    CellOutput step = cell_(inputs.front(), States(inputs.begin() + 1, inputs.end()));
    step.states.insert(step.states.begin(), step.output);
    return step.states;
  }

 private:
  Ref<Cell> cell_;
};
class ThroughLayer : public Cell {
 public:
  explicit ThroughLayer(const Ref<Cell>& cell)
      : Cell({.state_sizes = sizes_of(cell), .output_size = cell->output_size(), .dtype = cell->dtype()}),
        cell_(cell),
        step_(add_layer("step", make<StepLayer>(cell))) {}
  CellOutput call(const Tensor& x, const States& states, const CallArgs&) override {
    std::vector<Tensor> inputs = {x};
    inputs.insert(inputs.end(), states.begin(), states.end());
    std::vector<Tensor> outputs = step_(inputs).all();
    return {outputs.front(), States(outputs.begin() + 1, outputs.end())};
  }
  Config get_config() const override { return Cell::get_config().set("inner", serialize_layer(*cell_)); }

 private:
  Ref<Cell> cell_;
  Ref<StepLayer> step_;
};

void register_composed() {
  register_layer<WrapsCell>("test>WrapsCell");
  register_layer<ThroughLayer>("test>ThroughLayer", [](const Config& config) {
    return make<ThroughLayer>(layer_from_config<Cell>(config["inner"]));
  });
}

/// The output is the dropped input: kernel one, no state.
Ref<Cell> dropping(std::int64_t seed, DType dtype = float32) {
  return SimpleRNNCell({.units = 20,
                        .activation = "linear",
                        .use_bias = false,
                        .kernel_initializer = "identity",
                        .recurrent_initializer = "zeros",
                        .dropout = 0.5,
                        .seed = seed,
                        .dtype = dtype});
}

struct Depth {
  std::string name;
  Ref<Cell> (*make)(DType dtype);
  int masks;
};

std::vector<Depth> depths() {
  return {
      {"all arguments handed on", [](DType t) { return Ref<Cell>(make<WrapsCell>(dropping(1, t))); }, 1},
      {"training handed on",
       [](DType t) { return Ref<Cell>(make<WrapsCell>(dropping(1, t), HandsOn::training)); }, 1},
      {"nothing handed on",
       [](DType t) { return Ref<Cell>(make<WrapsCell>(dropping(1, t), HandsOn::nothing)); }, 1},
      {"a wrapper in a wrapper",
       [](DType t) { return Ref<Cell>(make<WrapsCell>(make<WrapsCell>(dropping(1, t)), HandsOn::nothing)); },
       1},
      {"a wrapper around a stack",
       [](DType t) {
         return Ref<Cell>(make<WrapsCell>(StackedRNNCells({dropping(1, t), dropping(2, t)})));
       },
       2},
      {"wrappers in a stack",
       [](DType t) {
         return Ref<Cell>(
             StackedRNNCells({make<WrapsCell>(dropping(1, t)), make<WrapsCell>(dropping(2, t))}));
       },
       2},
      {"a layer between", [](DType t) { return Ref<Cell>(make<ThroughLayer>(dropping(1, t))); }, 1},
  };
}

}  // namespace

TEST_CASE("dropout at any depth of cells: one mask a call of the RNN, another one in the next call") {
  const Tensor x = Tensor::ones({10, 3, 20});
  for (const Depth& depth : depths()) {
    CAPTURE(depth.name);
    for (const bool unroll : {false, true}) {
      const Ref<layers::RNN> rnn = RNN(depth.make(float32), {.return_sequences = true, .unroll = unroll});
      CHECK(near(rnn(x), std::vector<double>(600, 1)));
      const Tensor y = rnn(x, {.training = true});
      const std::vector<float> first = slice(y, 1, 0, 1).to_vector<float>();
      CHECK(slice(y, 1, 1, 2).to_vector<float>() == first);
      CHECK(slice(y, 1, 2, 3).to_vector<float>() == first);
      const float most = depth.masks == 1 ? 2 : 4;
      CHECK(std::set<float>(first.begin(), first.end()) == std::set<float>{0, most});
      CHECK(slice(rnn(x, {.training = true}), 1, 0, 1).to_vector<float>() != first);
      CHECK(near(rnn(x), std::vector<double>(600, 1)));
    }
  }
}

TEST_CASE("a wrapped cell draws what it draws by itself, by scan and by unroll") {
  const Tensor x = Tensor::ones({10, 3, 20}, float64);
  const auto outputs = [&](const Ref<Cell>& cell, bool unroll) {
    const Ref<layers::RNN> rnn = RNN(cell, {.return_sequences = true, .unroll = unroll});
    std::vector<double> all;
    for (int call = 0; call < 2; ++call) {
      for (const double value : rnn(x, {.training = true}).to_vector<double>()) all.push_back(value);
    }
    return all;
  };
  const std::vector<double> alone = outputs(dropping(1, float64), false);
  const std::vector<double> stack =
      outputs(StackedRNNCells({dropping(1, float64), dropping(2, float64)}), false);
  for (const Depth& depth : depths()) {
    CAPTURE(depth.name);
    for (const bool unroll : {false, true}) {
      CHECK(outputs(depth.make(float64), unroll) == (depth.masks == 1 ? alone : stack));
    }
  }
}

TEST_CASE("masks that a cell keeps for calls outside of an RNN are none of an RNN's") {
  const Ref<layers::SimpleRNNCell> cell = SimpleRNNCell({.units = 4, .dropout = 0.5, .seed = 1});
  const Ref<layers::RNN> rnn = RNN(make<WrapsCell>(cell));
  const Tensor x = Tensor::ones({8, 3});
  const auto kept = [&] { return cell->get_dropout_mask_for_cell(x, true).at(0).to_vector<float>(); };
  const std::vector<float> first = kept();
  CHECK(kept() == first);
  rnn(Tensor::ones({8, 2, 3}), {.training = true});
  CHECK(kept() != first);  // An RNN resets what its cells keep, at any depth.
  CHECK(cell->seed_generators().at(0)->counter() == 3);
}

namespace {

/// Asks for its masks by the methods of Keras' pages.
class AsksForMasks : public DropoutCell {
 public:
  explicit AsksForMasks(Index size)
      : DropoutCell({.state_sizes = {size}}, {.dropout = 0.5, .recurrent_dropout = 0.5, .seed = 1}) {}
  CellOutput call(const Tensor& x, const States& states, const CallArgs& args) override {
    const std::vector<Tensor> input = get_dropout_mask_for_cell(x, args.is_training(), 2);
    const std::vector<Tensor> state = get_recurrent_dropout_mask_for_cell(states[0], args.is_training());
    return {x * input[0] * input[1] * state[0], {states[0]}};
  }
};

}  // namespace

TEST_CASE("the methods of Keras' pages give the masks of the sequence in the steps of an RNN") {
  const Tensor x = Tensor::ones({10, 3, 20});
  for (const bool unroll : {false, true}) {
    const Ref<layers::RNN> rnn =
        RNN(make<WrapsCell>(make<AsksForMasks>(20)), {.return_sequences = true, .unroll = unroll});
    const Tensor y = rnn(x, {.training = true});
    const std::vector<float> first = slice(y, 1, 0, 1).to_vector<float>();
    CHECK(std::set<float>(first.begin(), first.end()) == std::set<float>{0, 8});
    CHECK(slice(y, 1, 2, 3).to_vector<float>() == first);
    CHECK(slice(rnn(x, {.training = true}), 1, 0, 1).to_vector<float>() != first);
  }
}

namespace {

/// Adds what it makes of a constant, once a call.
class Biased : public Cell {
 public:
  Biased() : Cell({.state_sizes = {2}, .dtype = float64}) {}
  void build_all(const std::vector<Shape>& shapes) override {
    kernel_ = add_weight({.name = "kernel", .shape = {shapes.at(1).back(), 2}, .initializer = "ones"});
  }
  CallCache call_cache(const Tensor&, const CallArgs& args) override {
    ++made;
    return {{tanh(matmul(args.constants.at(0), kernel_))}};
  }
  CellOutput call(const Tensor& x, const States& states, const CallArgs& args) override {
    const Tensor next = tanh(states[0] + x + args.call_cache->tensors.at(0));
    return {next, {next}};
  }
  int made = 0;

 private:
  Variable kernel_;
};

/// Calls one cell twice a step, with other constants.
class CallsTwice : public Cell {
 public:
  explicit CallsTwice(const Ref<Cell>& cell)
      : Cell({.state_sizes = sizes_of(cell), .dtype = cell->dtype()}), cell_(add_layer("cell", cell)) {}
  void build_all(const std::vector<Shape>& shapes) override {
    cell_->build_once({shapes.at(0), shapes.at(1)});
  }
  CellOutput call(const Tensor& x, const States& states, const CallArgs& args) override {
    const CellOutput once = cell_(x, states, {.constants = {args.constants.at(0)}});
    return cell_(once.output, once.states, {.constants = {args.constants.at(1)}});
  }

 private:
  Ref<Cell> cell_;
};

}  // namespace

TEST_CASE("what a wrapped cell makes of the constants is made once a call, and has gradients") {
  const Tensor x = some({3, 5, 2});
  const Tensor c = some({3, 4});
  const auto run = [&](bool unroll) {
    const Ref<Biased> cell = make<Biased>();
    const Ref<layers::RNN> rnn = RNN(make<WrapsCell>(cell), {.return_sequences = true, .unroll = unroll});
    rnn(x, {.constants = {c}});
    cell->made = 0;
    GradientTape tape;
    tape.watch(c);
    const Tensor y = rnn(x, {.constants = {c}});
    CHECK(cell->made == 1);
    const std::vector<Tensor> gradients = tape.gradient(sum(square(y)), {c, cell->weights()[0]});
    std::vector<double> all = y.to_vector<double>();
    for (const Tensor& gradient : gradients) {
      for (const double value : gradient.to_vector<double>()) all.push_back(value);
    }
    return all;
  };
  const std::vector<double> scanned = run(false);
  const std::vector<double> unrolled = run(true);
  CHECK(near(Tensor::from(scanned), unrolled, 1e-12));
  // Of each set of constants its own.
  const Ref<Biased> cell = make<Biased>();
  const Ref<layers::RNN> twice = RNN(make<CallsTwice>(cell));
  const Tensor other = some({3, 4}, float64, 7);
  const Tensor y = twice(x, {.constants = {c, other}});
  CHECK(cell->made == 2);
  const Ref<layers::RNN> by_step = RNN(make<CallsTwice>(cell), {.unroll = true});
  CHECK(near(by_step(x, {.constants = {c, other}}), y.to_vector<double>(), 1e-12));
}

namespace {

/// A cell that runs a recurrent layer over its input at every step.
class Sentence : public Cell {
 public:
  explicit Sentence(const Ref<layers::RNN>& words)
      : Cell({.state_sizes = {20}, .dtype = words->dtype()}), words_(add_layer("words", words)) {}
  CellOutput call(const Tensor& x, const States& states, const CallArgs&) override {
    return {words_(x), {states[0] + 1}};
  }

 private:
  Ref<layers::RNN> words_;
};

}  // namespace

TEST_CASE("an RNN in the step of another one draws once for each of its calls") {
  const Tensor x = Tensor::ones({6, 4, 3, 20}, float64);
  const auto run = [&](bool unroll) {
    const Ref<layers::RNN> rnn = RNN(make<Sentence>(RNN(make<WrapsCell>(dropping(5, float64)))),
                                     {.return_sequences = true, .unroll = unroll});
    std::vector<double> all;
    for (int call = 0; call < 2; ++call) {
      for (const double value : rnn(x, {.training = true}).to_vector<double>()) all.push_back(value);
    }
    return all;
  };
  const std::vector<double> scanned = run(false);
  CHECK(scanned == run(true));
  // Another mask at every step of the outer RNN.
  const Tensor y = Tensor::from(scanned, {2, 6, 4, 20});
  CHECK(slice(y, 2, 0, 1).to_vector<double>() != slice(y, 2, 1, 2).to_vector<double>());
}

TEST_CASE("a cell that builds its cells by calling them has its weights before the first call") {
  register_composed();
  const auto cells = [] {
    return std::vector<std::pair<Ref<Cell>, std::size_t>>{
        {make<WrapsCell>(LSTMCell({.units = 2})), 3},
        {make<WrapsCell>(make<WrapsCell>(GRUCell({.units = 2, .use_bias = false}))), 2},
        {make<WrapsCell>(StackedRNNCells({LSTMCell({.units = 3}), GRUCell({.units = 2})})), 6},
        {StackedRNNCells({make<WrapsCell>(LSTMCell({.units = 3})), GRUCell({.units = 2})}), 6},
        {make<ThroughLayer>(GRUCell({.units = 2})), 3}};
  };
  for (const auto& [cell, weights] : cells()) {
    CHECK_FALSE(cell->built());
    const Ref<layers::RNN> rnn = RNN(cell);
    rnn(Input({.shape = {unknown, 3}}));
    CHECK(rnn->built());
    CHECK(rnn->weights().size() == weights);
    CHECK(rnn->weights()[0].path().starts_with(rnn->name() + "/" + cell->name() + "/"));
  }
  for (const auto& [cell, weights] : cells()) {
    const Ref<layers::RNN> rnn = RNN(cell);
    rnn->build_once({unknown, unknown, 3});
    CHECK(rnn->weights().size() == weights);
    const Ref<layers::RNN> same = deep_copy(rnn);
    CHECK(same->weights().size() == weights);
  }
  for (const auto& [cell, weights] : cells()) {
    cell->build_once(Shape{unknown, 3});
    CHECK(cell->built());
    CHECK(cell->weights().size() == weights);
  }
}

namespace {

/// Layers in a layer, without build().
class LayersInLayer : public Layer {
 public:
  LayersInLayer() {
    add_layer("embedding", embedding_);
    add_layer("dense", dense_);
  }
  Tensor call(const Tensor& x, const CallArgs&) override { return dense_(embedding_(x)); }

 private:
  Ref<layers::Embedding> embedding_ = Embedding({.input_dim = 5, .output_dim = 3});
  Ref<layers::Dense> dense_ = Dense({.units = 2});
};

/// Reads a value of its input.
class Reads : public Cell {
 public:
  Reads() : Cell({.state_sizes = {2}}), dense_(add_layer("dense", Dense({.units = 2}))) {}
  CellOutput call(const Tensor& x, const States&, const CallArgs&) override {
    const Tensor next = dense_(x) * x.item<float>({0, 0});
    return {next, {next}};
  }

 private:
  Ref<layers::Dense> dense_;
};

}  // namespace

TEST_CASE("a layer that builds its layers by calling them has its weights once it is built") {
  const Ref<LayersInLayer> block = make<LayersInLayer>();
  block->build_once(Shape{unknown, 4});
  CHECK(block->count_params() == 15 + 6 + 2);
  const Ref<layers::TimeDistributed> each = TimeDistributed(make<LayersInLayer>());
  each->build_once(Shape{unknown, unknown, 4});
  CHECK(each->weights().size() == 3);
  register_layer<LayersInLayer>("test>LayersInLayer", [](const Config&) { return make<LayersInLayer>(); });
  const Ref<LayersInLayer> again = layer_from_config<LayersInLayer>(serialize_layer(*block));
  CHECK(again->built());
  CHECK(again->count_params() == 23);
}

TEST_CASE("a cell that cannot run without values is built by its first call, and says so before") {
  const Ref<layers::RNN> rnn = RNN(make<Reads>(), {.unroll = true});
  rnn(Input({.shape = {4, 3}}));
  CHECK_FALSE(rnn->built());
  CHECK(contains(message_of<ValueError>([&] { rnn->count_params(); }), "expected a layer that is built"));
  const Tensor x = Tensor::ones({2, 4, 3});
  rnn(x);
  CHECK(rnn->built());
  CHECK(rnn->count_params() == 8);
}

TEST_CASE("one cell at several places: its weights are there once, in copies as well") {
  const Tensor x = some({2, 5, 3}, float32);
  const Ref<layers::GRUCell> cell = GRUCell({.units = 3});
  register_composed();
  const std::vector<Ref<Layer>> layers = {
      RNN({cell, cell}),
      RNN(make<WrapsCell>(StackedRNNCells({cell, cell}))),
      RNN({make<WrapsCell>(cell), make<WrapsCell>(cell), cell}),
  };
  for (const Ref<Layer>& layer : layers) {
    const Tensor y = layer(x);
    CHECK(layer->weights().size() == 3);
    const Ref<Layer> copy = deep_copy(layer);
    CHECK(copy->weights().size() == 3);
    CHECK(copy(x).to_vector<float>() == y.to_vector<float>());
    const Ref<Layer> fresh = clone(layer);
    fresh(x);
    CHECK(fresh->get_config() == layer->get_config());
    CHECK(fresh->weights().size() == 3);
    fresh->set_weights(layer->get_weights());
    CHECK(fresh(x).to_vector<float>() == y.to_vector<float>());
    const Ref<Layer> read = layer_from_config(from_json(to_json(serialize_layer(*layer))));
    CHECK(read->weights().size() == 3);
    // Each direction has a copy.
    const auto rnn = std::dynamic_pointer_cast<layers::RNN>(layer.pointer());
    const Ref<layers::Bidirectional> both = Bidirectional(Ref<layers::RNN>(rnn));
    both(x);
    CHECK(both->weights().size() == 6);
    CHECK(deep_copy(both)->weights().size() == 6);
  }
}

TEST_CASE("a shared cell stays shared, and copies made within a layer share nothing with what is around") {
  const Tensor in = Input({.shape = {5, 3}});
  const Ref<layers::GRUCell> cell = GRUCell({.units = 3});
  const Ref<layers::GRUCell> other = GRUCell({.units = 3});
  const Tensor one = RNN(cell, {.return_sequences = true})(in);
  const Tensor two = RNN(cell, {.go_backwards = true})(one);
  const Tensor three = Bidirectional(RNN({other, other}))(one);
  const Model model({in}, concat({two, three}));
  CHECK(model.weights().size() == 3 + 6);
  const Ref<Layer> read = layer_from_config(serialize_layer(*model.network()));
  CHECK(read->weights().size() == 9);
  const Ref<Layer> copy = deep_copy(model.network());
  const Tensor x = some({2, 5, 3}, float32);
  CHECK(copy(x).to_vector<float>() == model(x).to_vector<float>());
}

TEST_CASE(
    "the mask of TimeDistributed: that of the layer's outputs, else the steps of which any element counts") {
  const Tensor x = some({3, 5, 4, 2}, float32);
  const Tensor mask = Tensor::generate<bool>({3, 5, 4}, [](std::span<bool> out) {
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = (i * 7) % 11 < 3;
  });
  const Tensor symbolic = with_mask(Input({.shape = {5, 4, 2}}), Input({.shape = {5, 4}, .dtype = boolean}));
  const auto check = [&](const Ref<Layer>& layer, const std::vector<bool>& expected) {
    const Ref<layers::TimeDistributed> each = TimeDistributed(layer);
    const Tensor found = mask_of(each(x, {.mask = mask}));
    REQUIRE(found);
    CHECK(found.to_vector<bool>() == expected);
    CHECK(mask_of(each(symbolic)).shape().sub(1, found.rank()) == found.shape().sub(1, found.rank()));
  };
  const std::vector<bool> any_word = any(mask, {2}).to_vector<bool>();
  check(LSTM({.units = 2}), any_word);
  check(Bidirectional(GRU({.units = 2})), any_word);
  check(Flatten(), any_word);
  check(LSTM({.units = 2, .return_sequences = true}), mask.to_vector<bool>());
  check(Dense({.units = 2}), mask.to_vector<bool>());
  CHECK_FALSE(mask_of(TimeDistributed(LSTM({.units = 2}))(x)));
  // As in Keras, a mask that the layer makes itself is not that of the sequence.
  CHECK_FALSE(mask_of(TimeDistributed(Embedding({.input_dim = 5, .output_dim = 2, .mask_zero = true}))(
      Tensor::ones({2, 3, 4}, int32))));
}

TEST_CASE("sentences of masked words: the numbers of Keras") {
  const Tensor ids = Tensor::of<std::int32_t>(
      {{{1, 2, 0, 0}, {0, 0, 3, 0}, {4, 1, 2, 0}}, {{2, 2, 2, 2}, {0, 1, 0, 0}, {0, 0, 0, 0}}});
  const Ref<layers::Embedding> embed = Embedding({.input_dim = 5, .output_dim = 3, .mask_zero = true});
  const Ref<layers::LSTM> words = LSTM({.units = 2});
  const Ref<layers::GRU> sentences = GRU({.units = 2});
  const Tensor in = Input({.shape = {3, 4}, .dtype = int32});
  const Model model({in}, sentences(TimeDistributed(words)(embed(in))));
  double k = 0;
  for (const Variable& weight : model.weights()) {
    std::vector<double> values;
    for (Index i = 0; i < weight.size(); ++i) values.push_back(0.5 * std::sin(++k));
    weight.assign(cast(Tensor::from(values, weight.shape()), weight.dtype()));
  }
  CHECK(near(model(ids), {-.2413307, -.42259276, -.28472728, -.35201955}, 1e-6));
  CHECK(near(sentences(TimeDistributed(words)(embed(ids))), model(ids).to_vector<double>()));
}
