#include <doctest/doctest.h>
#include <sstream>

#include <unspool/autograd/arithmetic.h>
#include <unspool/layers/dense.h>
#include <unspool/layers/input.h>
#include <unspool/layers/lstm.h>
#include <unspool/layers/time_distributed.h>
#include <unspool/models/sequential.h>

using namespace unspool;

namespace {

std::vector<std::string> layer_names(const Model& model) {
  std::vector<std::string> names;
  for (const Ref<LayerBase>& layer : model.layers()) names.push_back(layer->name());
  return names;
}
using LayerNames = std::vector<std::string>;

}  // namespace

// The texts are Keras' own.

TEST_CASE("the summary of a graph has its inputs, and what layers are connected to") {
  const Tensor source = Input({.shape = {unknown, 16}, .name = "source"});
  const Tensor target = Input({.shape = {unknown, 16}, .name = "target"});
  const auto [last, h, c] = unpack<3>(LSTM({.units = 64, .return_state = true, .name = "enc"})(source));
  const Tensor decoded =
      LSTM({.units = 64, .return_sequences = true, .name = "dec"})(target, {.initial_state = {h, c}});
  const auto dense = TimeDistributed(Dense({.units = 100, .activation = "softmax"}), {.name = "td"});
  const Model model({source, target}, dense(decoded), {.name = "translator"});
  CHECK(model.summary_text({.line_length = 100}) == R"(Model: "translator"
┏━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━━┓
┃ Layer (type)                ┃ Output Shape            ┃        Param # ┃ Connected to            ┃
┡━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━━┩
│ source (InputLayer)         │ (None, None, 16)        │              0 │ -                       │
├─────────────────────────────┼─────────────────────────┼────────────────┼─────────────────────────┤
│ target (InputLayer)         │ (None, None, 16)        │              0 │ -                       │
├─────────────────────────────┼─────────────────────────┼────────────────┼─────────────────────────┤
│ enc (LSTM)                  │ [(None, 64), (None,     │         20,736 │ source[0][0]            │
│                             │ 64), (None, 64)]        │                │                         │
├─────────────────────────────┼─────────────────────────┼────────────────┼─────────────────────────┤
│ dec (LSTM)                  │ (None, None, 64)        │         20,736 │ target[0][0],           │
│                             │                         │                │ enc[0][1], enc[0][2]    │
├─────────────────────────────┼─────────────────────────┼────────────────┼─────────────────────────┤
│ td (TimeDistributed)        │ (None, None, 100)       │          6,500 │ dec[0][0]               │
└─────────────────────────────┴─────────────────────────┴────────────────┴─────────────────────────┘
 Total params: 47,972 (187.39 KB)
 Trainable params: 47,972 (187.39 KB)
 Non-trainable params: 0 (0.00 B)
)");
  CHECK(layer_names(model) == LayerNames{"source", "target", "enc", "dec", "td"});
  CHECK(model.layers()[0]->class_name() == "InputLayer");
  CHECK(model.layers()[0]->output().id() == source.id());
  CHECK(model.get_layer("target")->output_shape() == Shape{unknown, unknown, 16});
  CHECK(model.get_layer(1) == model.get_layer("target"));
  CHECK(model.get_layer("target")->count_params() == 0);

  // A model of what every layer gives, as for extracting features.
  std::vector<Tensor> features;
  for (const Ref<LayerBase>& layer : model.layers()) features.push_back(layer->output().all().front());
  CHECK(features[2].id() == last.id());
  const Model extractor({source, target}, features);
  CHECK(extractor.outputs().size() == 5);
  const Outputs outputs = extractor.predict({Tensor::ones({2, 3, 16}), Tensor::zeros({2, 3, 16})});
  CHECK(outputs[0].shape() == Shape{2, 3, 16});
  CHECK(outputs[4].shape() == Shape{2, 3, 100});
}

TEST_CASE("the summary of a chain has no connections") {
  const Tensor x = Input({.shape = {2}, .name = "x"});
  const Model chain(x, Dense({.units = 1, .name = "d2"})(Dense({.units = 8, .name = "d1"})(x)),
                    {.name = "chain"});
  CHECK(chain.summary_text({.line_length = 88}) == R"(Model: "chain"
┏━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━┓
┃ Layer (type)                         ┃ Output Shape                ┃         Param # ┃
┡━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━┩
│ x (InputLayer)                       │ (None, 2)                   │               0 │
├──────────────────────────────────────┼─────────────────────────────┼─────────────────┤
│ d1 (Dense)                           │ (None, 8)                   │              24 │
├──────────────────────────────────────┼─────────────────────────────┼─────────────────┤
│ d2 (Dense)                           │ (None, 1)                   │               9 │
└──────────────────────────────────────┴─────────────────────────────┴─────────────────┘
 Total params: 33 (132.00 B)
 Trainable params: 33 (132.00 B)
 Non-trainable params: 0 (0.00 B)
)");
  CHECK(layer_names(chain) == LayerNames{"x", "d1", "d2"});
  const Sequential sequence({Input({.shape = {2}, .name = "x"}), Dense({.units = 2, .name = "k"})},
                            {.name = "sq"});
  CHECK(sequence.summary_text({.line_length = 88}) == R"(Model: "sq"
┏━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━┓
┃ Layer (type)                         ┃ Output Shape                ┃         Param # ┃
┡━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━┩
│ k (Dense)                            │ (None, 2)                   │               6 │
└──────────────────────────────────────┴─────────────────────────────┴─────────────────┘
 Total params: 6 (24.00 B)
 Trainable params: 6 (24.00 B)
 Non-trainable params: 0 (0.00 B)
)");
  CHECK(layer_names(sequence) == LayerNames{"k"});
}

TEST_CASE("operations, shared layers, inputs that nothing depends on and nested models in a summary") {
  const Tensor x = Input({.shape = {2}, .name = "x"});
  const Tensor p = Dense({.units = 1, .name = "p"})(x);
  const Tensor q = Dense({.units = 1, .name = "q"})(x);
  const Model operations(x, p + q * 2.0, {.name = "ops"});
  CHECK(operations.summary_text({.line_length = 100}) == R"(Model: "ops"
┏━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━━┓
┃ Layer (type)                ┃ Output Shape            ┃        Param # ┃ Connected to            ┃
┡━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━━┩
│ x (InputLayer)              │ (None, 2)               │              0 │ -                       │
├─────────────────────────────┼─────────────────────────┼────────────────┼─────────────────────────┤
│ q (Dense)                   │ (None, 1)               │              3 │ x[0][0]                 │
├─────────────────────────────┼─────────────────────────┼────────────────┼─────────────────────────┤
│ p (Dense)                   │ (None, 1)               │              3 │ x[0][0]                 │
├─────────────────────────────┼─────────────────────────┼────────────────┼─────────────────────────┤
│ multiply (Multiply)         │ (None, 1)               │              0 │ q[0][0]                 │
├─────────────────────────────┼─────────────────────────┼────────────────┼─────────────────────────┤
│ add (Add)                   │ (None, 1)               │              0 │ p[0][0], multiply[0][0] │
└─────────────────────────────┴─────────────────────────┴────────────────┴─────────────────────────┘
 Total params: 6 (24.00 B)
 Trainable params: 6 (24.00 B)
 Non-trainable params: 0 (0.00 B)
)");
  CHECK(layer_names(operations) == LayerNames{"x", "q", "p"});

  const auto shared = Dense({.units = 2, .name = "shared"});
  const Model twice(x, shared(shared(x)), {.name = "shared_m"});
  CHECK(twice.summary_text({.line_length = 100}) == R"(Model: "shared_m"
┏━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━━┓
┃ Layer (type)                ┃ Output Shape            ┃        Param # ┃ Connected to            ┃
┡━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━━┩
│ x (InputLayer)              │ (None, 2)               │              0 │ -                       │
├─────────────────────────────┼─────────────────────────┼────────────────┼─────────────────────────┤
│ shared (Dense)              │ (None, 2)               │              6 │ x[0][0], shared[0][0]   │
└─────────────────────────────┴─────────────────────────┴────────────────┴─────────────────────────┘
 Total params: 6 (24.00 B)
 Trainable params: 6 (24.00 B)
 Non-trainable params: 0 (0.00 B)
)");

  const Tensor unused = Input({.shape = {3}, .name = "unused"});
  const Model with_unused({x, unused}, Dense({.units = 2, .name = "w"})(x), {.name = "un"});
  CHECK(with_unused.summary_text({.line_length = 100}) == R"(Model: "un"
┏━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━━┓
┃ Layer (type)                ┃ Output Shape            ┃        Param # ┃ Connected to            ┃
┡━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━━┩
│ x (InputLayer)              │ (None, 2)               │              0 │ -                       │
├─────────────────────────────┼─────────────────────────┼────────────────┼─────────────────────────┤
│ unused (InputLayer)         │ (None, 3)               │              0 │ -                       │
├─────────────────────────────┼─────────────────────────┼────────────────┼─────────────────────────┤
│ w (Dense)                   │ (None, 2)               │              6 │ x[0][0]                 │
└─────────────────────────────┴─────────────────────────┴────────────────┴─────────────────────────┘
 Total params: 6 (24.00 B)
 Trainable params: 6 (24.00 B)
 Non-trainable params: 0 (0.00 B)
)");
  CHECK(layer_names(with_unused) == LayerNames{"x", "unused", "w"});

  const Model inner(x, Dense({.units = 2, .name = "w5"})(x), {.name = "inner"});
  const Model outer(x, {inner(x), Dense({.units = 1, .name = "o"})(x)}, {.name = "outer"});
  CHECK(outer.summary_text({.line_length = 100}) == R"(Model: "outer"
┏━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━━┓
┃ Layer (type)                ┃ Output Shape            ┃        Param # ┃ Connected to            ┃
┡━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━━┩
│ x (InputLayer)              │ (None, 2)               │              0 │ -                       │
├─────────────────────────────┼─────────────────────────┼────────────────┼─────────────────────────┤
│ inner (Functional)          │ (None, 2)               │              6 │ x[0][0]                 │
├─────────────────────────────┼─────────────────────────┼────────────────┼─────────────────────────┤
│ o (Dense)                   │ (None, 1)               │              3 │ x[0][0]                 │
└─────────────────────────────┴─────────────────────────┴────────────────┴─────────────────────────┘
 Total params: 9 (36.00 B)
 Trainable params: 9 (36.00 B)
 Non-trainable params: 0 (0.00 B)
)");
}

TEST_CASE("a model is printed as its summary") {
  const Sequential model({Input({.shape = {2}}), Dense({.units = 2})});
  std::ostringstream stream;
  stream << model;
  CHECK(stream.str() == model.summary_text());
  stream.str("");
  stream << Model();
  CHECK(stream.str() == "an empty Model");
}
