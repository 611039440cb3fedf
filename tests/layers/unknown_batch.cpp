// Layers of a user's own in a graph, where the batch, and time, are not known.
#include <doctest/doctest.h>
#include <functional>

#include "recurrent_support.h"

using namespace unspool;
using namespace unspool::testing;

namespace {

/// A layer from a function of its inputs.
class Function : public Layer {
 public:
  using Call = std::function<std::vector<Tensor>(const std::vector<Tensor>&)>;
  explicit Function(Call call) : call_(std::move(call)) {}
  std::vector<Tensor> call_all(const std::vector<Tensor>& inputs, const CallArgs&) override {
    return call_(inputs);
  }

 private:
  Call call_;
};

/// The layer on tensors, and in a graph with an unknown batch: its shape there, and what the model predicts.
struct Both {
  Tensor eager;
  Shape in_graph;
  Tensor predicted;
};
Both both(const Function::Call& call, const Tensor& x) {
  const auto layer = make<Function>(call);
  Shape rest = x.shape();
  rest.erase(0);
  const Tensor in = Input({.shape = rest});
  const Tensor out = layer(in);
  return {layer(x), out.shape(), Model({in}, out).predict(x)};
}

Tensor of_sines(const Shape& shape) { return some(shape, float32); }

}  // namespace

TEST_CASE("unknown batch: tensors are created like the input") {
  const Tensor x = of_sines({3, 4});
  for (const auto& made :
       {both(
            [](const auto& in) {
              return std::vector{in[0] + Tensor::zeros({in[0].shape()[0], 4})};
            },
            x),
        both([](const auto& in) { return std::vector{in[0] * Tensor::ones(in[0].shape())}; }, x),
        both([](const auto& in) { return std::vector{in[0] - Tensor::full(in[0].shape(), 0)}; }, x)}) {
    CHECK(made.in_graph == Shape{unknown, 4});
    CHECK(near(made.eager, x.to_vector<double>()));
    CHECK(near(made.predicted, x.to_vector<double>()));
  }
}

TEST_CASE("unknown batch: random tensors, of which nothing is drawn until there is a batch") {
  const auto noise = [](const std::vector<Tensor>& in) {
    return std::vector{in[0] * 0 + random_normal(in[0].shape()) + random_uniform({in[0].shape()[0], 4}) * 0 +
                       random_bernoulli(in[0].shape(), 0.5) * 0};
  };
  const Tensor x = of_sines({3, 4});
  set_seed(3);
  const Tensor eager = make<Function>(noise)(x);
  set_seed(3);
  const Tensor in = Input({.shape = {4}});
  const Tensor out = make<Function>(noise)(in);
  CHECK(out.shape() == Shape{unknown, 4});
  CHECK(near(Model({in}, out).predict(x), eager.to_vector<double>()));
}

TEST_CASE("unknown batch: every loss is a number, in a layer and between layers") {
  const Tensor x = softmax(of_sines({5, 3}));
  const Tensor labels = one_hot(Tensor::of<std::int32_t>({0, 1, 2, 1, 0}), 3);
  for (const char* name : {"mse", "mae", "binary_crossentropy", "categorical_crossentropy"}) {
    CAPTURE(name);
    const double right = Loss(name)(labels, x).item<double>();
    const Tensor in = Input({.shape = {3}});
    const Tensor label = Input({.shape = {3}});
    const auto layer = make<Function>([&](const std::vector<Tensor>& inputs) {
      return std::vector{inputs[0] * 0 + Loss(name)(inputs[1], inputs[0])};
    });
    const Model inside({in, label}, layer({in, label}));
    CHECK(inside.predict({x, labels}).item<float>({0, 0}) == doctest::Approx(right).epsilon(1e-6));
  }
  const Tensor in = Input({.shape = {3}});
  const Tensor label = Input({.shape = Shape(), .dtype = int32});
  const auto sparse = make<Function>([](const std::vector<Tensor>& inputs) {
    return std::vector{inputs[0] * 0 + Loss("sparse_categorical_crossentropy")(inputs[1], inputs[0])};
  });
  CHECK(sparse({in, label}).shape() == Shape{unknown, 3});
}

TEST_CASE("unknown batch: a loss with weights and a mask has one value as an operation and as a number") {
  // In a step of a scan the loss is abstract, so its divisor is computed there.
  const Tensor y = of_sines({4, 3, 2});
  const Tensor p = of_sines({4, 3, 2}) * 0.5;
  const Tensor weights = Tensor::of({1, 2, 0.5, 0});
  const Tensor mask = mask_of_bits({{1, 1, 0}, {1, 0, 0}, {1, 1, 1}, {0, 0, 0}});
  for (const char* reduction : {"sum_over_batch_size", "mean_with_sample_weight", "sum"}) {
    CAPTURE(reduction);
    const Loss loss = MeanSquaredError({.reduction = reduction});
    const auto value = [&](const Tensor& predicted) { return loss(y, with_mask(predicted, mask), weights); };
    const ScanResult scanned = scan(
        [&](const std::vector<Tensor>& carry, const std::vector<Tensor>&) {
          return ScanStep{.carry = carry, .outputs = {value(carry[0])}};
        },
        {p}, {}, {.steps = 1});
    CHECK(scanned.outputs[0].item<float>({0}) == doctest::Approx(value(p).item<double>()).epsilon(1e-6));
  }
}

TEST_CASE("unknown batch and time: classes that are ignored, with masks, weights and every reduction") {
  const Tensor p = softmax(of_sines({4, 5, 3}));
  const Tensor y =
      Tensor::of<std::int32_t>({{0, 1, 2, 1, 0}, {1, 1, 1, 1, 1}, {2, 1, 0, 0, 1}, {0, 0, 2, 2, 1}});
  const Tensor w = abs(of_sines({4, 5}));
  for (const char* reduction : {"sum_over_batch_size", "mean_with_sample_weight", "sum", "none"}) {
    for (const bool masked : {false, true}) {
      for (const bool weighted : {false, true}) {
        CAPTURE(reduction);
        CAPTURE(masked);
        CAPTURE(weighted);
        const Loss loss = SparseCategoricalCrossentropy({.ignore_class = 1, .reduction = reduction});
        const auto call = [&](const std::vector<Tensor>& in) {
          const Tensor value =
              loss(in[1], masked ? with_mask(in[0], in[2] > 0.3) : in[0], weighted ? in[2] : Tensor());
          return std::vector{in[0] * 0 + (value.rank() > 0 ? expand_dims(value, -1) : value)};
        };
        const Tensor in = Input({.shape = {unknown, 3}});
        const Tensor label = Input({.shape = {unknown}, .dtype = int32});
        const Tensor weight = Input({.shape = {unknown}});
        const Model model({in, label, weight}, make<Function>(call)({in, label, weight}));
        const Tensor right = call({p, y, w})[0];
        CHECK(near(model.predict({p, y, w}), right.to_vector<double>(), 1e-6));
      }
    }
  }
}

TEST_CASE("unknown batch and time: a scan from zeros, with draws") {
  const auto running = [](const std::vector<Tensor>& in) {
    const auto step = [](const std::vector<Tensor>& carry, const std::vector<Tensor>& x) {
      const Tensor next = carry[0] * 0.5 + x[0] + random_uniform({3}) * 0;
      return ScanStep{.carry = {next}, .outputs = {next}, .last = {next * 2}};
    };
    const ScanResult all = scan(step, {Tensor::zeros({in[0].shape()[0], 3})}, {in[0]}, {.time_axis = 1});
    return std::vector{all.outputs[0]};
  };
  const Tensor x = of_sines({2, 4, 3});
  const Tensor right = make<Function>(running)(x);
  for (const Index time : {Index{4}, unknown}) {
    const Tensor in = Input({.shape = {time, 3}});
    const Tensor out = make<Function>(running)(in);
    CHECK(out.shape() == Shape{unknown, time, 3});
    CHECK(near(Model({in}, out).predict(x), right.to_vector<double>()));
  }
}

TEST_CASE("unknown batch and time: each operation of keras.ops, in a layer and on the tensors of a graph") {
  struct Case {
    const char* name;
    std::function<Tensor(const Tensor&)> of;
    /// Whether it asks for sizes of its operand, which only a layer's call may do.
    bool asks_sizes = false;
  };
  const Tensor weight = of_sines({3, 2});
  const std::vector<Case> cases = {
      {"sort", [](const Tensor& x) { return sort(x, 1); }},
      {"sort, descending", [](const Tensor& x) { return sort(x, -1, true); }},
      {"argsort", [](const Tensor& x) { return cast(argsort(x, 1), float32); }},
      {"top_k", [](const Tensor& x) { return top_k(x, 2).values; }},
      {"take_along_axis", [](const Tensor& x) { return take_along_axis(x, argsort(x, 1), 1); }},
      {"sum", [](const Tensor& x) { return sum(x, 1); }},
      {"stddev",
       [](const Tensor& x) {
         return stddev(x, {1, 2}, true);
       }},
      {"var", [](const Tensor& x) { return var(x, -1); }},
      {"norm", [](const Tensor& x) { return norm(x, {.axis = 1}); }},
      {"tile",
       [](const Tensor& x) {
         return tile(x, {1, 1, 2});
       }},
      {"tile along an unknown axis",
       [](const Tensor& x) {
         return tile(x, {1, 3, 1});
       }},
      {"repeat", [](const Tensor& x) { return repeat(x, 2, 1); }},
      {"roll", [](const Tensor& x) { return roll(x, 1, 2); }},
      {"swapaxes", [](const Tensor& x) { return swapaxes(x, 1, 2); }},
      {"moveaxis", [](const Tensor& x) { return moveaxis(x, -1, 1); }},
      {"einsum of a weight", [&](const Tensor& x) { return einsum("bti,ij->btj", x, weight); }},
      {"einsum of all", [](const Tensor& x) { return einsum("bti,bsi->bts", x, x); }},
      {"dot", [&](const Tensor& x) { return dot(x, weight); }},
      {"with",
       [](const Tensor& x) {
         return x.with(0, 0.5).with({-1, -1, 2}, 7);
       }},
      {"slice_update",
       [](const Tensor& x) {
         return slice_update(x, {{}, {-1, None}}, 0);
       }},
      {"where", [](const Tensor& x) { return where(x > 0, x, 0); }},
      {"zeros_like", [](const Tensor& x) { return zeros_like(x) + ones_like(x) * full_like(x, 3); }},
      {"floor", [](const Tensor& x) { return floor(x) + ceil(x) + round(x * 3); }},
      {"mod", [](const Tensor& x) { return mod(x, 0.25) + floor_divide(x, 0.25); }},
      {"isfinite", [](const Tensor& x) { return cast(isfinite(x / 0), float32); }},
      {"concatenate",
       [](const Tensor& x) {
         return concatenate({x, x}, 1);
       }},
      {"dropout", [](const Tensor& x) { return dropout(x, 0.5, 3); }},
      {"zeros",
       [](const Tensor& x) {
         return x + zeros({x.shape()[0], x.shape()[1], 1});
       },
       true},
      {"ones", [](const Tensor& x) { return x * ones(x.shape()); }, true},
      {"arange", [](const Tensor& x) { return cast(arange(x.shape()[1]), float32) + sum(x, 2); }, true},
      {"linspace", [](const Tensor& x) { return linspace(0, 1, x.shape()[1]) * sum(x, 2); }, true},
      {"eye", [](const Tensor& x) { return matmul(eye(x.shape()[1]), x); }, true},
      {"random_uniform", [](const Tensor& x) { return x + random_uniform(x.shape(), 0, 1, float32, 3); },
       true},
      {"random_integers",
       [](const Tensor& x) {
         return x + cast(random_integers({x.shape()[1], 3}, 0, 9, int32, 3), float32);
       },
       true},
      {"random_categorical",
       [](const Tensor& x) { return cast(random_categorical(sum(x, 1), x.shape()[1], 3), float32); }, true},
      {"shuffle", [](const Tensor& x) { return shuffle(x, 1, 3); }, true},
  };
  const Tensor x = of_sines({2, 4, 3});
  for (const Case& one : cases) {
    CAPTURE(one.name);
    const std::vector<double> right = one.of(x).to_vector<double>();
    const Tensor in = Input({.shape = {None, 3}});
    const auto layer =
        make<Function>([&](const std::vector<Tensor>& inputs) { return std::vector{one.of(inputs[0])}; });
    CHECK(near(Model({in}, layer(in)).predict(x), right));
    if (!one.asks_sizes) CHECK(near(Model({in}, one.of(in)).predict(x), right));
  }
}

TEST_CASE("unknown batch: what needs the values says so, and what to do") {
  const Tensor in = Input({.shape = {None, 3}});
  const auto layer = make<Function>([](const std::vector<Tensor>& inputs) { return nonzero(inputs[0]); });
  for (const std::string& message :
       {message_of<RuntimeError>([&] { nonzero(in); }), message_of<RuntimeError>([&] { layer(in); })}) {
    CHECK(
        contains(message, "nonzero(float32[?, ?, 3]): expected a tensor with a value, got an abstract one"));
    CHECK(contains(message, "where()"));
  }
  CHECK(contains(message_of<ValueError>([&] { roll(in, 1, 1); }),
                 "roll(float32[?, ?, 3]): expected a known size of axis 1"));
  CHECK(contains(message_of<ValueError>([&] { zeros({in.shape()[0], 3}); }), "by zeros_like(x)"));
  CHECK(contains(message_of<ValueError>([&] { random_normal(in.shape()); }), "in the call of a layer"));
}
