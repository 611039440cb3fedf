// Writes those files of tests/fuzz/corpus that this library writes: fuzz_corpus tests/fuzz/corpus
// The files of Keras are from tests/fuzz/maker/keras_files.py.
#include <cstdio>
#include <exception>
#include <filesystem>
#include <functional>
#include <string>

#include <unspool/unspool.h>

using namespace unspool;

namespace {

Tensor some(const Shape& shape) { return Tensor::full(shape, 0.5f); }

Sequential target() {
  Sequential model({Input({.shape = {2, 1}}), LSTM({.units = 1, .name = "lstm"}),
                    BatchNormalization({.name = "norm"}), Dense({.units = 1, .name = "dense"})},
                   {.name = "target"});
  model.compile({.optimizer = "adam", .loss = "mse"});
  model.train_on_batch(some({2, 2, 1}), some({2, 1}));
  return model;
}

Model graph() {
  const Tensor a = Input({.shape = {3, 2}, .name = "a"});
  const Tensor b = Input({.shape = {3}, .dtype = int32, .name = "b"});
  const Tensor words = Embedding({.input_dim = 4, .output_dim = 2, .mask_zero = true, .name = "words"})(b);
  const auto shared = GRU({.units = 2, .return_sequences = true, .reset_after = false, .name = "shared"});
  const Tensor both = Concatenate({.name = "both"})({shared(a), shared(words)});
  const Tensor out =
      Dense({.units = 1, .activation = "sigmoid", .kernel_regularizer = L2(.1), .name = "out"})(
          Bidirectional(SimpleRNN({.units = 1, .dropout = .1}), {.name = "both_ways"})(both));
  Model model({a, b}, {out * 2.0f}, {.name = "graph"});
  model.compile(
      {.optimizer = RMSprop({.momentum = .5}), .loss = "binary_crossentropy", .metrics = {"accuracy"}});
  return model;
}

Sequential stacked() {
  return Sequential(
      {Input({.batch_shape = {2, 3, 2}}),
       RNN({LSTMCell({.units = 1}), GRUCell({.units = 1})},
           {.return_sequences = true, .stateful = true, .unroll = true, .name = "cells"}),
       TimeDistributed(Dense({.units = 1}), {.name = "each"}), LayerNormalization({.name = "ln"}),
       Dropout({.rate = .5, .name = "drop"}), Flatten({.name = "flat"})},
      {.name = "stacked"});
}

/// A model that stands twice in another.
Model nested() {
  const Tensor x = Input({.shape = {2}, .name = "x"});
  const Model inner({x}, {Dense({.units = 2, .use_bias = false, .name = "d"})(x)}, {.name = "inner"});
  const Tensor y = Input({.shape = {2}, .name = "y"});
  return Model({y}, {inner(inner(y))}, {.name = "outer"});
}

void write(const std::string& folder) {
  set_seed(1);
  const auto path = [&](const char* format, const char* name) {
    std::filesystem::create_directories(folder + "/" + format);
    return folder + "/" + format + "/" + name;
  };
  for (const Model& model : {Model(target()), graph(), Model(stacked()), nested()}) {
    model.save(path("native", model.name().c_str()));
    model.save(path("keras", (model.name() + ".keras").c_str()));
    write_file_atomically(path("config", model.name().c_str()), to_json(serialize_layer(*model.network())));
  }
  Sequential trained = target();
  const std::string folder_of_state = path("native", "state");
  trained.fit(some({2, 2, 1}), some({2, 1}),
              {.epochs = 2,
               .verbose = 0,
               .callbacks = {BackupAndRestore(folder_of_state, {.delete_checkpoint = false})}});
  std::filesystem::rename(folder_of_state + "/training_state.unspool", path("native", "training"));
  std::filesystem::remove(folder_of_state);
  const Sequential weights = target();
  weights.save_weights(path("native", "weights"));
  weights.save_weights(path("weights_h5", "target.weights.h5"));
  const std::vector<Config> objects{
      Optimizer(Adam({.learning_rate = CosineDecay({.initial_learning_rate = .1, .decay_steps = 3})}))
          .config(),
      Optimizer(SGD({.momentum = .5, .clipnorm = 1})).config(), Loss(Huber({.delta = 2})).config(),
      Metric(AUC({.num_thresholds = 3})).config()};
  for (std::size_t i = 0; i < objects.size(); ++i) {
    write_file_atomically(path("config", ("object_" + std::to_string(i)).c_str()), to_json(objects[i]));
  }
  const std::vector<NamedTensor> tensors{{"w", some({2, 2})},
                                         {"b", Tensor::of<bool>({true, false})},
                                         {"i", Tensor::scalar(std::int64_t{3})},
                                         {"none", Tensor::zeros({0, 2}, int32)}};
  save_safetensors(path("safetensors", "all"), {tensors, Config::map({{"format", "pt"}})});
  save_safetensors(path("safetensors", "one"), {{tensors.front()}, Config::map()});
  for (const NamedTensor& one : tensors) save_npy(path("npy", (one.name + ".npy").c_str()), one.tensor);
  save_npz(path("npz", "all.npz"), tensors);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: fuzz_corpus FOLDER\n");
    return 2;
  }
  try {
    write(argv[1]);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
