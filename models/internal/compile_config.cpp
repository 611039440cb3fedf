#include <algorithm>

#include <unspool/models/internal/compile_config.h>

namespace unspool::internal {

Config entry_or_null(const Config& config, std::string_view key) {
  return config.find(key).value_or(Config());
}

namespace {

Config value_config(const Metrics& metrics) { return to_config(metrics.list()); }
Config value_config(const Loss& loss) { return loss.config(); }
Config value_config(double number) { return number; }

/// One value as it is, several as a list or, by name, as a map; `none` for no values.
template <class T>
Config list_config(const NamedList<T>& values, const Config& none) {
  const auto& entries = values.entries();
  if (entries.empty()) return none;
  if (values.alone()) return value_config(entries.front().value);
  std::vector<Config> list;
  std::vector<Config::Entry> named;
  for (const auto& [name, value] : entries) {
    if (name.empty()) {
      list.push_back(value_config(value));
    } else {
      named.emplace_back(name, value_config(value));
    }
  }
  return named.empty() ? Config::list(std::move(list)) : Config::map(std::move(named));
}

/// A serialized object or the name of one, not a list or a map of them.
bool is_object(const Config& config) {
  return config.is_string() || (config.is_map() && config.contains("class_name"));
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
  if (!config.is_list() && !config.is_map()) return config.as<double>();
  return list_of_outputs<double>(config, [](const Config& one) { return one.as<double>(); });
}

Metrics metrics_of(const Config& config) {
  if (config.is_null()) return {};
  if (is_object(config)) return Metrics(std::vector<Metric>{Metric::from_config(config)});
  std::vector<Metric> metrics;
  for (const Config& one : config.elements()) {
    if (!one.is_null()) metrics.push_back(Metric::from_config(one));
  }
  return Metrics(std::move(metrics));
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

/// A serialized object, or a list or map of them, with the module that Keras finds their classes in. Classes
/// of the user's own, "my>Sign", have none.
Config in_module(const Config& config, std::string_view module) {
  if (config.is_list()) {
    std::vector<Config> elements;
    for (const Config& element : config.elements()) elements.push_back(in_module(element, module));
    return Config::list(std::move(elements));
  }
  if (!config.is_map()) return config;
  if (!config.contains("class_name")) {
    std::vector<Config::Entry> entries;
    for (const auto& [key, value] : config.items()) entries.emplace_back(key, in_module(value, module));
    return Config::map(std::move(entries));
  }
  if (config.contains("module")) return config;
  const std::string name = config["class_name"].as<std::string>();
  const std::size_t own = name.find('>');
  if (own == std::string::npos) {
    return Config::map({{"module", module}, {"class_name", name}, {"config", config["config"]}});
  }
  return Config::map({{"module", Config()},
                      {"class_name", name.substr(own + 1)},
                      {"config", config["config"]},
                      {"registered_name", name}});
}

Config optimizer_for_keras(Config object) {
  if (object.is_map() && object["config"].is_map()) {
    Config arguments = object["config"];
    if (const auto rate = arguments.find("learning_rate")) {
      object.set("config", arguments.set("learning_rate", in_module(*rate, "keras.optimizers.schedules")));
    }
  }
  return in_module(object, "keras.optimizers");
}

}  // namespace

Config compile_config(const CompileOptions& options) {
  return Config::map({{"optimizer", options.optimizer.config()},
                      {"loss", list_config(options.loss, {})},
                      {"loss_weights", list_config(options.loss_weights, {})},
                      {"metrics", list_config(options.metrics, Config::list({}))},
                      {"weighted_metrics", list_config(options.weighted_metrics, Config::list({}))}});
}

CompileOptions compile_options(const Config& config) {
  CompileOptions options;
  options.optimizer = Optimizer::from_config(config["optimizer"]);
  options.loss = losses_of(entry_or_null(config, "loss"));
  options.loss_weights = weights_of(entry_or_null(config, "loss_weights"));
  options.metrics = metric_lists_of(entry_or_null(config, "metrics"));
  options.weighted_metrics = metric_lists_of(entry_or_null(config, "weighted_metrics"));
  return options;
}

Config keras_compile_config(const CompileOptions& options) {
  std::vector<Config::Entry> entries;
  for (const auto& [key, value] : compile_config(options).items()) {
    if (value.is_null() || (value.is_list() && value.empty())) continue;
    const bool metrics = key == "metrics" || key == "weighted_metrics";
    entries.emplace_back(key, key == "optimizer"
                                  ? optimizer_for_keras(value)
                                  : in_module(value, metrics ? "keras.metrics" : "keras.losses"));
  }
  return Config::map(std::move(entries));
}

}  // namespace unspool::internal
