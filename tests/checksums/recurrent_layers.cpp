#include <array>
#include <functional>

#include "../../bench/random_cell.h"
#include "cases.h"

// Recurrent layers with everything that a call may ask of them, at sizes that reach chunks of time and groups
// of rows by themselves.

namespace checksums {
namespace {

/// Zhou et al. 2016.
class MinimalGatedCell : public Cell {
 public:
  explicit MinimalGatedCell(Index units) : Cell({.state_sizes = {units}}), units_(units) {}
  void build(const Shape& input) override {
    kernel_ = add_weight({.name = "kernel", .shape = {input.back(), 2 * units_}});
    recurrent_ =
        add_weight({.name = "recurrent", .shape = {units_, 2 * units_}, .initializer = "orthogonal"});
    bias_ = add_weight({.name = "bias", .shape = {2 * units_}});
  }
  CellOutput call(const Tensor& x, const States& states, const CallArgs&) override {
    const Tensor& h = states[0];
    const auto [xf, xc] = split<2>(matmul(x, kernel_) + bias_);
    const auto [uf, uc] = split<2>(recurrent_);
    const Tensor f = sigmoid(xf + matmul(h, uf));
    const Tensor c = tanh(xc + matmul(f * h, uc));
    const Tensor next = (1 - f) * h + f * c;
    return {next, {next}};
  }

 private:
  Index units_;
  Variable kernel_, recurrent_, bias_;
};

/// The recurrence has no product (Lei et al. 2018).
class SimpleRecurrentUnit : public Cell {
 public:
  explicit SimpleRecurrentUnit(Index units) : Cell({.state_sizes = {units}}), units_(units) {}
  void build(const Shape& input) override {
    kernel_ = add_weight({.name = "kernel", .shape = {input.back(), 4 * units_}});
    peephole_ = add_weight({.name = "peephole", .shape = {2 * units_}});
    bias_ = add_weight({.name = "bias", .shape = {2 * units_}});
  }
  CellOutput call(const Tensor& x, const States& states, const CallArgs&) override {
    const auto [candidate, forget, reset, skip] = split<4>(matmul(x, kernel_));
    const auto [vf, vr] = split<2>(peephole_);
    const auto [bf, br] = split<2>(bias_);
    const Tensor f = sigmoid(forget + vf * states[0] + bf);
    const Tensor r = sigmoid(reset + vr * states[0] + br);
    const Tensor c = f * states[0] + (1 - f) * candidate;
    return {r * tanh(c) + (1 - r) * skip, {c}};
  }

 private:
  Index units_;
  Variable kernel_, peephole_, bias_;
};

/// Normalizes within a row, attends to a constant, and keeps a matrix beside its vector.
class AttentiveCell : public Cell {
 public:
  explicit AttentiveCell(Index units) : Cell({.state_sizes = {units, {2, units}}}), units_(units) {}
  void build(const Shape& input) override {
    kernel_ = add_weight({.name = "kernel", .shape = {input.back(), units_}});
    recurrent_ = add_weight({.name = "recurrent", .shape = {2 * units_, units_}});
    gain_ = add_weight({.name = "gain", .shape = {units_}, .initializer = "ones"});
  }
  CellOutput call(const Tensor& x, const States& states, const CallArgs& args) override {
    const Tensor& memory = args.constants.at(0);  // (batch, slots, units)
    const Tensor scores = softmax(sum(memory * expand_dims(states[0], 1), {2}));
    const Tensor read = sum(memory * expand_dims(scores, -1), {1});
    const Tensor z = matmul(x, kernel_) + matmul(concat({states[0], read}, -1), recurrent_);
    const Tensor h = tanh(gain_ * (z - mean(z, {-1}, true)) / sqrt(variance(z, {-1}, true) + 0.1));
    const Tensor older = slice(states[1], 1, 1, 2) * 0.5;
    return {h + mean(states[1], {1}), {h, concat({older, expand_dims(h, 1)}, 1)}};
  }

 private:
  Index units_;
  Variable kernel_, recurrent_, gain_;
};

/// Statistics of the batch: rows cannot be taken apart.
class BatchNormalizedCell : public Cell {
 public:
  explicit BatchNormalizedCell(Index units) : Cell({.state_sizes = {units}}), units_(units) {}
  void build(const Shape& input) override {
    kernel_ = add_weight({.name = "kernel", .shape = {input.back(), units_}});
    recurrent_ = add_weight({.name = "recurrent", .shape = {units_, units_}});
  }
  CellOutput call(const Tensor& x, const States& states, const CallArgs&) override {
    const Tensor z = matmul(x, kernel_) + matmul(states[0], recurrent_);
    const Tensor h = tanh((z - mean(z, {0}, true)) / sqrt(variance(z, {0}, true) + 0.1));
    return {h, {h}};
  }

 private:
  Index units_;
  Variable kernel_, recurrent_;
};

struct Sizes {
  const char* name;
  Index batch, steps, inputs, units;
};

constexpr Sizes tiny = {"tiny", 3, 5, 4, 3};
constexpr Sizes odd = {"odd", 17, 7, 5, 19};
constexpr Sizes one_row = {"one row", 1, 40, 16, 72};
// Several chunks of time.
constexpr Sizes lengthy = {"long", 8, 150, 16, 64};
// Weights of 2^15 elements: two groups of rows.
constexpr Sizes wide = {"wide", 33, 12, 24, 192};
constexpr Sizes wide_and_long = {"wide and long", 32, 60, 40, 192};

/// How a layer is made and called.
struct Form {
  const char* name;
  bool last_only = false, backwards = false, zero_output = false, time_major = false, stateful = false,
       unroll = false;
  Index recompute_every = 0;
  double dropout = 0, recurrent_dropout = 0;
  bool use_bias = true, reset_after = true;
  int implementation = 2;
  const char* activation = nullptr;
  DType dtype = float32;
  bool masked = false, initial_state = false;
  int orders = 2;
};

const Form forms[] = {
    {.name = "plain"},
    {.name = "last output", .last_only = true},
    {.name = "masked", .masked = true},
    {.name = "masked, last output", .last_only = true, .masked = true},
    {.name = "masked, backwards", .backwards = true, .masked = true},
    {.name = "masked, zeros", .zero_output = true, .masked = true},
    {.name = "backwards", .backwards = true},
    {.name = "time major", .time_major = true, .masked = true},
    {.name = "stateful", .stateful = true, .masked = true},
    {.name = "unrolled", .unroll = true, .masked = true},
    {.name = "recomputed", .recompute_every = 4, .masked = true},
    {.name = "recomputed, dropout", .recompute_every = 3, .dropout = 0.3, .recurrent_dropout = 0.2},
    {.name = "dropout", .dropout = 0.3},
    {.name = "recurrent dropout", .dropout = 0.2, .recurrent_dropout = 0.3, .masked = true},
    {.name = "dropout by gate", .dropout = 0.2, .recurrent_dropout = 0.3, .implementation = 1},
    {.name = "without bias", .use_bias = false},
    {.name = "reset before", .reset_after = false},
    {.name = "relu", .activation = "relu"},
    {.name = "initial state", .masked = true, .initial_state = true},
    {.name = "float64", .recurrent_dropout = 0.3, .dtype = float64, .masked = true},
};

/// What a larger size is worth the time of.
const Form large_forms[] = {
    {.name = "plain", .orders = 1},
    {.name = "second order"},
    {.name = "last output", .last_only = true, .orders = 1},
    {.name = "masked", .masked = true, .initial_state = true, .orders = 1},
    {.name = "backwards, time major", .backwards = true, .time_major = true, .orders = 1},
    {.name = "dropout", .dropout = 0.2, .recurrent_dropout = 0.3, .orders = 1},
    {.name = "recomputed", .recompute_every = 7, .masked = true, .orders = 1},
    {.name = "reset before", .reset_after = false, .orders = 1},
};

template <class L>
Ref<Layer> layer_of(const Form& form, Index units) {
  typename L::Options options{.units = units};
  if (form.activation != nullptr) options.activation = form.activation;
  options.use_bias = form.use_bias;
  options.dropout = form.dropout;
  options.recurrent_dropout = form.recurrent_dropout;
  options.return_sequences = !form.last_only;
  options.return_state = true;
  options.go_backwards = form.backwards;
  options.stateful = form.stateful;
  options.unroll = form.unroll;
  options.zero_output_for_mask = form.zero_output;
  options.time_major = form.time_major;
  options.recompute_every = form.recompute_every;
  options.dtype = form.dtype;
  if constexpr (requires { options.implementation; }) options.implementation = form.implementation;
  if constexpr (requires { options.reset_after; }) options.reset_after = form.reset_after;
  return make<L>(options);
}

RNNOptions rnn_options(const Form& form) {
  return {.return_sequences = !form.last_only,
          .return_state = true,
          .go_backwards = form.backwards,
          .stateful = form.stateful,
          .unroll = form.unroll,
          .zero_output_for_mask = form.zero_output,
          .time_major = form.time_major,
          .recompute_every = form.recompute_every};
}

/// A kind of layer.
struct LayerKind {
  const char* name;
  Ref<Layer> (*make)(const Form& form, Index units);
  /// The sizes of its states without the batch.
  std::vector<Shape> (*states)(Index units);
  /// Of a constant, without the batch; none if empty.
  Shape constant = {};
};

const auto one_state = [](Index units) { return std::vector<Shape>{{units}}; };
const auto two_states = [](Index units) { return std::vector<Shape>{{units}, {units}}; };

const LayerKind layer_kinds[] = {
    {"SimpleRNN", layer_of<layers::SimpleRNN>, one_state},
    {"LSTM", layer_of<layers::LSTM>, two_states},
    {"GRU", layer_of<layers::GRU>, one_state},
    {"minimal gated unit",
     [](const Form& f, Index units) -> Ref<Layer> {
       return RNN(make<MinimalGatedCell>(units), rnn_options(f));
     },
     one_state},
    {"SRU",
     [](const Form& f, Index units) -> Ref<Layer> {
       return RNN(make<SimpleRecurrentUnit>(units), rnn_options(f));
     },
     one_state},
    {"batch normalized",
     [](const Form& f, Index units) -> Ref<Layer> {
       return RNN(make<BatchNormalizedCell>(units), rnn_options(f));
     },
     one_state},
    {"stacked",
     [](const Form& f, Index units) -> Ref<Layer> {
       return RNN({LSTMCell({.units = units, .dropout = f.dropout}),
                   GRUCell({.units = units + 1, .recurrent_dropout = f.recurrent_dropout})},
                  rnn_options(f));
     },
     [](Index units) {
       return std::vector<Shape>{{units}, {units}, {units + 1}};
     }},
    {"attentive",
     [](const Form& f, Index units) -> Ref<Layer> { return RNN(make<AttentiveCell>(units), rnn_options(f)); },
     [](Index units) {
       return std::vector<Shape>{{units}, {2, units}};
     },
     {5}},
};

/// Rows of which steps at the end, at the begin and in the middle are masked, all steps and none.
Tensor ragged_mask(Index batch, Index steps) {
  return Tensor::generate<bool>({batch, steps}, [&](std::span<bool> out) {
    for (Index row = 0; row < batch; ++row) {
      for (Index t = 0; t < steps; ++t) {
        const Index count = (row * 3) % (steps + 1);
        const bool kept[] = {t >= count, t < steps - count, t % 3 != row % 3, row % 2 == 0};
        out[static_cast<std::size_t>(row * steps + t)] = kept[row % 4];
      }
    }
  });
}

Tensor with_leading(const Tensor& x, bool time_major) { return time_major ? transpose(x, {1, 0, 2}) : x; }

/// Outputs, losses and gradients of calls of a layer, then its weights and what it keeps.
void run_layer(ChecksumLines& lines, const Ref<Layer>& layer, const std::vector<Tensor>& inputs,
               CallArgs args, int orders, int calls) {
  args.training = true;
  no_gradient([&] { layer(inputs, {.initial_state = args.initial_state, .constants = args.constants}); });
  lines.add("weight", layer->get_weights());
  for (int call = 0; call < calls; ++call) {
    const std::string of_call = calls > 1 ? "call " + std::to_string(call) + " " : "";
    GradientTape outer;
    GradientTape inner;
    std::vector<Source> sources;
    for (const std::vector<Tensor>& tensors :
         std::vector<std::vector<Tensor>>{inputs, args.initial_state, args.constants}) {
      for (const Tensor& tensor : tensors) {
        if (!is_floating(tensor.dtype())) continue;
        outer.watch(tensor);
        inner.watch(tensor);
        sources.emplace_back(tensor);
      }
    }
    for (const Variable& weight : layer->trainable_weights()) sources.emplace_back(weight);
    std::vector<Tensor> outputs = layer(inputs, args).all();
    lines.add(of_call + "output", outputs);
    const std::vector<Tensor> losses = layer->losses();
    lines.add(of_call + "loss", losses);
    outputs.insert(outputs.end(), losses.begin(), losses.end());
    const GradientOptions zeros{.output_gradient = {}, .unconnected = Unconnected::zero};
    const std::vector<Tensor> gradients = inner.gradient(weighted_sum(outputs, 300), sources, zeros);
    lines.add(of_call + "gradient", gradients);
    const Tensor norm = weighted_sum(gradients, 400);
    if (orders < 2 || !outer.recorded(norm)) continue;
    lines.add(of_call + "second gradient", outer.gradient(norm, sources, zeros));
  }
  // Without a tape, and not in training.
  args.training = false;
  lines.add("inference", layer(inputs, args).all());
  lines.add("weight afterwards", layer->get_weights());
}

void run_kind(const LayerKind& kind, const Sizes& sizes, const Form& form) {
  const std::string name =
      "layer/" + std::string(kind.name) + "/" + sizes.name + "/" + std::string(form.name);
  run_case(name, [&](ChecksumLines& lines) {
    const Ref<Layer> layer = kind.make(form, sizes.units);
    const DType dtype = layer->dtype();
    const auto drawn = [&](const Shape& shape, std::uint64_t seed) {
      return cast(values(shape, seed, 0.5), dtype);
    };
    const Tensor x = drawn({sizes.batch, sizes.steps, sizes.inputs}, 11);
    CallArgs args;
    if (form.masked) {
      const Tensor mask = ragged_mask(sizes.batch, sizes.steps);
      args.mask = form.time_major ? transpose(mask) : mask;
    }
    const auto with_batch = [&](const Shape& shape) {
      Shape whole = {sizes.batch};
      for (const Index size : shape) whole.push_back(size);
      return whole;
    };
    if (form.initial_state) {
      for (const Shape& state : kind.states(sizes.units)) {
        args.initial_state.push_back(drawn(with_batch(state), 20 + args.initial_state.size()));
      }
    }
    if (kind.constant.rank() > 0) {
      args.constants.push_back(drawn({sizes.batch, kind.constant[0], sizes.units}, 30));
    }
    run_layer(lines, layer, {with_leading(x, form.time_major)}, args, form.orders, form.stateful ? 2 : 1);
  });
}

/// Layers around recurrent ones, and all others that draw or take a mask.
void run_wrappers() {
  const auto run = [](const std::string& name, const std::function<Ref<Layer>()>& make,
                      const std::vector<Tensor>& inputs, bool masked) {
    run_case("layer/" + name, [&](ChecksumLines& lines) {
      CallArgs args;
      if (masked) args.mask = ragged_mask(inputs[0].shape()[0], inputs[0].shape()[1]);
      run_layer(lines, make(), inputs, args, 2, 1);
    });
  };
  const Tensor x = values({5, 6, 4}, 41, 0.5);
  const Tensor y = values({5, 6, 4}, 42, 0.5);
  for (const char* merge : {"concat", "sum", "mul", "ave"}) {
    for (const bool masked : {false, true}) {
      const std::string name = "Bidirectional/" + std::string(merge) + (masked ? "/masked" : "");
      run(
          name,
          [&]() -> Ref<Layer> {
            return Bidirectional(LSTM({.units = 3, .dropout = 0.2, .return_sequences = true}),
                                 {.merge_mode = std::string(merge)});
          },
          {x}, masked);
    }
  }
  run(
      "Bidirectional/backward layer",
      []() -> Ref<Layer> {
        return Bidirectional(
            GRU({.units = 3, .return_sequences = true, .return_state = true}),
            {.merge_mode = std::nullopt,
             .backward_layer = SimpleRNN(
                 {.units = 3, .return_sequences = true, .return_state = true, .go_backwards = true})});
      },
      {x}, true);
  run(
      "Bidirectional/wide",
      []() -> Ref<Layer> { return Bidirectional(GRU({.units = 128, .return_sequences = true})); },
      {values({32, 20, 16}, 43, 0.5)}, false);
  run(
      "regularized LSTM",
      []() -> Ref<Layer> {
        return LSTM({.units = 3,
                     .kernel_regularizer = "l2",
                     .recurrent_regularizer = "l1",
                     .bias_regularizer = "L1L2",
                     .activity_regularizer = "l2",
                     .return_sequences = true});
      },
      {x}, true);
  run(
      "TimeDistributed",
      []() -> Ref<Layer> {
        return TimeDistributed(Dense({.units = 3, .activation = "gelu", .activity_regularizer = "l1"}));
      },
      {x}, true);
  run(
      "Dense", []() -> Ref<Layer> { return Dense({.units = 70, .activation = "softplus"}); },
      {values({40, 90}, 44)}, false);
  run(
      "Dropout", []() -> Ref<Layer> { return Dropout({.rate = 0.4}); }, {x}, false);
  run(
      "SpatialDropout1D", []() -> Ref<Layer> { return SpatialDropout1D({.rate = 0.4}); }, {x}, false);
  run(
      "GaussianNoise", []() -> Ref<Layer> { return GaussianNoise({.stddev = 0.4}); }, {x}, false);
  run(
      "BatchNormalization", []() -> Ref<Layer> { return BatchNormalization(); }, {x}, true);
  run(
      "BatchNormalization/renorm", []() -> Ref<Layer> { return BatchNormalization({.renorm = true}); }, {x},
      false);
  run(
      "LayerNormalization", []() -> Ref<Layer> { return LayerNormalization(); }, {x}, false);
  run(
      "RMSNormalization", []() -> Ref<Layer> { return RMSNormalization(); }, {x}, false);
  run(
      "UnitNormalization", []() -> Ref<Layer> { return UnitNormalization(); }, {x}, false);
  run(
      "Attention",
      []() -> Ref<Layer> { return Attention({.use_scale = true, .dropout = 0.3, .use_causal_mask = true}); },
      {x, y}, false);
  run(
      "Attention/concat",
      []() -> Ref<Layer> { return Attention({.use_scale = true, .score_mode = "concat"}); }, {x, y}, true);
  run(
      "AdditiveAttention", []() -> Ref<Layer> { return AdditiveAttention(); }, {x, y}, true);
  run(
      "Dot", []() -> Ref<Layer> { return Dot({.axes = 2, .normalize = true}); }, {x, y}, false);
  run(
      "Maximum", []() -> Ref<Layer> { return Maximum(); }, {x, y}, false);
  run(
      "Average", []() -> Ref<Layer> { return Average(); }, {x, y}, false);
  run(
      "GlobalAveragePooling1D", []() -> Ref<Layer> { return GlobalAveragePooling1D(); }, {x}, true);
  run(
      "GlobalMaxPooling1D", []() -> Ref<Layer> { return GlobalMaxPooling1D(); }, {x}, false);
  run(
      "PReLU", []() -> Ref<Layer> { return PReLU({.alpha_initializer = "ones"}); }, {x}, false);
  Draws draws(45);
  run(
      "Embedding", []() -> Ref<Layer> { return Embedding({.input_dim = 2, .output_dim = 3}); },
      {cast(draws.bits({5, 6}), int32)}, false);
}

}  // namespace

void run_recurrent_layers() {
  for (const LayerKind& kind : layer_kinds) {
    for (const Form& form : forms) {
      run_kind(kind, tiny, form);
      run_kind(kind, odd, form);
    }
    for (const Form& form : large_forms) {
      for (const Sizes& sizes : {one_row, lengthy, wide}) run_kind(kind, sizes, form);
    }
    run_kind(kind, wide_and_long, large_forms[0]);
  }
  run_wrappers();
  for (std::uint32_t seed = 1; seed <= 10; ++seed) {
    const Form form = {.name = "random", .last_only = seed % 2 == 0, .backwards = seed % 3 == 0};
    for (const Sizes& sizes : {odd, lengthy, wide}) {
      const std::string name = "layer/random cell/" + std::string(sizes.name) + "/" + std::to_string(seed);
      run_case(name, [&](ChecksumLines& lines) {
        run_layer(lines, RNN(make<bench::RandomCell>(sizes.units, seed), rnn_options(form)),
                  {values({sizes.batch, sizes.steps, sizes.inputs}, seed, 0.5)}, {},
                  sizes.batch == odd.batch ? 2 : 1, 1);
      });
    }
  }
}

}  // namespace checksums
