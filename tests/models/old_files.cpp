#include <algorithm>
#include <cmath>
#include <doctest/doctest.h>
#include <filesystem>
#include <string>
#include <vector>

#include <unspool/autograd/conversion.h>
#include <unspool/autograd/random.h>
#include <unspool/models/model.h>
#include <unspool/serialization/npy.h>
#include <unspool/serialization/safetensors.h>

using namespace unspool;
namespace fs = std::filesystem;

namespace {

/// One folder for each version that wrote files, named by its date. tests/old_files/main.cpp writes them.
const fs::path old_files = "tests/old_files";

std::vector<Tensor> numbered(const Safetensors& content, const std::string& prefix) {
  std::vector<Tensor> found;
  for (const NamedTensor& entry : content.tensors) {
    if (entry.name.starts_with(prefix))
      found.push_back(find_tensor(content.tensors, prefix + std::to_string(found.size())));
  }
  return found;
}

void check_close(const Tensor& got, const Tensor& expected, double tolerance) {
  REQUIRE(got.shape() == expected.shape());
  const std::vector<double> a = cast(got, float64).to_vector<double>();
  const std::vector<double> b = cast(expected, float64).to_vector<double>();
  for (std::size_t i = 0; i < a.size(); ++i)
    CHECK(std::abs(a[i] - b[i]) <= tolerance * std::max(1., std::abs(b[i])));
}

struct Expected {
  std::vector<Tensor> inputs;
  std::vector<Tensor> outputs;
  std::vector<Tensor> targets;
  std::vector<Tensor> trained;
  Index batch = 0;
};

Expected expected_of(const fs::path& path) {
  const Safetensors content = load_safetensors(path.native());
  Expected made{numbered(content, "input."), numbered(content, "output."), numbered(content, "target."),
                numbered(content, "trained."), 0};
  made.batch = made.inputs.at(0).shape().front();
  return made;
}

void check_predictions(const Model& model, const Expected& expected) {
  const std::vector<Tensor> got = model.predict(expected.inputs, {.batch_size = expected.batch}).all();
  REQUIRE(got.size() == expected.outputs.size());
  for (std::size_t i = 0; i < got.size(); ++i) check_close(got[i], expected.outputs[i], 1e-6);
}

/// A whole model predicts what it predicted, and trains on.
void check_model(const fs::path& file, const Expected& expected) {
  CAPTURE(file);
  Model model = load_model(file.native());
  check_predictions(model, expected);
  CHECK(model.compiled() == !expected.targets.empty());
  if (expected.targets.empty()) return;
  model.fit(expected.inputs, expected.targets,
            {.batch_size = expected.batch, .epochs = 1, .verbose = 0, .shuffle = false});
  const std::vector<Tensor> weights = model.get_weights();
  REQUIRE(weights.size() == expected.trained.size());
  for (std::size_t i = 0; i < weights.size(); ++i) check_close(weights[i], expected.trained[i], 1e-5);
}

/// Weights go into a model with others.
void check_weights(const fs::path& file, const fs::path& model_file, const Expected& expected) {
  CAPTURE(file);
  Model model = load_model(model_file.native());
  std::vector<Tensor> zeros;
  for (const Tensor& weight : model.get_weights())
    zeros.push_back(Tensor::zeros(weight.shape(), weight.dtype()));
  model.set_weights(zeros);
  model.load_weights(file.native());
  check_predictions(model, expected);
}

}  // namespace

TEST_CASE("files of earlier versions are read") {
  int versions = 0;
  int models = 0;
  for (const fs::directory_entry& folder : fs::directory_iterator(old_files)) {
    if (!folder.is_directory()) continue;
    ++versions;
    check_close(load_npy((folder.path() / "array.npy").native()),
                random_uniform({3, 2}, -1, 1, float32, RandomKey{9, 0}), 1e-6);
    for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
      if (entry.path().extension() != ".safetensors") continue;
      const fs::path stem = fs::path(entry.path()).replace_extension();
      const Expected expected = expected_of(entry.path());
      REQUIRE_FALSE(expected.outputs.empty());
      const fs::path native = stem.native() + ".unspool";
      check_model(native, expected);
      check_weights(stem.native() + "_weights.unspool", native, expected);
      ++models;
      if (fs::exists(stem.native() + ".keras")) {
        check_model(stem.native() + ".keras", expected);
        check_weights(stem.native() + ".weights.h5", native, expected);
        ++models;
      }
    }
  }
  CHECK(versions >= 2);
  CHECK(models >= 15);
}
