#include <algorithm>
#include <map>
#include <set>

#include <unspool/autograd/tape.h>
#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/models/internal/file_format.h>
#include <unspool/models/internal/keras_file.h>
#include <unspool/models/internal/legacy_h5.h>
#include <unspool/models/internal/native_format.h>
#include <unspool/models/internal/reading.h>
#include <unspool/models/internal/weight_loader.h>
#include <unspool/models/internal/weight_paths.h>
#include <unspool/models/model.h>
#include <unspool/serialization/archive.h>
#include <unspool/serialization/npz.h>
#include <unspool/serialization/safetensors.h>

namespace unspool {
namespace {

using internal::FileFormat;
using internal::StoredArray;
using internal::WeightLoader;
using internal::weights_group;

/// The weights of a layer, without those of the layers below.
struct LayerWeights {
  std::string path = {};
  std::vector<Variable> weights = {};
  std::vector<std::string> names = {};  // Their paths within the model.
};

/// The weights of a model in their order, by layer.
std::vector<LayerWeights> weights_by_layer(const Model& model) {
  std::vector<LayerWeights> layers;
  const std::vector<std::string> paths = internal::weight_paths(model);
  const std::vector<Variable> weights = model.weights();
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const std::size_t end = paths[i].rfind('/');
    const std::string layer = end == std::string::npos ? model.name() : paths[i].substr(0, end);
    if (layers.empty() || layers.back().path != layer) layers.push_back({.path = layer});
    layers.back().weights.push_back(weights[i]);
    layers.back().names.push_back(paths[i]);
  }
  return layers;
}

/// The names of the weights' tensors in a native file, as one text.
std::string in_group(std::string_view group) {
  return fmt::format("the group {}", in_quotes(group.substr(0, group.size() - 1)));
}

/// Tensors of a native file belong to the weights in their order, since names of layers differ between
/// processes.
void match_in_order(const std::vector<const NamedTensor*>& tensors, const Model& model,
                    WeightLoader& loader) {
  internal::check_count(tensors, weights_group, model.weights(), loader.file());
  std::size_t next = 0;
  for (const LayerWeights& layer : weights_by_layer(model)) {
    std::vector<StoredArray> arrays;
    for (std::size_t i = 0; i < layer.weights.size(); ++i) {
      arrays.push_back(internal::stored_array(*tensors[next++], loader.file()));
    }
    loader.layer(layer.path, layer.weights, arrays, in_group(weights_group));
  }
}

/// The name of the model in a native file, with which the paths of its weights begin. Files of weights of
/// older versions do not say it: then it is what all paths begin with.
std::string model_name_in(const Snapshot& snapshot, const std::vector<const NamedTensor*>& tensors) {
  if (const auto network = snapshot.config.find("network")) {
    return (*network)["config"]["name"].as<std::string>();
  }
  if (const auto name = snapshot.config.find("name")) return name->as<std::string>();
  std::set<std::string> first;
  for (const NamedTensor* const tensor : tensors) {
    const std::string path = tensor->name.substr(weights_group.size());
    first.insert(path.substr(0, path.find('/')));
  }
  return first.size() == 1 ? *first.begin() : std::string();
}

/// The layers of the outermost level get the tensors of the layers of the same names.
void match_by_name(const Snapshot& snapshot, const std::vector<const NamedTensor*>& tensors,
                   const Model& model, WeightLoader& loader) {
  const std::string outer = std::string(weights_group) + model_name_in(snapshot, tensors) + "/";
  for (const Ref<LayerBase>& layer : model->sublayers()) {
    const std::vector<Variable> weights = layer->weights();
    if (weights.empty()) continue;
    const std::string prefix = outer + layer->name() + "/";
    std::vector<StoredArray> arrays;
    for (const NamedTensor* const tensor : tensors) {
      if (tensor->name.starts_with(prefix)) {
        arrays.push_back(internal::stored_array(*tensor, loader.file()));
      }
    }
    if (arrays.empty()) {
      loader.missing(layer->name(), weights, {});
    } else {
      loader.layer(layer->name(), weights, arrays, in_group(prefix));
    }
  }
}

std::vector<std::string> load_native_weights(const std::string& path, const Model& model,
                                             const LoadWeightsOptions& options) {
  const Snapshot snapshot = load_archive(path);
  return internal::reading_file(path, [&] {
    const std::string kind = snapshot.config.get("kind", "") == "model" ? "model" : "weights";
    internal::check_native_kind(snapshot, kind, path);
    WeightLoader loader(path, options);
    const std::vector<const NamedTensor*> tensors = internal::tensors_in(snapshot.tensors, weights_group);
    if (options.by_name) {
      match_by_name(snapshot, tensors, model, loader);
    } else {
      match_in_order(tensors, model, loader);
    }
    return loader.finish();
  });
}

/// Loads tensors that have the paths of weights as names.
std::vector<std::string> load_weights_by_path(const std::vector<NamedTensor>& tensors,
                                              const std::string& file, const Model& model,
                                              const LoadWeightsOptions& options) {
  std::map<std::string, const NamedTensor*> by_name;
  std::vector<std::string> names;
  for (const NamedTensor& tensor : tensors) {
    by_name.emplace(internal::path_within(model, tensor.name), &tensor);
    names.push_back(tensor.name);
  }
  WeightLoader loader(file, options);
  for (const LayerWeights& layer : weights_by_layer(model)) {
    std::vector<StoredArray> arrays;
    std::string missing;
    for (const std::string& name : layer.names) {
      const auto found = by_name.find(name);
      if (found == by_name.end()) {
        if (missing.empty()) missing = name;
        continue;
      }
      arrays.push_back(internal::stored_array(*found->second, file));
      by_name.erase(found);
    }
    if (missing.empty()) {
      loader.layer(layer.path, layer.weights, arrays, "the file");
    } else {
      loader.missing(layer.path, layer.weights,
                     fmt::format("expected the tensor {}, got none{}", in_quotes(missing),
                                 did_you_mean(missing, names)));
    }
  }
  for (const auto& [name, tensor] : by_name) {
    loader.unused(fmt::format("the tensor {} belongs to no weight of the model", in_quotes(name)));
  }
  return loader.finish();
}

std::vector<NamedTensor> named_by_path(const Model& model) {
  const NoGradient guard;
  const std::vector<std::string> paths = internal::weight_paths(model);
  const std::vector<Variable> weights = model.weights();
  std::vector<NamedTensor> tensors;
  for (std::size_t i = 0; i < weights.size(); ++i) tensors.push_back({paths[i], weights[i].value()});
  return tensors;
}

void save_native_weights(const std::string& path, const Model& model) {
  Snapshot snapshot;
  snapshot.config =
      Config::map({{"kind", "weights"}, {"version", internal::native_model_version}, {"name", model.name()}});
  internal::append_values(snapshot.tensors, weights_group, model.weights());
  save_archive(path, snapshot);
}

}  // namespace

void Model::save_weights(const std::string& path) const {
  const FileFormat format = internal::file_format(path);
  if (format == FileFormat::keras_weights) {
    return internal::save_keras_weights(path, *this, internal::OptimizerState::with);
  }
  if (format != FileFormat::native) return export_weights(path);
  internal::check_built(*this);
  save_native_weights(path, *this);
}

void Model::export_weights(const std::string& path) const {
  internal::check_built(*this);
  switch (internal::file_format(path)) {
    case FileFormat::keras_weights:
      return internal::save_keras_weights(path, *this, internal::OptimizerState::without);
    case FileFormat::safetensors:
      return save_safetensors(path, {named_by_path(*this)});
    case FileFormat::npz:
      return save_npz(path, named_by_path(*this));
    default:
      internal::fail_file_name(path);
  }
}

std::vector<std::string> Model::load_weights(const std::string& path, const LoadWeightsOptions& options) {
  internal::check_built(*this);
  const std::string file = in_quotes(path);
  switch (internal::file_format(path)) {
    case FileFormat::native:
      return load_native_weights(path, *this, options);
    case FileFormat::keras:
    case FileFormat::keras_weights:
      return internal::load_keras_weights(path, *this, options);
    case FileFormat::legacy_h5:
      return internal::load_legacy_weights(path, *this, options);
    case FileFormat::safetensors:
      return load_weights_by_path(load_safetensors(path).tensors, file, *this, options);
    case FileFormat::npz:
      return load_weights_by_path(load_npz(path), file, *this, options);
  }
  internal::fail_file_name(path);
}

}  // namespace unspool
