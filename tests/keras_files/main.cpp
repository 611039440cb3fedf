// Loads Keras' files and writes them again, for tests/keras_roundtrip.py: keras_files FOLDER.
// FOLDER/NAME.keras (or NAME.weights.h5, with NAME.json, the model) is a model whose predictions are
// output.0, ... for input.0, ... in FOLDER/NAME.safetensors. It is compared with these and written to
// FOLDER/again/NAME.keras, and its config to FOLDER/again/NAME.json. Fails if a file does not load, or if a
// prediction differs by more than 1e-5.
#include <algorithm>
#include <filesystem>

#include <unspool/core/error.h>
#include <unspool/models/model.h>
#include <unspool/serialization/file.h>
#include <unspool/serialization/safetensors.h>

#include "../support/difference.h"
#include "../support/run_files.h"

namespace {

using namespace unspool;
using unspool::testing::difference;
namespace fs = std::filesystem;

std::vector<Tensor> numbered(const Safetensors& content, const std::string& prefix) {
  std::vector<Tensor> found;
  for (;;) {
    const std::string name = prefix + std::to_string(found.size());
    const auto entry = std::find_if(content.tensors.begin(), content.tensors.end(),
                                    [&](const NamedTensor& tensor) { return tensor.name == name; });
    if (entry == content.tensors.end()) return found;
    found.push_back(entry->tensor);
  }
}

void run(const fs::path& file) {
  const fs::path folder = file.parent_path();
  std::string name = file.stem().string();
  const bool weights = name.ends_with(".weights");
  if (weights) name = fs::path(name).stem().string();
  Model model;
  if (weights) {
    model = model_from_json(read_file((folder / (name + ".json")).string()));
    model.load_weights(file.string());
  } else {
    model = load_model(file.string());
  }
  const std::string again = (folder / "again" / name).string();
  if (weights) {
    model.save_weights(again + ".weights.h5");
  } else {
    model.save(again + ".keras");
    write_file_atomically(again + ".json", model.to_json());
  }
  const Safetensors expected = load_safetensors((folder / (name + ".safetensors")).string());
  const std::vector<Tensor> inputs = numbered(expected, "input.");
  const std::vector<Tensor> outputs = numbered(expected, "output.");
  const Index batch = inputs.front().shape().front();
  const std::vector<Tensor> got = model.predict(inputs, {.batch_size = batch}).all();
  if (got.size() != outputs.size()) throw ValueError("another number of outputs");
  for (std::size_t i = 0; i < got.size(); ++i) {
    const double error = difference(got[i], outputs[i]);
    if (!(error <= 1e-5))
      throw ValueError("output " + std::to_string(i) + " differs by " + std::to_string(error));
  }
}

}  // namespace

int main(int argc, char** argv) {
  return unspool::testing::run_files("keras_files", argc, argv, {".keras", ".h5"}, run);
}
