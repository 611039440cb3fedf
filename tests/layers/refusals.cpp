// What layers refuse: the kind of the error, what it says, and that the layer is afterwards as it was.
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>

#include "support.h"

using namespace unspool;
using namespace unspool::testing;

namespace {

/// All of a layer that a call may change.
struct State {
  explicit State(const LayerBase& layer)
      : built(layer.built() && !layer.weights().empty()),
        paths(paths_of(layer.weights())),
        nodes(layer.inbound_nodes().size()),
        losses(layer.losses().size()),
        specs(layer.input_spec().size()) {
    for (const Variable& weight : layer.weights()) versions.push_back(weight.version());
    for (const Variable& variable : layer.variables()) {
      for (const double value : variable.value().to_vector<double>()) values.push_back(value);
    }
    if (const auto* rnn = dynamic_cast<const layers::RNN*>(&layer)) {
      for (const Variable& state : rnn->states()) {
        for (const double value : state.value().to_vector<double>()) values.push_back(value);
      }
    }
    for (const Ref<LayerBase>& below : layer.sublayers()) sublayers.emplace_back(*below);
  }
  bool operator==(const State& other) const = default;

  bool built;
  std::vector<std::string> paths;
  std::size_t nodes;
  std::size_t losses;
  std::size_t specs;
  std::vector<std::uint64_t> versions = {};
  std::vector<double> values = {};
  std::vector<State> sublayers = {};
};

/// What is said when this is refused with an E, by a layer that is then as it was.
template <class E, class L, class F>
std::string refusal(const Ref<L>& layer, F&& f) {
  const State before(*layer);
  const std::string message = message_of<E>(f);
  CHECK_MESSAGE(before == State(*layer), "changed by what it refused: " << message);
  return message;
}

/// Calls that are refused with a ValueError, each with what the message must hold.
struct Refused {
  Inputs inputs;
  CallArgs args;
  std::vector<std::string> parts;
};

template <class L>
void check_refused(const Ref<L>& layer, const std::vector<Refused>& calls) {
  for (const Refused& call : calls) {
    const std::string message = refusal<ValueError>(layer, [&] { layer(call.inputs, call.args); });
    CAPTURE(message);
    CHECK(message.starts_with(layer->name()));
    for (const std::string& part : call.parts) CHECK(contains(message, part));
  }
}

struct Recurrent {
  std::function<Ref<Layer>(bool stateful)> make;
  std::size_t states;  // Each of size 2.
};

/// "r" of every kind.
std::vector<Recurrent> recurrent_layers() {
  return {
      {[](bool stateful) { return SimpleRNN({.units = 2, .stateful = stateful, .name = "r"}); }, 1},
      {[](bool stateful) { return LSTM({.units = 2, .stateful = stateful, .name = "r"}); }, 2},
      {[](bool stateful) { return GRU({.units = 2, .stateful = stateful, .name = "r"}); }, 1},
      {[](bool stateful) {
         return RNN({LSTMCell({.units = 2}), GRUCell({.units = 2})}, {.stateful = stateful, .name = "r"});
       },
       3},
      {[](bool stateful) {
         return Bidirectional(LSTM({.units = 2, .stateful = stateful, .name = "l"}), {.name = "r"});
       },
       4},
  };
}

/// Makes a layer of its own at its first call, and two others before.
class FailingBlock : public Layer {
 public:
  FailingBlock() : Layer({.name = "block"}) {
    first_ = add_layer(Dense({.units = 2, .name = "first"}));
    second_ = add_layer(Dense({.units = 2, .name = "second"}));
  }
  void build(const Shape& input) override {
    add_weight({.name = "own"});
    first_->build_once(input);
    third_ = add_layer(Dense({.units = 2, .name = "third"}));
    third_->build_once(input);
    second_->build_once(Shape{2, input.back() == 13 ? unknown : 2});
  }
  Tensor call(const Tensor& x, const CallArgs&) override { return second_(first_(x)) + third_(x); }

 private:
  Ref<layers::Dense> first_, second_, third_;
};

/// Adds a layer when it is called.
class LateLayer : public Layer {
 public:
  Tensor call(const Tensor& x, const CallArgs&) override {
    add_layer(Dense({.units = 1, .name = "late_dense"}));
    return x;
  }
};

/// Owns another one, when it is built.
class OwnsOther : public Layer {
 public:
  explicit OwnsOther(std::string name) : Layer({.name = std::move(name)}) {}
  void build(const Shape&) override { add_layer(Ref<Layer>(other.lock())); }
  Tensor call(const Tensor& x, const CallArgs&) override { return x; }
  std::weak_ptr<Layer> other;
};

class WrongWeight : public Layer {
 public:
  void build(const Shape&) override {
    add_weight({.name = "w", .shape = {2}, .initializer = Initializer([](const Shape&, DType) {
                                             return Tensor::ones({3});
                                           })});
  }
  Tensor call(const Tensor& x, const CallArgs&) override { return x; }
};

class NoStates : public Cell {
 public:
  NoStates() : Cell({.state_sizes = {}}) {}
  CellOutput call(const Tensor& x, const States&, const CallArgs&) override { return {x, {}}; }
};

/// Several symbolic tensors and tensors with values in one call.
Refused mixed(Inputs inputs, CallArgs args, std::vector<std::string> parts) {
  parts.insert(parts.begin(), {"r: the layer r expected initial states and constants that are all symbolic",
                               "give an Input in place of each value, or values alone"});
  return {std::move(inputs), std::move(args), std::move(parts)};
}

}  // namespace

TEST_CASE("calls that no recurrent layer runs on: not built, and built") {
  const Tensor x = Tensor::ones({2, 3, 4});
  const Tensor h = Tensor::ones({2, 2});
  for (const Recurrent& kind : recurrent_layers()) {
    const Ref<Layer> layer = kind.make(false);
    const States fits(kind.states, h);
    States empty = fits;
    empty.back() = Tensor();
    States wide = fits;
    wide.back() = Tensor::ones({2, 9});
    States long_one = fits;
    long_one.back() = Tensor::ones({7, 2});
    States many = fits;
    many.push_back(h);
    const std::vector<Refused> refused = {
        {std::vector<Tensor>{}, {}, {"expected an input, got none"}},
        {Tensor(), {}, {"input 0: expected a value, got an empty tensor"}},
        {{x, Tensor()}, {}, {"input 1: expected a value, got an empty tensor"}},
        {Tensor::ones({2, 3}), {}, {"[2, 3]"}},
        {Tensor::scalar(1, float32), {}, {"[]"}},
        {Tensor::ones({2, 3, 4, 5}), {}, {"found ndim="}},
        {Tensor::ones({2, 0, 4}), {}, {"at least one time step", "[2, 0, 4]"}},
        {Input({.shape = {0, 4}}), {}, {"at least one time step", "[?, 0, 4]"}},
        {x, {.mask = Tensor::ones({2}, boolean)}, {"a mask of shape [2, 3], got bool[2]"}},
        {x, {.mask = Tensor::ones({3, 2}, boolean)}, {"a mask of shape [2, 3], got bool[3, 2]"}},
        {x, {.mask = Tensor::ones({2, 3, 2}, boolean)}, {"a mask of shape [2, 3], got bool[2, 3, 2]"}},
        {with_mask(x, Tensor::ones({2, 5}, boolean)), {}, {"a mask of shape [2, 3], got bool[2, 5]"}},
        {x, {.initial_state = empty}, {"of shape [2, 2], got an empty tensor"}},
        {x, {.initial_state = wide}, {"of shape [2, 2], got float32[2, 9]"}},
        {x, {.initial_state = long_one}, {"of shape [2, 2], got float32[7, 2]"}},
        {x, {.initial_state = many}, {"got " + std::to_string(many.size())}},
        {x, {.constants = {h}}, {"1 constant", "does not support them"}},
        {{x, h}, {.initial_state = fits}, {"initial_state or constants by name"}},
    };
    check_refused(layer, refused);
    CHECK_FALSE(layer->built());
    layer(x);
    check_refused(layer, refused);
    check_refused(layer, {{Tensor::ones({2, 3, 5}), {}, {"to have value 4, found 5", "[2, 5]"}}});
    CHECK(contains(refusal<ValueError>(layer, [&] { layer->compute_output_shapes({}); }), "the layer "));
    CHECK(contains(refusal<ValueError>(layer, [&] { layer->compute_output_shape({2, 4}); }), "[2, 4]"));
  }
}

TEST_CASE("initial states and constants are all symbolic or all have values") {
  const Tensor x = Tensor::ones({2, 3, 4});
  const Tensor sequence = Input({.batch_shape = {2, 3, 4}});
  const Tensor h = Tensor::ones({2, 2});
  const Tensor symbolic = Input({.batch_shape = {2, 2}});
  for (const Recurrent& kind : recurrent_layers()) {
    const Ref<Layer> layer = kind.make(false);
    if (kind.states > 1) {
      States some(kind.states, symbolic);
      some.back() = h;
      const std::string last =
          "initial state " + std::to_string(kind.states - 1) + " (float32[2, 2]), which has values";
      std::vector<Tensor> list = {sequence};
      list.insert(list.end(), some.begin(), some.end());
      check_refused(layer,
                    {mixed(sequence, {.initial_state = some}, {"initial state 0 (float32[2, 2])", last}),
                     mixed(x, {.initial_state = some}, {last}), mixed(list, {}, {last})});
      CHECK_FALSE(layer->built());
    }
    // All of one sort are a call, with a sequence of either.
    for (const Tensor& in : {x, sequence}) {
      for (const Tensor& state : {h, symbolic}) {
        CHECK(layer(in, {.initial_state = States(kind.states, state)}).shape().front() == 2);
      }
    }
    CHECK(layer->inbound_nodes().size() == 3);
  }
  // A state and a constant.
  class Scaled : public Cell {
   public:
    Scaled() : Cell({.state_sizes = {2}, .name = "scaled"}) {}
    bool supports_constants() const override { return true; }
    CellOutput call(const Tensor&, const States& states, const CallArgs& args) override {
      const Tensor next = states[0] * args.constants.at(0);
      return {next, {next}};
    }
  };
  const Ref<layers::RNN> rnn = RNN(make<Scaled>(), {.name = "r"});
  check_refused(rnn, {mixed(sequence, {.initial_state = {symbolic}, .constants = {h}},
                            {"initial state 0 (float32[2, 2]), which is symbolic", "constant 0"}),
                      mixed(sequence, {.initial_state = {h}, .constants = {symbolic}},
                            {"constant 0 (float32[2, 2]), which is symbolic"}),
                      mixed({sequence, h, symbolic}, {}, {"constant 0"})});
  CHECK(rnn(sequence, {.initial_state = {symbolic}, .constants = {symbolic}}).shape() == Shape{2, 2});
  CHECK(rnn(sequence, {.initial_state = {h}, .constants = {h}}).shape() == Shape{2, 2});
  // Within the call of a layer of one's own there are no symbolic tensors: a state of zeros is none, either.
  class Zeros2 : public Layer {
   public:
    Zeros2() { lstm_ = add_layer(LSTM({.units = 2})); }
    std::vector<Tensor> call_all(const std::vector<Tensor>& in, const CallArgs&) override {
      return {lstm_(in[0], {.initial_state = {in[1], Tensor::zeros({2, 2})}})};
    }

   private:
    Ref<layers::LSTM> lstm_;
  };
  CHECK(make<Zeros2>()({sequence, symbolic}).shape() == Shape{2, 2});
}

TEST_CASE("stateful layers: batch sizes and states that do not fit") {
  const Tensor x = Tensor::ones({2, 3, 4});
  const Tensor h = Tensor::ones({2, 2});
  for (const Recurrent& kind : recurrent_layers()) {
    const Ref<Layer> layer = kind.make(true);
    check_refused(
        layer, {{Input({.shape = {3, 4}}), {}, {"expected a known batch size", "[?, 3, 4]", "batch_size"}}});
    layer(x);
    check_refused(layer,
                  {{Tensor::ones({5, 3, 4}),
                    {},
                    {"expected the batch size 2 that it was built for, got a batch size of 5", "[5, 3, 4]"}},
                   {Input({.shape = {3, 4}, .batch_size = 5}), {}, {"got a batch size of 5"}}});
    const auto rnn = std::dynamic_pointer_cast<layers::RNN>(layer.pointer());
    if (rnn == nullptr) continue;
    const Ref<layers::RNN> of_rnn(rnn);
    const auto reset = [&](std::size_t count, const Tensor& last) {
      States states(count, h);
      if (!states.empty()) states.back() = last;
      return refusal<ValueError>(of_rnn, [&] { rnn->reset_states(states); });
    };
    const std::string number = std::to_string(kind.states);
    CHECK(contains(reset(kind.states + 1, h), "the layer r expected " + number + " state"));
    CHECK(contains(reset(0, h), "got 0 values"));
    CHECK(contains(reset(kind.states, Tensor::ones({2, 3})),
                   "incompatible with the layer r: expected shape [2, 2], got float32[2, 3]"));
    CHECK(contains(reset(kind.states, Tensor()), "got an empty tensor"));
    CHECK(contains(refusal<RuntimeError>(of_rnn,
                                         [&] {
                                           States states(kind.states, h);
                                           states.back() = Input({.batch_shape = {2, 2}});
                                           rnn->reset_states(states);
                                         }),
                   "got float32[2, 2], which has none"));
  }
}

TEST_CASE("reset_states: not stateful, not built") {
  for (const Recurrent& kind : recurrent_layers()) {
    for (const bool stateful : {false, true}) {
      const Ref<Layer> layer = kind.make(stateful);
      const auto reset = [&] {
        if (const auto rnn = std::dynamic_pointer_cast<layers::RNN>(layer.pointer()))
          return rnn->reset_states();
        std::dynamic_pointer_cast<layers::Bidirectional>(layer.pointer())->reset_states();
      };
      if (stateful) {
        CHECK(contains(refusal<ValueError>(layer, reset), "expected a layer that is built"));
      } else {
        const std::string message = refusal<AttributeError>(layer, reset);
        CHECK(contains(message, "expected a stateful layer, got r"));
        CHECK(contains(message, "stateful = true"));
      }
    }
  }
  // Of a model, the layers that have states.
  const Sequential model({LSTM({.units = 2, .stateful = true})});
  CHECK_NOTHROW(model.reset_states());
}

TEST_CASE("time first: sequences, masks and states that do not fit") {
  const Ref<layers::GRU> layer = GRU({.units = 2, .time_major = true, .name = "r"});
  const Tensor x = Tensor::ones({3, 2, 4});
  check_refused(layer,
                {{x, {.mask = Tensor::ones({2, 3}, boolean)}, {"a mask of shape [3, 2], got bool[2, 3]"}},
                 {x, {.initial_state = {Tensor::ones({3, 2})}}, {"of shape [2, 2], got float32[3, 2]"}},
                 {Tensor::ones({0, 2, 4}), {}, {"at least one time step", "[0, 2, 4]"}}});
  const Ref<layers::RNN> rnn = RNN(GRUCell({.units = 2}), {.time_major = true, .name = "r"});
  check_refused(rnn,
                {{Tensor::ones({3, 2}), {}, {"expected a sequence (time, batch, features...)", "[3, 2]"}}});
}

TEST_CASE_TEMPLATE("units and rates that are none", L, layers::SimpleRNN, layers::LSTM, layers::GRU,
                   layers::SimpleRNNCell, layers::LSTMCell, layers::GRUCell) {
  using O = std::remove_cvref_t<decltype(std::declval<L>().options())>;
  using Own = std::conditional_t<std::is_base_of_v<Layer, L>, typename L::Options, O>;
  for (const Index units : {Index{0}, Index{-3}}) {
    CHECK(contains(message_of<ValueError>([&] { make<L>(Own{.units = units}); }),
                   "units: expected a positive number, got " + std::to_string(units)));
  }
  // So many that the sizes of the weights could not be counted.
  CHECK(contains(message_of<ValueError>([] { make<L>(Own{.units = Index{1} << 62}); }),
                 "units: expected at most"));
  for (const double rate : {-0.1, 1.5, std::nan(""), std::numeric_limits<double>::infinity()}) {
    CHECK(contains(message_of<ValueError>([&] {
                     Own options = {.units = 1};
                     options.dropout = rate;
                     make<L>(options);
                   }),
                   "Cell: dropout: expected a number in [0, 1]"));
    CHECK(contains(message_of<ValueError>([&] {
                     Own options = {.units = 1};
                     options.recurrent_dropout = rate;
                     make<L>(options);
                   }),
                   "Cell: recurrent_dropout: expected a number in [0, 1]"));
  }
  CHECK(contains(message_of<ValueError>([] { make<L>(Own{.units = 1, .name = "a/b"}); }), "\"a/b\""));
  CHECK(contains(message_of<TypeError>([] { make<L>(Own{.units = 1, .dtype = int32}); }), "got int32"));
}

TEST_CASE("cells: inputs and states that do not fit, not built and built") {
  const Tensor x = Tensor::ones({2, 4});
  const Tensor h = Tensor::ones({2, 2});
  const std::vector<Ref<Cell>> cells = {
      SimpleRNNCell({.units = 2, .name = "c"}), LSTMCell({.units = 2, .name = "c"}),
      GRUCell({.units = 2, .name = "c"}),
      StackedRNNCells({LSTMCell({.units = 2}), GRUCell({.units = 2})}, {.name = "c"})};
  for (const Ref<Cell>& cell : cells) {
    const States fits(cell->state_sizes().size(), h);
    const auto refused = [&](const Tensor& input, const States& states) {
      const std::string message = refusal<ValueError>(cell, [&] { cell(input, states); });
      CHECK(message.starts_with("c"));
      return message;
    };
    for (const bool built : {false, true}) {
      if (built) cell(x, fits);
      CHECK(contains(refused(Tensor(), fits), "empty tensor"));
      CHECK(contains(refused(Tensor::scalar(1, float32), fits), "batch axis"));
      CHECK(contains(refused(Tensor::ones({2}), fits), "expected ndim=2, found ndim=1"));
      CHECK(contains(refused(Tensor::ones({2, 3, 4}), fits), "found ndim=3. Full shape received: [2, 3, 4]"));
      States wide = fits;
      wide.back() = Tensor::ones({2, 9});
      CHECK(contains(refused(x, wide), "of shape [2, 2], got float32[2, 9]"));
      CHECK(contains(refused(x, {}), "state"));
      if (built) CHECK(contains(refused(Tensor::ones({2, 5}), fits), "to have value 4, found 5"));
      CHECK(contains(refusal<ValueError>(cell, [&] { cell->get_initial_state(-1); }),
                     "expected a known batch size, got -1"));
      CHECK(contains(refusal<ValueError>(cell, [&] { cell->get_initial_state(Tensor()); }),
                     "the cell c expected"));
    }
  }
  CHECK(contains(message_of<ValueError>([] { make<NoStates>(); }),
                 "at least one state, got empty state_sizes"));
  const Ref<layers::LSTMCell> dropping = LSTMCell({.units = 2, .dropout = 0.5, .name = "c"});
  CHECK(contains(message_of<ValueError>([&] { dropping->get_dropout_mask_for_cell(x, true, 0); }),
                 "at least 1, got 0"));
  CHECK(contains(message_of<ValueError>([&] { dropping->get_recurrent_dropout_mask_for_cell(h, false, -1); }),
                 "at least 1, got -1"));
}

TEST_CASE("a build that fails leaves all layers below as they were") {
  const Ref<FailingBlock> block = make<FailingBlock>();
  const std::string message = refusal<ValueError>(block, [&] { block(Tensor::ones({2, 13})); });
  CHECK(message.starts_with("block/second: "));
  CHECK(block->weights().empty());
  CHECK(block->sublayers().size() == 2);
  CHECK(block(Tensor::ones({2, 3})).shape() == Shape{2, 2});
  CHECK(paths_of(block->weights()) ==
        std::vector<std::string>{"block/own", "block/first/kernel", "block/first/bias", "block/second/kernel",
                                 "block/second/bias", "block/third/kernel", "block/third/bias"});
  // The weights that a Bidirectional is given fit another width.
  const Ref<layers::Bidirectional> both = Bidirectional(
      SimpleRNN({.units = 1, .use_bias = false, .name = "s"}),
      {.weights = {Tensor::ones({4, 1}), Tensor::ones({1, 1}), Tensor::ones({4, 1}), Tensor::ones({1, 1})},
       .name = "b"});
  const std::string width = refusal<ValueError>(both, [&] { both(Tensor::ones({1, 2, 5})); });
  CHECK(contains(
      width,
      "expected the shape [5, 1] for the weight b/forward_s/simple_rnn_cell/kernel, got float32[4, 1]"));
  both(Tensor::ones({1, 2, 4}));
  CHECK(near(both->get_weights()[0], {1, 1, 1, 1}, 0));
}

TEST_CASE("a built layer gets no further layers, and none owns itself") {
  const Ref<LateLayer> late = make<LateLayer>();
  late->build_once(Shape{1, 1});
  const std::string message = refusal<RuntimeError>(late, [&] { late(Tensor::ones({1, 1})); });
  CHECK(contains(message, "is built, got late_dense"));
  CHECK(contains(message, "in build() or in the constructor"));
  const Ref<OwnsOther> a = make<OwnsOther>("a");
  const Ref<OwnsOther> b = make<OwnsOther>("b");
  a->other = a.pointer();
  CHECK(contains(refusal<ValueError>(a, [&] { a->build_once(Shape{1}); }), "got a itself"));
  a->other = b.pointer();
  b->other = a.pointer();
  a->build_once(Shape{1});
  CHECK(contains(refusal<ValueError>(b, [&] { b->build_once(Shape{1}); }),
                 "expected a layer that does not own b, got a, which does"));
}

TEST_CASE("weights that are asked for or set wrongly") {
  CHECK(contains(message_of<ValueError>([] { make<WrongWeight>()(Tensor::ones({1})); }),
                 "expected float32[2] from the initializer of \"w\", got float32[3]"));
  const Ref<layers::Dense> dense = Dense({.units = 2, .name = "d"});
  const Tensor kernel = Tensor::ones({4, 2});
  const auto set = [&](const std::vector<Tensor>& values) {
    const std::string message = refusal<ValueError>(dense, [&] { dense->set_weights(values); });
    CHECK(contains(message, "set_weights on the layer d: "));
    return message;
  };
  CHECK(contains(set({kernel}), "expected 0 weights, got 1; it is not built: call it"));
  dense(Tensor::ones({1, 4}));
  CHECK(contains(set({}), "expected 2 weights, got 0"));
  CHECK(contains(set({kernel, kernel, kernel}), "expected 2 weights, got 3"));
  CHECK(contains(set({kernel, Tensor::ones({3})}),
                 "expected the shape [2] for the weight d/bias, got float32[3]"));
  CHECK(
      contains(set({kernel, Tensor()}), "expected the shape [2] for the weight d/bias, got an empty tensor"));
  CHECK(contains(refusal<RuntimeError>(dense,
                                       [&] {
                                         dense->set_weights({kernel, Input({.batch_shape = {2}})});
                                       }),
                 "the layer d: expected a value for the weight d/bias, got float32[2], which has none"));
  CHECK(contains(refusal<ValueError>(dense, [&] { dense->add_loss(Tensor()); }), "got an empty tensor"));
  // Of a layer within another one, by its path.
  const Ref<layers::TimeDistributed> around =
      TimeDistributed(Dense({.units = 2, .name = "d"}), {.name = "t"});
  around(Tensor::ones({1, 2, 4}));
  CHECK(contains(message_of<ValueError>([&] { around->layer()->set_weights({}); }), "the layer t/d: "));
}

TEST_CASE("numbers that no layer is made of") {
  const double nan = std::nan("");
  const double infinity = std::numeric_limits<double>::infinity();
  for (const double epsilon : {nan, -1.0, infinity}) {
    CHECK(contains(message_of<ValueError>([&] { LayerNormalization({.epsilon = epsilon}); }),
                   "LayerNormalization: epsilon: expected a finite number >= 0, got"));
    CHECK(contains(message_of<ValueError>([&] { BatchNormalization({.epsilon = epsilon}); }),
                   "BatchNormalization: epsilon"));
    CHECK(contains(message_of<ValueError>([&] { RMSNormalization({.epsilon = epsilon}); }),
                   "RMSNormalization: epsilon"));
  }
  for (const double momentum : {nan, -0.5, 1.5}) {
    CHECK(contains(message_of<ValueError>([&] { BatchNormalization({.momentum = momentum}); }),
                   "BatchNormalization: momentum: expected a number in [0, 1]"));
    CHECK(contains(message_of<ValueError>([&] { BatchNormalization({.renorm_momentum = momentum}); }),
                   "renorm_momentum"));
  }
  CHECK(contains(message_of<ValueError>([&] { ELU({.alpha = nan}); }), "ELU: alpha"));
  CHECK(contains(message_of<ValueError>([&] { Masking({.mask_value = nan}); }), "Masking: mask_value"));
  CHECK(contains(message_of<ValueError>([] { Lambda({.function = std::function<Tensor(const Tensor&)>()}); }),
                 "expected a function"));
  CHECK(contains(message_of<ValueError>([] {
                   Reshape({.target_shape = {Index{1} << 40, Index{1} << 40}})(Tensor::ones({2, 3}));
                 }),
                 "fits 64 bits"));
}

TEST_CASE("masks that do not fit are named as such") {
  const Tensor x = Tensor::ones({2, 3, 4});
  const Tensor odd = Tensor::ones({2, 9}, boolean);
  const std::vector<std::string> parts = {"a mask of shape [2, 3], got bool[2, 9]"};
  check_refused(GlobalAveragePooling1D({.name = "p"}), {{x, {.mask = odd}, parts}});
  check_refused(TimeDistributed(Dense({.units = 1}), {.name = "t"}), {{x, {.mask = odd}, parts}});
  for (const Ref<Layer>& merge : std::vector<Ref<Layer>>{
           Add({.name = "m"}), Multiply({.name = "m"}), Maximum({.name = "m"}), Concatenate({.name = "m"})}) {
    const Tensor right = with_mask(x, Tensor::ones({2, 3}, boolean));
    check_refused(merge, {{{with_mask(x, odd), right}, {}, parts}, {{right, with_mask(x, odd)}, {}, parts}});
  }
  check_refused(Attention({.name = "a"}),
                {{{x, x}, {.mask = odd}, parts}, {{x, with_mask(x, odd)}, {}, parts}});
  for (const bool training : {false, true}) {
    check_refused(BatchNormalization({.name = "b"}),
                  {{x, {.training = training, .mask = odd}, {"[2, 3, 4], of shape [2, 3], got bool[2, 9]"}}});
  }
}

TEST_CASE("layers that are built for other sizes say so") {
  const Tensor x = Tensor::ones({2, 4});
  const Tensor wide = Tensor::ones({2, 5});
  for (const Ref<Layer>& layer : std::vector<Ref<Layer>>{
           LayerNormalization({.name = "n"}), RMSNormalization({.name = "n"}),
           BatchNormalization({.name = "n"}), Dense({.units = 1, .name = "n"}), PReLU({.name = "n"})}) {
    layer(x);
    check_refused(layer, {{wide, {}, {"to have value 4, found 5. Full shape received: [2, 5]"}}});
    CHECK(contains(refusal<ValueError>(layer, [&] { layer->compute_output_shape({2, 5}); }), "[2, 5]"));
    CHECK(contains(refusal<ValueError>(layer, [&] { layer->compute_output_shapes({}); }),
                   "the layer n expected"));
  }
  // Without weights any size will do.
  const Ref<layers::LayerNormalization> none = LayerNormalization({.center = false, .scale = false});
  none(x);
  CHECK(none(wide).shape() == Shape{2, 5});
}

TEST_CASE("directions whose outputs cannot be merged") {
  const auto both = [](const std::string& mode) {
    return Bidirectional(
        LSTM({.units = 2, .name = "l"}),
        {.merge_mode = mode, .backward_layer = GRU({.units = 3, .go_backwards = true, .name = "g"})});
  };
  for (const std::string mode : {"sum", "mul", "ave"}) {
    const std::string message = message_of<ValueError>([&] { both(mode); });
    CHECK(contains(message, "expected outputs of one size from the layers forward_l and g for merge_mode \"" +
                                mode + "\", got [2] and [3]"));
  }
  CHECK(both("concat")(Tensor::ones({1, 2, 3})).shape() == Shape{1, 5});
}

TEST_CASE("a class without call() has no output shape") {
  class Lacking : public Layer {};
  CHECK(contains(message_of<NotImplementedError>([] {
                   make<Lacking>()->compute_output_shape({2, 3});
                 }),
                 "expected an override of call() or call_all() in the class Lacking"));
}

// What Python finds out at run time does not compile: units that are no integer, a layer that is not
// recurrent in Bidirectional, one that is no layer in TimeDistributed, a sequence that is no tensor.
static_assert(!std::is_constructible_v<decltype(DenseOptions::units), double>);
static_assert(!std::is_invocable_v<Ref<layers::Dense>, std::string>);
template <class L>
concept bidirectional_takes = requires(const Ref<L>& layer) {
  Bidirectional(layer);
};
static_assert(bidirectional_takes<layers::LSTM> && !bidirectional_takes<layers::Dense>);
template <class L>
concept time_distributed_takes = requires(const Ref<L>& layer) {
  TimeDistributed(layer);
};
static_assert(time_distributed_takes<layers::Dense> && !time_distributed_takes<layers::LSTMCell>);
