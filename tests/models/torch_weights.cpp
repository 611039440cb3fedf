#include <doctest/doctest.h>

#include <unspool/autograd/arithmetic.h>
#include <unspool/autograd/joining.h>
#include <unspool/core/error.h>
#include <unspool/layers/bidirectional.h>
#include <unspool/layers/dense.h>
#include <unspool/layers/embedding.h>
#include <unspool/layers/gru.h>
#include <unspool/layers/input.h>
#include <unspool/layers/lstm.h>
#include <unspool/layers/normalization.h>
#include <unspool/layers/rnn.h>
#include <unspool/layers/simple_rnn.h>
#include <unspool/models/sequential.h>
#include <unspool/models/torch_weights.h>
#include <unspool/serialization/safetensors.h>

#include "../serialization/folder.h"
#include "../support/difference.h"
#include "../support/errors.h"
#include "../support/same_bits.h"

using namespace unspool;
using namespace unspool::testing;

namespace {

constexpr Index units = 4;
const TorchOptions not_strict{.strict = false};  // The files have inputs and outputs, too.

/// Written by tests/models/torch_weights.py.
std::string torch_file(const std::string& name) { return "tests/models/torch/" + name + ".safetensors"; }

void check_predicts(const Model& model, const std::string& name) {
  const Safetensors content = load_safetensors(torch_file(name));
  const Tensor predicted = model.predict(find_tensor(content.tensors, "input"));
  CHECK(difference(predicted, find_tensor(content.tensors, "output")) <= 1e-6);
}

template <class L, class O>
Sequential two_directions(const O& options) {
  return Sequential({Input({.shape = {-1, 5}}), Bidirectional(L(options), {.name = "first"}),
                     Bidirectional(L(options), {.name = "second"})});
}
Sequential two_rnns() {
  return two_directions<SimpleRNN>(SimpleRNNOptions{.units = units, .return_sequences = true});
}
Sequential two_lstms() { return two_directions<LSTM>(LSTMOptions{.units = units, .return_sequences = true}); }
Sequential two_grus() { return two_directions<GRU>(GRUOptions{.units = units, .return_sequences = true}); }

const std::vector<TorchModule> both_layers = {{"module", {"first", "second"}}};

Sequential tagger() {
  return Sequential({Input({.shape = {-1}, .dtype = int32}),
                     Embedding({.input_dim = 7, .output_dim = 5, .name = "embedding"}),
                     LSTM({.units = units, .return_sequences = true, .name = "a"}),
                     LSTM({.units = units, .return_sequences = true, .name = "b"}),
                     LayerNormalization({.epsilon = 1e-5, .name = "norm"}),
                     BatchNormalization({.epsilon = 1e-5, .name = "batch_norm"}),
                     Dense({.units = 3, .name = "head"})});
}
const std::vector<TorchModule> tagger_modules = {{"module.embedding", {"embedding"}},
                                                 {"module.lstm", {"a", "b"}},
                                                 {"module.norm", {"norm"}},
                                                 {"module.batch_norm", {"batch_norm"}},
                                                 {"module.head", {"head"}}};

}  // namespace

TEST_CASE("PyTorch's RNN, LSTM and GRU of two layers and both directions predict the same here") {
  Sequential rnn = two_rnns();
  load_torch_weights(rnn, torch_file("rnn"), both_layers, not_strict);
  check_predicts(rnn, "rnn");
  Sequential lstm = two_lstms();
  load_torch_weights(lstm, torch_file("lstm"), both_layers, not_strict);
  check_predicts(lstm, "lstm");
  Sequential gru = two_grus();
  load_torch_weights(gru, torch_file("gru"), both_layers, not_strict);
  check_predicts(gru, "gru");
}

TEST_CASE("final states are those of PyTorch: h_n of the last layer, forward and backward") {
  const Tensor sequence = Input({.shape = {-1, 5}});
  const Tensor between =
      Bidirectional(GRU({.units = units, .return_sequences = true}), {.name = "first"})(sequence);
  const Outputs last =
      Bidirectional(GRU({.units = units, .return_state = true}), {.name = "second"})(between);
  const Model model({sequence}, {last[1], last[2]});
  load_torch_weights(model, torch_file("gru"), both_layers, not_strict);
  const Safetensors content = load_safetensors(torch_file("gru"));
  const Outputs states = model.predict(find_tensor(content.tensors, "input"));
  const Tensor expected = find_tensor(content.tensors, "last");
  for (const Index direction : {0, 1}) {
    CHECK(difference(states[direction], expected[2 + direction]) <= 1e-6);
  }
}

TEST_CASE("one direction, without biases, as layers and as stacked cells") {
  const SimpleRNNOptions options{
      .units = units, .activation = "relu", .use_bias = false, .return_sequences = true};
  SimpleRNNOptions first = options;
  first.name = "first";
  SimpleRNNOptions second = options;
  second.name = "second";
  Sequential layers({Input({.shape = {-1, 5}}), SimpleRNN(first), SimpleRNN(second)});
  load_torch_weights(layers, torch_file("rnn_relu"), both_layers, not_strict);
  check_predicts(layers, "rnn_relu");

  const auto cell = [] { return SimpleRNNCell({.units = units, .activation = "relu", .use_bias = false}); };
  Sequential stack(
      {Input({.shape = {-1, 5}}), RNN({cell(), cell()}, {.return_sequences = true, .name = "stack"})});
  load_torch_weights(stack, torch_file("rnn_relu"), {{"module", {"stack"}}}, not_strict);
  check_predicts(stack, "rnn_relu");
}

TEST_CASE("a model of every layer that has a counterpart in PyTorch") {
  Sequential model = tagger();
  load_torch_weights(model, torch_file("tagger"), tagger_modules, not_strict);
  check_predicts(model, "tagger");
}

TEST_CASE("weights that are written for PyTorch are those that were read, but for the sum of two biases") {
  const Folder folder;
  const auto check_written = [&](Sequential model, const std::string& name,
                                 const std::vector<TorchModule>& modules) {
    CAPTURE(name);
    const std::string path = folder / "again.safetensors";
    load_torch_weights(model, torch_file(name), modules, not_strict);
    save_torch_weights(model, path, modules);
    const std::vector<NamedTensor> before = load_safetensors(torch_file(name)).tensors;
    const std::vector<NamedTensor> after = load_safetensors(path).tensors;
    for (const NamedTensor& entry : after) {
      const std::string& key = entry.name;
      const Tensor& value = entry.tensor;
      CAPTURE(key);
      const Tensor was = find_tensor(before, key);
      const bool summed = key.find(".bias_") != std::string::npos && name != "gru";
      if (!summed) {
        CHECK(same_bits(value, was));
      } else if (key.find("bias_hh") != std::string::npos) {
        CHECK(same_bits(value, Tensor::zeros(value.shape())));
      } else {
        std::string other = key;
        other.replace(other.find("_ih"), 3, "_hh");
        CHECK(same_bits(value, was + find_tensor(before, other)));
      }
    }
    // Inputs, outputs and the number of batches are not weights.
    for (const auto& [key, value] : before) {
      if (key.starts_with("module.") && !key.ends_with("num_batches_tracked")) {
        CHECK_NOTHROW(find_tensor(after, key));
      }
    }
    const std::vector<Tensor> weights = model.get_weights();
    for (const Variable& weight : model.weights()) weight.assign(Tensor::zeros(weight.shape()));
    load_torch_weights(model, path, modules);  // Strict: there is nothing else.
    CHECK(same_bits(model.get_weights(), weights));
  };
  check_written(two_rnns(), "rnn", both_layers);
  check_written(two_lstms(), "lstm", both_layers);
  check_written(two_grus(), "gru", both_layers);
  check_written(tagger(), "tagger", tagger_modules);
}

TEST_CASE("a file of PyTorch that does not fit is an error, and changes nothing") {
  Sequential model = two_lstms();
  const std::vector<Tensor> before = model.get_weights();
  const auto refusal = [&](const std::string& name, const std::vector<TorchModule>& modules,
                           const TorchOptions& options = not_strict) {
    return message_of<FileError>([&] { load_torch_weights(model, torch_file(name), modules, options); });
  };
  CHECK(contains(refusal("lstm", both_layers, {}), "the tensor \"input\" belongs to no weight"));
  CHECK(contains(
      refusal("gru", both_layers),
      "the layer first: expected the shape [5, 16] of kernel in \"module.weight_ih_l0\", got [5, 12]"));
  CHECK(contains(refusal("rnn_relu", both_layers),
                 "expected the tensor \"module.bias_ih_l0\" for bias, got none"));
  CHECK(contains(refusal("lstm", {{"lstm", {"first", "second"}}}), "did you mean \"module.weight_ih_l0\"?"));
  CHECK(same_bits(model.get_weights(), before));
}

TEST_CASE("layers that compute something else than the module of PyTorch are refused") {
  const auto refusal = [](const SequentialItem& layer, const std::vector<TorchModule>& modules) {
    const Sequential model({Input({.shape = {-1, 5}}), layer});
    return message_of<ValueError>([&] { load_torch_weights(model, torch_file("gru"), modules); });
  };
  const std::vector<TorchModule> module = {{"module", {"a"}}};
  CHECK(contains(refusal(GRU({.units = units, .reset_after = false, .name = "a"}), module),
                 "expected .reset_after = true for the weights of nn.GRU, got false"));
  CHECK(contains(refusal(GRU({.units = units, .activation = "relu", .name = "a"}), module),
                 "expected .activation = tanh for the weights of nn.GRU, got relu"));
  CHECK(contains(refusal(LSTM({.units = units, .recurrent_activation = "hard_sigmoid", .name = "a"}), module),
                 "expected .recurrent_activation = sigmoid"));
  CHECK(contains(refusal(SimpleRNN({.units = units, .activation = "linear", .name = "a"}), module),
                 "expected .activation = tanh or relu for the weights of nn.RNN, got linear"));
  CHECK(contains(refusal(GRU({.units = units, .go_backwards = true, .name = "a"}), module), ".go_backwards"));
  CHECK(contains(
      refusal(Bidirectional(RNN({GRUCell({.units = 2}), GRUCell({.units = 2})}), {.name = "a"}), module),
      "expected one Bidirectional for each layer"));
  CHECK(contains(refusal(GRU({.units = units, .name = "layer"}), module),
                 "expected the path of one of its layers, got \"a\""));
  CHECK(contains(refusal(Dense({.units = 2, .name = "a"}), {{"module", {"a", "a"}}}), "expected one layer"));
}
