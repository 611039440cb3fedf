#include "build.h"

#include <unspool/layers/registry.h>
#include <unspool/models/sequential.h>

namespace golden {
namespace {

/// Converts {"class_name": "RNN", "cell": "SomeCell", "units": 2, ...} to the form that Keras serializes.
Config serialized(const Config& description, DType dtype) {
  Config cell = Config::map({{"dtype", to_config(dtype)}});
  Config rnn = Config::map({{"dtype", to_config(dtype)}});
  for (const auto& [key, value] : description.items()) {
    if (key == "class_name" || key == "cell") continue;
    (key == "units" || key == "constant_size" ? cell : rnn).set(key, value);
  }
  const std::string name = description["cell"].as<std::string>();
  rnn.set("cell",
          Config::map({{"class_name", name}, {"config", cell}, {"registered_name", "golden>" + name}}));
  return Config::map({{"class_name", description["class_name"]}, {"config", rnn}});
}

bool has_key(const Config& config, std::string_view key) {
  if (config.is_list()) {
    for (const Config& element : config.elements()) {
      if (has_key(element, key)) return true;
    }
  }
  if (config.is_map()) {
    for (const auto& [name, value] : config.items()) {
      if (name == key || has_key(value, key)) return true;
    }
  }
  return false;
}

/// A copy of a config with every `unroll` in it replaced.
Config unrolled(const Config& config, bool unroll) {
  if (config.is_list()) {
    std::vector<Config> elements;
    for (const Config& element : config.elements()) elements.push_back(unrolled(element, unroll));
    return Config::list(std::move(elements));
  }
  if (config.is_map()) {
    std::vector<Config::Entry> entries;
    for (const auto& [name, value] : config.items()) {
      entries.emplace_back(name, name == "unroll" ? Config(unroll) : unrolled(value, unroll));
    }
    return Config::map(std::move(entries));
  }
  return config;
}

}  // namespace

Ref<LayerBase> build(const Config& config, DType dtype) {
  if (!config.contains("config")) return deserialize_layer(serialized(config, dtype));
  if (config["class_name"].as<std::string>() == "Sequential") {
    return layers::Sequential::from_config(config["config"]);
  }
  return deserialize_layer(config);
}

std::vector<Variant> variants_of(const Config& config) {
  std::vector<Variant> variants = {{"", config}};
  if (!has_key(config, "unroll")) return variants;
  for (const bool unroll : {true, false}) {
    Config forced = unrolled(config, unroll).named("case.config");
    if (forced == config) continue;
    variants.push_back({unroll ? "unroll=true: " : "unroll=false: ", std::move(forced)});
  }
  return variants;
}

}  // namespace golden
