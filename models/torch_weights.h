#pragma once

#include <string>
#include <vector>

#include <unspool/models/model.h>

namespace unspool {

/// A module of PyTorch and the layers here that have its weights:
///
///     {"encoder.lstm", {"bidirectional", "bidirectional_1"}}
struct TorchModule {
  /// The beginning of the names of its tensors in the state_dict; "" for the state_dict of the module itself.
  std::string name;
  /// The paths of the layers, as in Model::get_variable(). One, or for nn.RNN, nn.LSTM and nn.GRU one for
  /// each of their num_layers; an RNN of stacked cells counts as many layers as it has cells.
  std::vector<std::string> layers;
};

/// The options of load_torch_weights().
struct TorchOptions {
  /// Whether a tensor in the file that belongs to no module of the list is an error.
  bool strict = true;
};

/// Loads the state_dict() of a module of PyTorch, which safetensors.torch.save_file() wrote, into a model:
///
///     load_torch_weights(model, "tagger.safetensors",
///                        {{"embedding", {"embedding"}}, {"lstm", {"bidirectional"}}, {"head", {"dense"}}});
///
/// | PyTorch | here |
/// |---|---|
/// | nn.RNN, nn.LSTM, nn.GRU | SimpleRNN, LSTM, GRU; with bidirectional=True in a Bidirectional |
/// | nn.Linear, nn.Embedding | Dense, Embedding |
/// | nn.LayerNorm, nn.RMSNorm, nn.BatchNorm1d | LayerNormalization, RMSNormalization, BatchNormalization |
///
/// The two biases of nn.RNN and nn.LSTM are added, since there is one here. Tensors of float16, bfloat16 and
/// float64 are converted. Throws ValueError for layers that compute something else than the module
/// (activations, reset_after = false) and for unknown paths; throws FileError, and changes nothing, if the
/// file does not hold the weights.
void load_torch_weights(const Model& model, const std::string& path, const std::vector<TorchModule>& modules,
                        const TorchOptions& options = {});

/// Writes the weights of layers as the state_dict of modules of PyTorch, for
/// module.load_state_dict(safetensors.torch.load_file(path)). Of the two biases of nn.RNN and nn.LSTM the
/// first, bias_ih, has the value, and the other one is zero. Throws ValueError as load_torch_weights() does,
/// FileError if writing fails.
void save_torch_weights(const Model& model, const std::string& path, const std::vector<TorchModule>& modules);

}  // namespace unspool
