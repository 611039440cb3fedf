// Writes the files of a version, which tests/models/old_files.cpp reads in all later ones:
//   old_files FOLDER [native]
// Each model is written in each format, or in the native one only, with the samples and results in
// NAME.safetensors: "input.0", ..., "output.0", ... of predict() after loading, and, for a compiled model,
// "target.0", ... and "trained.0", ..., the weights after one further epoch of training.
#include <filesystem>
#include <iostream>
#include <string>
#include <vector>

#include <unspool/unspool.h>

using namespace unspool;

namespace {

bool native_only = false;

struct Written {
  std::string name;
  Model model;
  std::vector<Tensor> inputs;
  std::vector<Tensor> targets;
};

Tensor samples(const Shape& shape, std::uint64_t seed) {
  return random_uniform(shape, -1, 1, float32, RandomKey{seed, 0});
}

Written lstm_adam() {
  Sequential model({Input({.shape = {4, 2}}), LSTM({.units = 3}), Dense({.units = 2})});
  model.compile(
      {.optimizer = Adam({.learning_rate = .01, .clipnorm = 1}), .loss = "mse", .metrics = {"mae"}});
  return {"lstm_adam", model, {samples({6, 4, 2}, 1)}, {samples({6, 2}, 2)}};
}

Written bidirectional_rmsprop() {
  Sequential model({Input({.shape = {5}, .dtype = int32}),
                    Embedding({.input_dim = 7, .output_dim = 3, .mask_zero = true}),
                    Bidirectional(GRU({.units = 2})), Dense({.units = 3, .activation = "softmax"})});
  model.compile({.optimizer = RMSprop({.learning_rate = .01, .momentum = .5, .centered = true}),
                 .loss = "categorical_crossentropy"});
  const Tensor tokens = Tensor::of<std::int32_t>({{1, 2, 3, 0, 0}, {6, 5, 4, 3, 2}, {1, 1, 0, 0, 0}});
  const Tensor kinds = Tensor::of<float>({{1, 0, 0}, {0, 1, 0}, {0, 0, 1}});
  return {"bidirectional_rmsprop", model, {tokens}, {kinds}};
}

Written shared_sgd() {
  const Tensor a = Input({.shape = {4, 2}});
  const Tensor b = Input({.shape = {4, 2}});
  const auto shared = SimpleRNN({.units = 3});
  const Tensor both = Concatenate()({shared(a), shared(b)});
  Model model({a, b}, Dense({.units = 1})(both));
  model.compile({.optimizer = SGD({.learning_rate = .05, .momentum = .9, .nesterov = true}), .loss = "mse"});
  return {"shared_sgd", model, {samples({6, 4, 2}, 3), samples({6, 4, 2}, 4)}, {samples({6, 1}, 5)}};
}

Written stacked_nadam() {
  Sequential model({Input({.shape = {4, 2}}),
                    RNN({SimpleRNNCell({.units = 2}), LSTMCell({.units = 3})}, {.return_sequences = true}),
                    BatchNormalization(), LayerNormalization(), GRU({.units = 2, .reset_after = false}),
                    Dense({.units = 1})});
  model.compile({.optimizer = Nadam({.learning_rate = .01}), .loss = "mse"});
  return {"stacked_nadam", model, {samples({6, 4, 2}, 6)}, {samples({6, 1}, 7)}};
}

Written stateful() {
  const Sequential model(
      {Input({.batch_shape = {2, 4, 2}}), SimpleRNN({.units = 3, .stateful = true}), Dense({.units = 1})});
  const Tensor x = samples({2, 4, 2}, 8);
  // The oldest files hold no states: these are saved at the beginning of a sequence.
  if (!native_only) model.predict(x);
  return {"stateful", model, {x}, {}};
}

void number(std::vector<NamedTensor>& tensors, const std::string& name, const std::vector<Tensor>& values) {
  for (const Tensor& value : values) {
    std::size_t index = 0;
    for (const NamedTensor& before : tensors) index += before.name.rfind(name, 0) == 0 ? 1 : 0;
    tensors.push_back({name + std::to_string(index), value});
  }
}

void write(const std::string& folder, Written written) {
  Model& model = written.model;
  const Index batch = written.inputs.front().shape().front();
  const FitOptions options{.batch_size = batch, .epochs = 2, .verbose = 0, .shuffle = false};
  const auto train = [&](const FitOptions& how) {
    if (written.inputs.size() == 1) {
      model.fit(written.inputs[0], written.targets[0], how);
    } else {
      model.fit(written.inputs, written.targets[0], how);
    }
  };
  if (!written.targets.empty()) train(options);
  const std::string path = folder + "/" + written.name;
  model.save(path + ".unspool");
  model.save_weights(path + "_weights.unspool");
  if (!native_only) {
    model.save(path + ".keras");
    model.save_weights(path + ".weights.h5");
  }
  Safetensors results;
  number(results.tensors, "input.", written.inputs);
  if (written.inputs.size() == 1) {
    number(results.tensors, "output.", {Tensor(model.predict(written.inputs[0], {.batch_size = batch}))});
  } else {
    number(results.tensors, "output.", {Tensor(model.predict(written.inputs, {.batch_size = batch}))});
  }
  if (!written.targets.empty()) {
    number(results.tensors, "target.", written.targets);
    FitOptions further = options;
    further.epochs = 1;
    train(further);
    number(results.tensors, "trained.", model.get_weights());
  }
  save_safetensors(path + ".safetensors", results);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::cerr << "old_files: expected a folder: old_files FOLDER [native]\n";
    return 2;
  }
  native_only = argc > 2;
  std::filesystem::create_directories(argv[1]);
  set_seed(1);
  write(argv[1], lstm_adam());
  write(argv[1], bidirectional_rmsprop());
  write(argv[1], shared_sgd());
  write(argv[1], stacked_nadam());
  write(argv[1], stateful());
  save_npy(std::string(argv[1]) + "/array.npy", samples({3, 2}, 9));
}
