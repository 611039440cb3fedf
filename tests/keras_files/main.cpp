// Loads Keras' files and writes them again, for tests/keras_roundtrip.py: keras_files FOLDER.
// FOLDER/NAME.keras (or NAME.weights.h5, with NAME.json, the model) is a model whose predictions are
// output.0, ... for input.0, ... in FOLDER/NAME.safetensors. It is compared with these and written to
// FOLDER/again/NAME.keras, and its config to FOLDER/again/NAME.json. Fails if a file does not load, or if a
// prediction differs by more than 1e-5.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <iostream>
#include <limits>

#include <unspool/autograd/conversion.h>
#include <unspool/core/error.h>
#include <unspool/models/model.h>
#include <unspool/serialization/file.h>
#include <unspool/serialization/safetensors.h>

namespace {

using namespace unspool;
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

/// The largest difference relative to max(1, |expected|); infinite for other shapes and for NaN.
double difference(const Tensor& got, const Tensor& expected) {
  if (!(got.shape() == expected.shape())) return std::numeric_limits<double>::infinity();
  const std::vector<double> a = cast(got, float64).to_vector<double>();
  const std::vector<double> b = cast(expected, float64).to_vector<double>();
  double worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double error = std::abs(a[i] - b[i]) / std::max(1.0, std::abs(b[i]));
    worst = error <= worst ? worst : error;
    if (std::isnan(error)) return std::numeric_limits<double>::infinity();
  }
  return worst;
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
  if (argc != 2) {
    std::cerr << "keras_files: expected a folder of files: keras_files FOLDER\n";
    return 2;
  }
  fs::create_directories(fs::path(argv[1]) / "again");
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(argv[1])) {
    const std::string ending = entry.path().extension().string();
    if (ending == ".keras" || ending == ".h5") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  int failed = 0;
  for (const fs::path& file : files) {
    try {
      run(file);
    } catch (const std::exception& error) {
      std::cout << file.filename().string() << ": " << error.what() << std::endl;
      ++failed;
    }
  }
  std::cout << files.size() << " files, " << failed << " failed" << std::endl;
  return failed == 0 && !files.empty() ? 0 : 1;
}
