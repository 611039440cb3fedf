#include <algorithm>

#include <unspool/core/internal/format.h>
#include <unspool/core/internal/placeholders.h>
#include <unspool/layers/internal/build_budget.h>
#include <unspool/models/internal/compile_config.h>
#include <unspool/models/internal/keras_config.h>
#include <unspool/models/internal/keras_file.h>
#include <unspool/models/internal/keras_weights.h>
#include <unspool/models/internal/legacy_h5.h>
#include <unspool/models/internal/reading.h>

namespace unspool::internal {
namespace {

using Arrays = std::vector<const Hdf5Dataset*>;

/// A list of names. Keras cuts long ones into the attributes NAME0, NAME1, ...
std::vector<std::string> names_at(const Hdf5Group& group, const std::string& name) {
  if (const Hdf5Attribute* const whole = group.attribute(name)) return whole->texts;
  std::vector<std::string> names;
  for (int i = 0;; ++i) {
    const Hdf5Attribute* const part = group.attribute(name + std::to_string(i));
    if (part == nullptr) return names;
    names.insert(names.end(), part->texts.begin(), part->texts.end());
  }
}

/// The arrays of a group that its attribute "weight_names" lists.
Arrays arrays_of(const Hdf5Group& group, const std::string& file) {
  Arrays arrays;
  for (const std::string& name : names_at(group, "weight_names")) {
    const Hdf5Dataset* const array = group.dataset(name);
    if (array == nullptr) {
      throw FileError(
          fmt::format("{}: the group {}: expected the array {}, which its weight_names list, got none", file,
                      in_quotes(group.path), in_quotes(name)));
    }
    arrays.push_back(array);
  }
  return arrays;
}

Config json_at(const Hdf5Group& root, const std::string& name) {
  const Hdf5Attribute* const text = root.attribute(name);
  if (text == nullptr || text->texts.size() != 1) return {};
  return from_json(text->texts.front()).named(name);
}

/// The values of some variables, in order.
std::vector<Tensor> values_in(const Arrays& arrays, const std::vector<Variable>& variables,
                              const std::string& what, const std::string& file) {
  if (arrays.size() != variables.size()) {
    throw FileError(
        fmt::format("{}: {}: expected {} arrays, got {}", file, what, variables.size(), arrays.size()));
  }
  std::vector<Tensor> values;
  for (std::size_t i = 0; i < arrays.size(); ++i) {
    if (!(arrays[i]->shape == variables[i].shape())) {
      throw FileError(fmt::format("{}: {}: expected the shape {} of {} in {}, got {}", file, what,
                                  to_string(variables[i].shape()), variables[i].name(),
                                  in_quotes(arrays[i]->path), to_string(arrays[i]->shape)));
    }
    values.push_back(arrays[i]->read(variables[i].dtype()));
  }
  return values;
}

void assign_all(const std::vector<Variable>& variables, const std::vector<Tensor>& values) {
  for (std::size_t i = 0; i < variables.size(); ++i) variables[i].assign(values[i]);
}

/// Layers with weights and groups with arrays belong together in their order, as in Keras, or by name.
void match_legacy_weights(const Hdf5Group& group, const Model& model, WeightLoader& loader) {
  const std::string& file = loader.file();
  std::vector<std::pair<std::string, const Hdf5Group*>> groups;
  for (const std::string& name : names_at(group, "layer_names")) {
    const Hdf5Group* const found = group.group(name);
    if (found == nullptr) {
      throw FileError(
          fmt::format("{}: expected the group {}, which layer_names lists, got none", file, in_quotes(name)));
    }
    if (!names_at(*found, "weight_names").empty()) groups.emplace_back(name, found);
  }
  std::vector<Ref<LayerBase>> layers = model->sublayers();
  std::erase_if(layers, [](const Ref<LayerBase>& layer) { return layer->weights().empty(); });
  if (!loader.options().by_name && groups.size() != layers.size()) {
    throw FileError(fmt::format("{}: expected the weights of {} layers, got those of {}", file, layers.size(),
                                groups.size()));
  }
  for (std::size_t i = 0; i < layers.size(); ++i) {
    std::vector<Variable> own = layers[i]->trainable_weights();
    for (const Variable& weight : layers[i]->non_trainable_weights()) own.push_back(weight);
    auto found = groups.begin() + static_cast<std::ptrdiff_t>(loader.options().by_name ? 0 : i);
    if (loader.options().by_name) {
      found = std::find_if(groups.begin(), groups.end(),
                           [&](const auto& entry) { return entry.first == layers[i]->name(); });
    }
    if (found == groups.end()) {
      loader.missing(layers[i]->name(), own, {});
      continue;
    }
    std::vector<StoredArray> arrays;
    for (const Hdf5Dataset* const dataset : arrays_of(*found->second, file)) {
      arrays.push_back(stored_array(*dataset));
    }
    loader.layer(layers[i]->name(), own, arrays, fmt::format("the group {}", in_quotes(found->first)));
  }
}

const Hdf5Group& weights_group_of(const Hdf5Group& root) {
  const Hdf5Group* const inner = root.group("model_weights");
  return inner == nullptr ? root : *inner;
}

void compile_as_trained(const Hdf5Group& root, Model& model, const std::string& file) {
  Config training = json_at(root, "training_config");
  if (!training.is_map() || !training.contains("optimizer_config")) return;
  training.set("optimizer", training["optimizer_config"]);
  refuse_keras_code(training);
  model.compile(compile_options(training.named("training_config")));
  const Hdf5Group* const state = root.group("optimizer_weights");
  if (state == nullptr) return;
  const Arrays arrays = arrays_of(*state, file);
  if (arrays.empty()) return;
  const Optimizer optimizer = model.optimizer();
  optimizer->build(model.trainable_weights());
  const std::vector<Variable> variables = optimizer.variables();
  assign_all(variables, values_in(arrays, variables, "the optimizer " + optimizer.class_name(), file));
}

}  // namespace

Model load_legacy_model(const std::string& path, const LoadModelOptions& options) {
  const FileBytes bytes = FileBytes::open(path);
  const std::string file = in_quotes(path);
  return reading_file(file, [&] {
    const Hdf5Group root = hdf5_from_bytes(bytes, file);
    const Config config = json_at(root, "model_config");
    if (config.is_null()) {
      throw FileError(
          file +
          ": expected a whole model of Keras, got a file without model_config: make the model, and "
          "load its weights with load_weights()");
    }
    refuse_keras_code(config);
    const BuildBudget budget(keras_weight_elements(root));
    const Placeholders replaced_below;
    Model model = model_from_keras_config(config);
    check_keras_inputs(model, config);
    WeightLoader loader(file, {});
    match_legacy_weights(weights_group_of(root), model, loader);
    loader.finish();
    model.reset_states();  // A first state may depend on the weights.
    if (options.compile) compile_as_trained(root, model, file);
    return model;
  });
}

std::vector<std::string> load_legacy_weights(const std::string& path, const Model& model,
                                             const LoadWeightsOptions& options) {
  const FileBytes bytes = FileBytes::open(path);
  const std::string file = in_quotes(path);
  return reading_file(file, [&] {
    const Hdf5Group root = hdf5_from_bytes(bytes, file);
    WeightLoader loader(file, options);
    match_legacy_weights(weights_group_of(root), model, loader);
    return loader.finish();
  });
}

}  // namespace unspool::internal
