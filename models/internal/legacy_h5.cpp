#include <algorithm>

#include <unspool/core/internal/format.h>
#include <unspool/layers/internal/weight_budget.h>
#include <unspool/layers/registry.h>
#include <unspool/layers/sequential.h>
#include <unspool/models/internal/keras_config.h>
#include <unspool/models/internal/keras_file.h>
#include <unspool/models/internal/keras_operations.h>
#include <unspool/models/internal/keras_weights.h>
#include <unspool/models/internal/legacy_h5.h>
#include <unspool/models/internal/model.h>
#include <unspool/models/internal/reading.h>
#include <unspool/serialization/file.h>

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

/// Layers with weights and groups with arrays belong together in their order, as in Keras.
void load_weights_of(const Hdf5Group& group, const Model& model, const std::string& file) {
  std::vector<const Hdf5Group*> groups;
  for (const std::string& name : names_at(group, "layer_names")) {
    const Hdf5Group* const found = group.group(name);
    if (found == nullptr) {
      throw FileError(
          fmt::format("{}: expected the group {}, which layer_names lists, got none", file, in_quotes(name)));
    }
    if (!names_at(*found, "weight_names").empty()) groups.push_back(found);
  }
  std::vector<Ref<LayerBase>> layers = model->sublayers();
  std::erase_if(layers, [](const Ref<LayerBase>& layer) { return layer->weights().empty(); });
  if (groups.size() != layers.size()) {
    throw FileError(fmt::format("{}: expected the weights of {} layers, got those of {}", file, layers.size(),
                                groups.size()));
  }
  std::vector<Variable> variables;
  std::vector<Tensor> values;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    std::vector<Variable> own = layers[i]->trainable_weights();
    for (const Variable& weight : layers[i]->non_trainable_weights()) own.push_back(weight);
    for (Tensor& value :
         values_in(arrays_of(*groups[i], file), own, "the layer " + layers[i]->name(), file)) {
      values.push_back(std::move(value));
    }
    variables.insert(variables.end(), own.begin(), own.end());
  }
  assign_all(variables, values);
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
  model.compile(keras_compile_options(training.named("training_config")));
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

bool is_legacy_h5(const std::string& path) {
  return (path.ends_with(".h5") || path.ends_with(".hdf5")) && !is_keras_weights(path);
}

Model load_legacy_model(const std::string& path) {
  const std::string bytes = read_file(path);
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
    Model model = [&] {
      const WeightBudget budget(keras_weight_elements(root));
      Model made(layer_from_config<Layer>(with_own_operations(config).named(config.path())));
      ModelAccess::state(made).build(keras_inputs(*made.network(), config));
      return made;
    }();
    if (auto* const sequence = dynamic_cast<layers::Sequential*>(model.network().pointer().get())) {
      sequence->connect_layers();
    }
    load_weights_of(weights_group_of(root), model, file);
    compile_as_trained(root, model, file);
    return model;
  });
}

void load_legacy_weights(const std::string& path, const Model& model) {
  const std::string bytes = read_file(path);
  const std::string file = in_quotes(path);
  reading_file(file, [&] {
    const Hdf5Group root = hdf5_from_bytes(bytes, file);
    load_weights_of(weights_group_of(root), model, file);
  });
}

}  // namespace unspool::internal
