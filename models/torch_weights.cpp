#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include <unspool/autograd/arithmetic.h>
#include <unspool/autograd/joining.h>
#include <unspool/autograd/shaping.h>
#include <unspool/autograd/tape.h>
#include <unspool/core/config.h>
#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/layers/bidirectional.h>
#include <unspool/layers/gru_cell.h>
#include <unspool/layers/internal/layer_access.h>
#include <unspool/layers/lstm_cell.h>
#include <unspool/layers/rnn.h>
#include <unspool/layers/simple_rnn_cell.h>
#include <unspool/layers/stacked_rnn_cells.h>
#include <unspool/models/internal/native_format.h>
#include <unspool/models/internal/weight_loader.h>
#include <unspool/models/internal/weight_paths.h>
#include <unspool/models/torch_weights.h>
#include <unspool/serialization/safetensors.h>

namespace unspool {
namespace {

using internal::StoredArray;
using internal::WeightLoader;

/// How a weight follows from tensors of PyTorch.
enum class TorchForm {
  same,
  transposed,
  sum,  ///< Of two biases.
  rows  ///< Two biases, one below the other.
};

/// A weight, the tensors of PyTorch that it is made of, and how.
struct TorchWeight {
  Variable weight;
  std::vector<std::string> names;
  TorchForm form = TorchForm::same;
  bool gru = false;  ///< Whether the gates have the order of nn.GRU: reset, update, new.
};

/// A layer or a cell with its weights, in order.
struct TorchLayer {
  std::string path;
  std::vector<TorchWeight> weights;
};

/// Converts between the orders of gates: the first two change places.
Tensor swap_gates(const Tensor& tensor) {
  const std::vector<Tensor> gates = split(tensor, 3, 0);
  return concat({gates[1], gates[0], gates[2]}, 0);
}

Tensor from_torch(const TorchWeight& into, std::vector<Tensor> tensors) {
  if (into.gru) {
    for (Tensor& tensor : tensors) tensor = swap_gates(tensor);
  }
  switch (into.form) {
    case TorchForm::same:
      break;
    case TorchForm::transposed:
      return transpose(tensors[0]);
    case TorchForm::sum:
      return tensors[0] + tensors[1];
    case TorchForm::rows:
      return stack(tensors);
  }
  return tensors[0];
}

std::vector<Tensor> to_torch(const TorchWeight& from) {
  const Tensor value = from.weight.value();
  std::vector<Tensor> tensors = {value};
  switch (from.form) {
    case TorchForm::same:
      break;
    case TorchForm::transposed:
      tensors = {transpose(value)};
      break;
    case TorchForm::sum:
      tensors = {value, Tensor::zeros(value.shape(), value.dtype())};
      break;
    case TorchForm::rows:
      tensors = unstack(value);
      break;
  }
  if (from.gru) {
    for (Tensor& tensor : tensors) tensor = swap_gates(tensor);
  }
  return tensors;
}

/// The shape that from_torch() gives, or one that fits no weight of that form.
Shape shape_from_torch(TorchForm form, const std::vector<Shape>& shapes) {
  const Shape& first = shapes.front();
  switch (form) {
    case TorchForm::same:
      break;
    case TorchForm::transposed:
      return first.rank() == 2 ? Shape{first[1], first[0]} : first;
    case TorchForm::sum:
      return shapes[0] == shapes[1] ? first : shapes[1];
    case TorchForm::rows:
      return shapes[0] == shapes[1] && first.rank() == 1 ? Shape{2, first[0]} : first;
  }
  return first;
}

/// Throws ValueError unless a layer computes with an activation that the module of PyTorch has.
void check_activation(const std::string& path, const char* option, const Activation& got,
                      const std::vector<std::string>& allowed, const char* module) {
  if (std::find(allowed.begin(), allowed.end(), got.name()) != allowed.end()) return;
  throw ValueError(fmt::format("the layer {}: expected .{} = {} for the weights of {}, got {}", path, option,
                               internal::joined(allowed, " or "), module, got.name()));
}

/// The weights of a cell. `suffix` ends the names of its tensors: "_l0", "_l1_reverse".
TorchLayer cell_of(const Cell& cell, const std::string& path, const std::string& prefix,
                   const std::string& suffix) {
  TorchForm bias = TorchForm::sum;
  bool gru = false;
  if (const auto* const lstm = dynamic_cast<const layers::LSTMCell*>(&cell)) {
    check_activation(path, "activation", lstm->options().activation, {"tanh"}, "nn.LSTM");
    check_activation(path, "recurrent_activation", lstm->options().recurrent_activation, {"sigmoid"},
                     "nn.LSTM");
  } else if (const auto* const gru_cell = dynamic_cast<const layers::GRUCell*>(&cell)) {
    check_activation(path, "activation", gru_cell->options().activation, {"tanh"}, "nn.GRU");
    check_activation(path, "recurrent_activation", gru_cell->options().recurrent_activation, {"sigmoid"},
                     "nn.GRU");
    if (!gru_cell->options().reset_after) {
      throw ValueError(fmt::format(
          "the layer {}: expected .reset_after = true for the weights of nn.GRU, got false", path));
    }
    bias = TorchForm::rows;
    gru = true;
  } else if (const auto* const simple = dynamic_cast<const layers::SimpleRNNCell*>(&cell)) {
    check_activation(path, "activation", simple->options().activation, {"tanh", "relu"}, "nn.RNN");
  } else {
    throw ValueError(fmt::format(
        "the layer {}: expected a SimpleRNN, an LSTM or a GRU for the weights of PyTorch, got a cell of the "
        "class {}",
        path, cell.class_name()));
  }
  const auto name = [&](const char* what) { return prefix + what + suffix; };
  const std::vector<Variable> weights = internal::LayerAccess::own_weights(cell);
  TorchLayer layer{path, {}};
  layer.weights.push_back({weights[0], {name("weight_ih")}, TorchForm::transposed, gru});
  layer.weights.push_back({weights[1], {name("weight_hh")}, TorchForm::transposed, gru});
  if (weights.size() > 2)
    layer.weights.push_back({weights[2], {name("bias_ih"), name("bias_hh")}, bias, gru});
  return layer;
}

/// The weights of a layer whose tensors in PyTorch are not numbered.
TorchLayer plain_layer(const LayerBase& layer, const std::string& path, const std::string& prefix) {
  struct Row {
    std::string_view class_name;
    std::string_view weight;
    const char* name;
    TorchForm form = TorchForm::same;
  };
  static constexpr std::array<Row, 10> rows{{{"Dense", "kernel", "weight", TorchForm::transposed},
                                             {"Dense", "bias", "bias"},
                                             {"Embedding", "embeddings", "weight"},
                                             {"LayerNormalization", "gamma", "weight"},
                                             {"LayerNormalization", "beta", "bias"},
                                             {"RMSNormalization", "scale", "weight"},
                                             {"BatchNormalization", "gamma", "weight"},
                                             {"BatchNormalization", "beta", "bias"},
                                             {"BatchNormalization", "moving_mean", "running_mean"},
                                             {"BatchNormalization", "moving_variance", "running_var"}}};
  const std::string class_name = layer.class_name();
  TorchLayer made{path, {}};
  for (const Variable& weight : internal::LayerAccess::own_weights(layer)) {
    const auto row = std::find_if(rows.begin(), rows.end(), [&](const Row& one) {
      return one.class_name == class_name && one.weight == weight.name();
    });
    if (row == rows.end()) {
      throw ValueError(fmt::format(
          "the layer {}: expected a layer that PyTorch has with the same weights (SimpleRNN, LSTM, GRU, "
          "Dense, "
          "Embedding, LayerNormalization, RMSNormalization, BatchNormalization), got the weight {} of the "
          "class {}",
          path, weight.name(), class_name));
    }
    made.weights.push_back({weight, {prefix + row->name}, row->form});
  }
  return made;
}

/// The layers of the modules, with their weights.
class TorchLayers {
 public:
  TorchLayers(const Model& model, const std::vector<TorchModule>& modules) {
    internal::check_built(model);
    for (const TorchModule& module : modules) add(model, module);
  }
  const std::vector<TorchLayer>& all() const { return all_; }

 private:
  void add(const Model& model, const TorchModule& module) {
    const std::string prefix = module.name.empty() ? std::string() : module.name + ".";
    Index number = 0;
    for (const std::string& path : module.layers) {
      const Ref<LayerBase> layer = internal::layer_at(model, path);
      if (const auto* const both = dynamic_cast<const layers::Bidirectional*>(layer.pointer().get())) {
        check_not_stacked(*both, path);
        add_cell(*both->forward_layer()->cell(), path, prefix, fmt::format("_l{}", number));
        add_cell(*both->backward_layer()->cell(), path, prefix, fmt::format("_l{}_reverse", number));
        ++number;
      } else if (const auto* const rnn = dynamic_cast<const layers::RNN*>(layer.pointer().get())) {
        if (rnn->options().go_backwards) {
          throw ValueError(fmt::format(
              "the layer {}: expected a layer that runs forward, or a Bidirectional, for the weights of "
              "PyTorch, got one with .go_backwards",
              path));
        }
        for (const Ref<Cell>& cell : cells_of(*rnn)) {
          add_cell(*cell, path, prefix, fmt::format("_l{}", number++));
        }
      } else if (module.layers.size() == 1) {
        all_.push_back(plain_layer(*layer, path, prefix));
      } else {
        throw ValueError(
            fmt::format("the module {}: expected one layer, or several recurrent ones, got {} layers with {} "
                        "of the class "
                        "{} among them",
                        in_quotes(module.name), module.layers.size(), path, layer->class_name()));
      }
    }
  }

  void add_cell(const Cell& cell, const std::string& path, const std::string& prefix,
                const std::string& suffix) {
    all_.push_back(cell_of(cell, path, prefix, suffix));
  }

  static std::vector<Ref<Cell>> cells_of(const layers::RNN& rnn) {
    const auto* const stack = dynamic_cast<const layers::StackedRNNCells*>(rnn.cell().pointer().get());
    if (stack != nullptr) return stack->cells();
    return {rnn.cell()};
  }

  /// In PyTorch each direction of a layer reads both directions of the one before.
  static void check_not_stacked(const layers::Bidirectional& both, const std::string& path) {
    if (cells_of(*both.forward_layer()).size() == 1) return;
    throw ValueError(
        fmt::format("the layer {}: expected one Bidirectional for each layer of PyTorch's module, got one of "
                    "stacked cells",
                    path));
  }

  std::vector<TorchLayer> all_;
};

}  // namespace

void load_torch_weights(const Model& model, const std::string& path, const std::vector<TorchModule>& modules,
                        const TorchOptions& options) {
  const TorchLayers layers(model, modules);
  const std::string file = in_quotes(path);
  const Safetensors content = load_safetensors(path);
  std::map<std::string, const NamedTensor*> unused;
  for (const NamedTensor& tensor : content.tensors) unused.emplace(tensor.name, &tensor);

  WeightLoader loader(file, {});
  for (const TorchLayer& layer : layers.all()) {
    std::vector<Variable> weights;
    std::vector<StoredArray> arrays;
    for (const TorchWeight& into : layer.weights) {
      weights.push_back(into.weight);
      std::vector<StoredArray> parts;
      std::vector<Shape> shapes;
      for (const std::string& name : into.names) {
        const auto found = unused.find(name);
        if (found == unused.end()) {
          std::vector<std::string> names;
          for (const NamedTensor& tensor : content.tensors) names.push_back(tensor.name);
          loader.missing(layer.path, {into.weight},
                         fmt::format("expected the tensor {} for {}, got none{}", in_quotes(name),
                                     into.weight.name(), did_you_mean(name, names)));
          continue;
        }
        parts.push_back(internal::stored_array(*found->second, file));
        shapes.push_back(parts.back().shape);
        unused.erase(found);
      }
      if (parts.size() != into.names.size()) continue;
      arrays.push_back({into.names.back(), shape_from_torch(into.form, shapes), [into, parts](DType wanted) {
                          std::vector<Tensor> tensors;
                          for (const StoredArray& part : parts) tensors.push_back(part.read(wanted));
                          return from_torch(into, std::move(tensors));
                        }});
    }
    if (arrays.size() == weights.size()) loader.layer(layer.path, weights, arrays, "the file");
  }
  for (const auto& [name, tensor] : unused) {
    // How many batches nn.BatchNorm1d has seen, which decides nothing unless it has no momentum.
    if (!options.strict || name.ends_with("num_batches_tracked")) continue;
    loader.unused(
        fmt::format("the tensor {} belongs to no weight of the layers in the list", in_quotes(name)));
  }
  loader.finish();
}

void save_torch_weights(const Model& model, const std::string& path,
                        const std::vector<TorchModule>& modules) {
  const NoGradient guard;
  const TorchLayers layers(model, modules);
  Safetensors content;
  content.metadata.set("format", "pt");
  for (const TorchLayer& layer : layers.all()) {
    for (const TorchWeight& from : layer.weights) {
      const std::vector<Tensor> tensors = to_torch(from);
      for (std::size_t i = 0; i < tensors.size(); ++i) content.tensors.push_back({from.names[i], tensors[i]});
    }
  }
  save_safetensors(path, content);
}

}  // namespace unspool
