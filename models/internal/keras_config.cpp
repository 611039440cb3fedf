#include <algorithm>
#include <array>

#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/layers/functional.h>
#include <unspool/layers/internal/input_config.h>
#include <unspool/layers/registry.h>
#include <unspool/layers/sequential.h>
#include <unspool/models/internal/keras_config.h>
#include <unspool/models/internal/keras_operations.h>
#include <unspool/models/internal/model.h>

namespace unspool::internal {
namespace {

bool is_text(const std::optional<Config>& config, std::string_view text) {
  return config && config->is_string() && config->as<std::string>() == text;
}

/// What Keras writes for no value: null, or no entry.
Config entry_or_null(const Config& config, std::string_view key) {
  return config.find(key).value_or(Config());
}

/// A serialized object or the name of one, not a list or a map of them.
bool is_object(const Config& config) {
  return config.is_string() || (config.is_map() && config.contains("class_name"));
}

bool is_weight(const Config& config) { return !config.is_list() && !config.is_map(); }

Metrics metrics_of(const Config& config) {
  if (config.is_null()) return {};
  std::vector<Metric> metrics;
  if (is_object(config)) return Metrics(std::vector<Metric>{Metric::from_config(config)});
  for (const Config& one : config.elements()) {
    if (!one.is_null()) metrics.push_back(Metric::from_config(one));
  }
  return Metrics(std::move(metrics));
}

/// One value for each output, from a list or a map of them.
template <class T, class F>
NamedList<T> list_of_outputs(const Config& config, F&& value_of) {
  std::vector<typename NamedList<T>::Entry> entries;
  if (config.is_map()) {
    for (const auto& [name, value] : config.items()) {
      if (!value.is_null()) entries.emplace_back(name, value_of(value));
    }
  } else {
    for (const Config& value : config.elements()) entries.emplace_back(std::string(), value_of(value));
  }
  return NamedList<T>(std::move(entries));
}

NamedList<Loss> losses_of(const Config& config) {
  if (config.is_null()) return {};
  if (is_object(config)) return Loss::from_config(config);
  return list_of_outputs<Loss>(config, [](const Config& one) { return Loss::from_config(one); });
}

NamedList<double> weights_of(const Config& config) {
  if (config.is_null()) return {};
  if (is_weight(config)) return config.as<double>();
  return list_of_outputs<double>(config, [](const Config& one) { return one.as<double>(); });
}

/// Metrics of the only output are a list; of several, a list or a map of such lists.
NamedList<Metrics> metric_lists_of(const Config& config) {
  if (config.is_null() || ((config.is_list() || config.is_map()) && config.empty())) return {};
  if (is_object(config)) return metrics_of(config);
  if (config.is_list()) {
    const std::vector<Config> elements = config.elements();
    const bool nested = std::any_of(elements.begin(), elements.end(),
                                    [](const Config& one) { return one.is_list() || one.is_null(); });
    if (!nested) return metrics_of(config);
  }
  return list_of_outputs<Metrics>(config, metrics_of);
}

/// A serialized object with the module that Keras finds its class in. Classes of the user's own, "my>Sign",
/// have none.
Config in_module(const Config& object, std::string_view module) {
  if (!object.is_map() || !object.contains("class_name") || object.contains("module")) return object;
  const std::string name = object["class_name"].as<std::string>();
  const std::size_t own = name.find('>');
  if (own == std::string::npos) {
    return Config::map({{"module", module}, {"class_name", name}, {"config", object["config"]}});
  }
  return Config::map({{"module", Config()},
                      {"class_name", name.substr(own + 1)},
                      {"config", object["config"]},
                      {"registered_name", name}});
}

Config written(const Optimizer& optimizer) {
  Config object = optimizer.config();
  if (object.is_map() && object["config"].is_map()) {
    Config arguments = object["config"];
    if (const auto rate = arguments.find("learning_rate")) {
      object.set("config", arguments.set("learning_rate", in_module(*rate, "keras.optimizers.schedules")));
    }
  }
  return in_module(object, "keras.optimizers");
}
Config written(const Loss& loss) { return in_module(loss.config(), "keras.losses"); }
Config written(double weight) { return weight; }
Config written(const Metrics& metrics) {
  std::vector<Config> all;
  for (const Metric& metric : metrics.list()) all.push_back(in_module(metric.config(), "keras.metrics"));
  return Config::list(std::move(all));
}

template <class T>
Config written_list(const NamedList<T>& values) {
  const auto& entries = values.entries();
  if (entries.empty()) return {};
  if (values.alone()) return written(entries.front().value);
  if (entries.front().name.empty()) {
    std::vector<Config> list;
    for (const auto& entry : entries) list.push_back(written(entry.value));
    return Config::list(std::move(list));
  }
  std::vector<Config::Entry> named;
  for (const auto& entry : entries) named.emplace_back(entry.name, written(entry.value));
  return Config::map(std::move(named));
}

Config compile_config_of(const CompileOptions& options) {
  Config config = Config::map({{"optimizer", written(options.optimizer)}});
  const auto add = [&](const char* key, const Config& value) {
    if (!value.is_null()) config.set(key, value);
  };
  add("loss", written_list(options.loss));
  add("loss_weights", written_list(options.loss_weights));
  add("metrics", written_list(options.metrics));
  add("weighted_metrics", written_list(options.weighted_metrics));
  return config;
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
  if (shape.is_null()) {
    throw FileError(
        config.path() +
        ": expected a model that is built, got one without the shape of its input: call it in Keras "
        "before it is saved");
  }
  std::vector<Spec> specs;
  if (shape.size() > 0 && shape[0].is_list()) {
    for (const Config& one : shape.elements()) specs.push_back({one.as<Shape>(), network.dtype()});
  } else {
    specs.push_back({shape.as<Shape>(), network.dtype()});
  }
  return specs;
}

CompileOptions keras_compile_options(const Config& config) {
  CompileOptions options;
  options.optimizer = Optimizer::from_config(config["optimizer"]);
  options.loss = losses_of(entry_or_null(config, "loss"));
  options.loss_weights = weights_of(entry_or_null(config, "loss_weights"));
  options.metrics = metric_lists_of(entry_or_null(config, "metrics"));
  options.weighted_metrics = metric_lists_of(entry_or_null(config, "weighted_metrics"));
  return options;
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
  if (state.compiled) config.set("compile_config", for_keras(compile_config_of(state.compiled->options)));
  return config;
}

}  // namespace unspool::internal
