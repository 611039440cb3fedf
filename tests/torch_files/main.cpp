// Reads what PyTorch and NumPy wrote and writes it again, for tests/torch_roundtrip.py: torch_files FOLDER.
// FOLDER/NAME.safetensors has the state_dict() of a recurrent module of PyTorch under "module.", its input
// and output, and, as metadata, which module it is. The prediction here is compared with the output, and the
// weights are written to FOLDER/again/NAME.safetensors. FOLDER/NAME.npz is read and written to
// FOLDER/again/NAME.npz.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <iostream>
#include <limits>

#include <unspool/core/error.h>
#include <unspool/layers/bidirectional.h>
#include <unspool/layers/gru.h>
#include <unspool/layers/input.h>
#include <unspool/layers/lstm.h>
#include <unspool/layers/simple_rnn.h>
#include <unspool/models/sequential.h>
#include <unspool/models/torch_weights.h>
#include <unspool/serialization/npz.h>
#include <unspool/serialization/safetensors.h>

namespace {

using namespace unspool;
namespace fs = std::filesystem;

/// The largest difference relative to max(1, |expected|); infinite for other shapes and for NaN.
double difference(const Tensor& got, const Tensor& expected) {
  if (!(got.shape() == expected.shape())) return std::numeric_limits<double>::infinity();
  const std::vector<float> a = got.to_vector<float>();
  const std::vector<float> b = expected.to_vector<float>();
  double worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double error = std::abs(a[i] - b[i]) / std::max(1.0F, std::abs(b[i]));
    if (std::isnan(error)) return std::numeric_limits<double>::infinity();
    worst = std::max(worst, error);
  }
  return worst;
}

Ref<layers::RNN> recurrent(const std::string& kind, Index units, bool bias, const std::string& name) {
  if (kind == "LSTM") return LSTM({.units = units, .use_bias = bias, .return_sequences = true, .name = name});
  if (kind == "GRU") return GRU({.units = units, .use_bias = bias, .return_sequences = true, .name = name});
  return SimpleRNN({.units = units,
                    .activation = kind == "RNN_RELU" ? "relu" : "tanh",
                    .use_bias = bias,
                    .return_sequences = true,
                    .name = name});
}

void run_module(const fs::path& file) {
  const Safetensors content = load_safetensors(file.string());
  const auto text = [&](const char* key) { return content.metadata[key].as<std::string>(); };
  const Index count = std::stoll(text("num_layers"));
  const Index units = std::stoll(text("hidden_size"));
  std::vector<SequentialItem> items = {Input({.shape = {-1, std::stoll(text("input_size"))}})};
  std::vector<std::string> names;
  for (Index i = 0; i < count; ++i) {
    names.push_back("layer_" + std::to_string(i));
    const bool both = text("bidirectional") == "True";
    const Ref<layers::RNN> layer =
        recurrent(text("kind"), units, text("bias") == "True", both ? "inner" : names.back());
    if (both) {
      items.emplace_back(Bidirectional(layer, {.name = names.back()}));
    } else {
      items.emplace_back(layer);
    }
  }
  const Sequential model(items);
  const std::vector<TorchModule> modules = {{"module", names}};
  load_torch_weights(model, file.string(), modules, {.strict = false});
  const double error = difference(model.predict(find_tensor(content.tensors, "input")),
                                  find_tensor(content.tensors, "output"));
  if (!(error <= 1e-6)) throw ValueError("the output differs by " + std::to_string(error));
  save_torch_weights(model, (file.parent_path() / "again" / file.filename()).string(), modules);
}

void run(const fs::path& file) {
  if (file.extension() == ".npz") {
    save_npz((file.parent_path() / "again" / file.filename()).string(), load_npz(file.string()));
  } else {
    run_module(file);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "torch_files: expected a folder of files: torch_files FOLDER\n";
    return 2;
  }
  fs::create_directories(fs::path(argv[1]) / "again");
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(argv[1])) {
    const std::string ending = entry.path().extension().string();
    if (ending == ".safetensors" || ending == ".npz") files.push_back(entry.path());
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
