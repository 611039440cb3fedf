// Layers of a user's own in a graph, where the batch, and time, are not known.
#include <doctest/doctest.h>

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
    const float right = Loss(name)(labels, x).item<float>();
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
    CHECK(scanned.outputs[0].item<float>({0}) == doctest::Approx(value(p).item<float>()).epsilon(1e-6));
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
