#include "models.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>

#include <unspool/autograd/random.h>
#include <unspool/core/error.h>
#include <unspool/layers/dense.h>
#include <unspool/layers/input.h>
#include <unspool/layers/lstm.h>
#include <unspool/layers/normalization.h>
#include <unspool/models/saving.h>
#include <unspool/models/sequential.h>
#include <unspool/models/training_state.h>
#include <unspool/serialization/archive.h>
#include <unspool/serialization/file.h>

#include "format.h"
#include "scratch_file.h"

namespace unspool::fuzz {
namespace {

std::optional<Model> loaded(const std::string& path) {
  try {
    return load_model(path);
  } catch (const FileError&) {
    return std::nullopt;
  }
}

bool same_weights(const Model& a, const Model& b) {
  const std::vector<Tensor> left = a.get_weights();
  const std::vector<Tensor> right = b.get_weights();
  bool same = left.size() == right.size();
  for (std::size_t i = 0; same && i < left.size(); ++i) {
    same = left[i].shape() == right[i].shape() && left[i].dtype() == right[i].dtype() &&
           (left[i].bytes() == 0 || std::memcmp(left[i].raw(), right[i].raw(), left[i].bytes()) == 0);
  }
  return same;
}

/// The model of tests/fuzz/corpus, which has trained.
Model made_target() {
  set_seed(1);
  Sequential model({Input({.shape = {2, 1}}), LSTM({.units = 1, .name = "lstm"}),
                    BatchNormalization({.name = "norm"}), Dense({.units = 1, .name = "dense"})},
                   {.name = "target"});
  model.compile({.optimizer = "adam", .loss = "mse"});
  model.train_on_batch(Tensor::ones({2, 2, 1}), Tensor::ones({2, 1}));
  return model;
}

/// Whether the numbers in a config are so small that a model of it is small. Running a model is not limited.
bool is_small(const Config& config) {
  constexpr Index largest = 6;
  constexpr std::size_t longest = 64;
  if (config.kind() == Config::Kind::integer)
    return config.as<Index>() >= -largest && config.as<Index>() <= largest;
  if (config.is_list()) {
    const std::vector<Config> elements = config.elements();
    return elements.size() <= longest && std::all_of(elements.begin(), elements.end(), is_small);
  }
  if (!config.is_map()) return true;
  const std::vector<Config::Entry> entries = config.items();
  return std::all_of(entries.begin(), entries.end(), [](const Config::Entry& entry) {
    return entry.first == "seed" || is_small(entry.second);
  });
}

/// Calls a small model, whose layers must not read or write beyond their tensors, whatever their config is.
void run_if_small(const Model& model) {
  const Config config = to_snapshot(model).config;
  if (!is_small(config["network"]) || !is_small(config["inputs"])) return;
  std::vector<Tensor> inputs;
  for (const Config& spec : config["inputs"].elements()) {
    Shape shape = spec["shape"].as<Shape>();
    for (int axis = 0; axis < shape.rank(); ++axis) {
      if (shape[axis] == unknown) shape.set(axis, 2);
    }
    inputs.push_back(Tensor::ones(shape, spec["dtype"].as<DType>()));
  }
  try {
    static_cast<void>((*model.network())(inputs));
  } catch (const Error&) {  // Layers may refuse each other's outputs.
  }
}

/// Reads a state of training at the start of fit().
struct GoesOn final : Callback {
  explicit GoesOn(const Snapshot& from) : state(from) {}
  void on_train_begin() override {
    restore_training_state(model(), state);
    restored = true;
  }
  const Snapshot& state;
  bool restored = false;
};

}  // namespace

std::string state_of(const Model& model) { return archive_to_bytes(to_snapshot(model)); }

std::string keras_state_of(const Model& model) {
  Snapshot snapshot = to_snapshot(model);
  snapshot.config.erase("seeds").erase("shuffle");
  std::erase_if(snapshot.tensors,
                [](const NamedTensor& tensor) { return tensor.name.starts_with("states/"); });
  return archive_to_bytes(snapshot);
}

bool read_model(std::string_view ending, std::string_view bytes) {
  const std::optional<Model> model = loaded(scratch_file(ending, bytes));
  if (!model) return false;
  const std::string state = state_of(*model);
  promise(state_of(from_snapshot(archive_from_bytes(state))) == state,
          "a model that was read, saved in the native format and read again is the same");
  run_if_small(*model);
  if (ending != ".keras") return true;
  const std::string path = scratch_file(".again.keras", "");
  try {
    model->save(path);
  } catch (const ValueError&) {
    return true;  // Our layers can do more than Keras' files can hold.
  }
  const Model again = load_model(path);
  promise(same_weights(again, *model),
          "a model that was read, saved as .keras and read again has the same weights");
  const std::string path_of_again = scratch_file(".third.keras", "");
  again.save(path_of_again);
  promise(read_file(path_of_again) == read_file(path),
          "a model that was read, saved as .keras and read again is saved as the same file");
  return true;
}

bool read_weights(std::string_view ending, std::string_view bytes, std::string_view written_ending) {
  static Model target = made_target();
  static Model other = made_target();
  static std::string before = state_of(target);
  try {
    target.load_weights(scratch_file(ending, bytes));
  } catch (const FileError&) {
    promise(state_of(target) == before, "a model into which weights cannot be read stays as it was");
    return false;
  }
  before = state_of(target);
  const std::string path = scratch_file(written_ending, "");
  target.save_weights(path);
  other.load_weights(path);
  const std::string again = scratch_file(".again" + std::string(written_ending), "");
  other.save_weights(again);
  promise(read_file(again) == read_file(path), "weights that were read, written and read again are the same");
  return true;
}

bool read_training_state(const Snapshot& snapshot) {
  static Model model = made_target();
  const Snapshot before = to_snapshot(model);
  const auto goes_on = std::make_shared<GoesOn>(snapshot);
  try {
    model.fit(Tensor::ones({2, 2, 1}), Tensor::ones({2, 1}),
              {.epochs = 2, .verbose = 0, .callbacks = {goes_on}});
  } catch (const Error&) {
    // What follows may be refused by metrics or callbacks.
    if (goes_on->restored) return false;
    // fit() has drawn the order of the samples.
    Snapshot after = to_snapshot(model);
    after.config.set("shuffle", before.config["shuffle"]);
    promise(archive_to_bytes(after) == archive_to_bytes(before),
            "a model that cannot go on from a state of training stays as it was");
    return false;
  }
  return true;
}

}  // namespace unspool::fuzz
