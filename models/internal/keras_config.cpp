#include <algorithm>
#include <array>

#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/layers/functional.h>
#include <unspool/layers/internal/input_config.h>
#include <unspool/layers/registry.h>
#include <unspool/layers/sequential.h>
#include <unspool/models/internal/compile_config.h>
#include <unspool/models/internal/keras_config.h>
#include <unspool/models/internal/keras_operations.h>
#include <unspool/models/internal/model.h>

namespace unspool::internal {
namespace {

bool is_text(const std::optional<Config>& config, std::string_view text) {
  return config && config->is_string() && config->as<std::string>() == text;
}

/// Arguments that newer versions of Keras added, at the values that older ones imply.
bool is_newer_default(const std::string& class_name, const std::string& key, const Config& value) {
  constexpr std::array<std::string_view, 4> null_keys{"input_axes", "output_axes", "quantization_config",
                                                      "renorm_clipping"};
  if (std::find(null_keys.begin(), null_keys.end(), key) != null_keys.end()) return value.is_null();
  if (key == "ragged" || key == "optional" || key == "renorm") return value == Config(false);
  if (class_name == "SparseCategoricalCrossentropy" && key == "axis") return value == Config(-1);
  return key == "renorm_momentum" && value == Config(0.99);
}

/// A serialized object, or any part of one, for every version of Keras.
Config for_keras(const Config& config, const std::string& class_name = {}) {
  if (config.is_list()) {
    std::vector<Config> elements;
    for (const Config& element : config.elements()) elements.push_back(for_keras(element));
    return Config::list(std::move(elements));
  }
  if (!config.is_map()) return config;
  const bool object = config.contains("class_name") && config.contains("config");
  if (object && is_text(config.find("module"), "unspool.operations")) return keras_operation(config);
  if (is_text(config.find("class_name"), "__keras_tensor__") &&
      (config["config"].contains("mask") || config["config"].contains("of_mask"))) {
    throw ValueError(
        "expected tensors with the masks that layers attach, got a graph that reads, attaches or removes "
        "a mask, which Keras' files do not hold: save in the native format, as \"model.unspool\"");
  }
  std::vector<Config::Entry> entries;
  for (const auto& [key, value] : config.items()) {
    // Keras builds the layers when it makes the model.
    if (object && (key == "build_config" || (key == "registered_name" && value.is_null()))) continue;
    if (key == "recompute_every") continue;  // Saves memory, and changes no result.
    if (key == "time_major") {
      throw ValueError(
          "expected layers that Keras has, got one with time_major = true: save the model in the native "
          "format, as \"model.unspool\"");
    }
    if (is_newer_default(class_name, key, value)) continue;
    const bool arguments = object && key == "config";
    entries.emplace_back(key, for_keras(value, arguments ? config.get("class_name", "") : ""));
  }
  return Config::map(std::move(entries));
}

/// The inputs of a network that Keras wrote, with the root of its config. Empty if it was not built.
std::vector<Spec> keras_inputs(const Layer& network, const Config& config) {
  if (const auto* const graph = dynamic_cast<const layers::Functional*>(&network)) {
    std::vector<Spec> specs;
    for (const Tensor& input : graph->inputs()) specs.push_back({input.shape(), input.dtype()});
    return specs;
  }
  if (const auto* const sequence = dynamic_cast<const layers::Sequential*>(&network)) {
    if (const auto& input = sequence->first_input()) return {{input.shape, input.dtype}};
  }
  Config shape = entry_or_null(config["config"], "build_input_shape");
  if (shape.is_null()) {
    const Config built = entry_or_null(config, "build_config");
    if (built.is_map()) shape = entry_or_null(built, "input_shape");
  }
  if (shape.is_null()) return {};
  std::vector<Spec> specs;
  if (shape.size() > 0 && shape[0].is_list()) {
    for (const Config& one : shape.elements()) specs.push_back({one.as<Shape>(), network.dtype()});
  } else {
    specs.push_back({shape.as<Shape>(), network.dtype()});
  }
  return specs;
}

}  // namespace

void refuse_keras_code(const Config& config) {
  if (config.is_list()) {
    for (const Config& element : config.elements()) refuse_keras_code(element);
  }
  if (!config.is_map()) return;
  if (const auto name = config.find("class_name"); name && name->is_string()) {
    if (is_text(name, "__lambda__")) {
      throw FileError(
          config.path() +
          ": expected a model without code, got a Python lambda, which is never run: replace it by a "
          "layer, or by a function that is registered in Keras and here (register_lambda)");
    }
  }
  for (const auto& [key, value] : config.items()) refuse_keras_code(value);
}

Model model_from_keras_config(const Config& config) {
  refuse_keras_code(config);
  Model model(layer_from_config<Layer>(with_own_operations(config).named(config.path())));
  if (const std::vector<Spec> inputs = keras_inputs(*model.network(), config); !inputs.empty()) {
    ModelAccess::state(model).build(inputs);
  }
  if (auto* const sequence = dynamic_cast<layers::Sequential*>(model.network().pointer().get())) {
    sequence->connect_layers();
  }
  return model;
}

void check_keras_inputs(const Model& model, const Config& config) {
  if (!ModelAccess::state(model).inputs().empty()) return;
  throw FileError(
      config.path() +
      ": expected a model that is built, got one without the shape of its input: call it in Keras "
      "before it is saved");
}

Config keras_model_config(const Model& model) {
  const Model::State& state = ModelAccess::state(model);
  Config config = for_keras(serialize_layer(*model.network()));
  if (const auto* const sequence = dynamic_cast<const layers::Sequential*>(model.network().pointer().get())) {
    Config arguments = config["config"];
    if (!sequence->first_input()) {
      // Keras cannot make the weights without an input.
      const std::vector<Spec> inputs = state.inputs();
      if (inputs.size() != 1) {
        throw ValueError("the model " + model.name() +
                         ": expected a model with a known input: call it once, or give it an Input");
      }
      std::vector<Config> items = {for_keras(input_config(inputs.front(), "input_layer"))};
      for (Config& layer : arguments["layers"].elements()) items.push_back(std::move(layer));
      arguments.set("layers", Config::list(std::move(items)));
    }
    config.set("config", arguments.erase("build_input_shape"));
  }
  if (state.compiled) {
    config.set("compile_config", for_keras(keras_compile_config(state.compiled->options)));
  }
  return config;
}

}  // namespace unspool::internal
