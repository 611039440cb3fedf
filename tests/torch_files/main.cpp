// Reads what PyTorch and NumPy wrote and writes it again, for tests/torch_roundtrip.py: torch_files FOLDER.
// FOLDER/NAME.safetensors has the state_dict() of a recurrent module of PyTorch under "module.", its input
// and output, and, as metadata, which module it is. The prediction here is compared with the output, and the
// weights are written to FOLDER/again/NAME.safetensors. FOLDER/NAME.npz is read and written to
// FOLDER/again/NAME.npz.
#include <filesystem>

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

#include "../support/difference.h"
#include "../support/run_files.h"

namespace {

using namespace unspool;
using unspool::testing::difference;
namespace fs = std::filesystem;

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
  return unspool::testing::run_files("torch_files", argc, argv, {".safetensors", ".npz"}, run);
}
