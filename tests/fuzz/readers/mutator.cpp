#include "mutator.h"

#include <array>
#include <limits>

#include <unspool/core/error.h>
#include <unspool/layers/activation.h>
#include <unspool/layers/constraint.h>
#include <unspool/layers/initializer.h>
#include <unspool/layers/registry.h>
#include <unspool/layers/regularizer.h>
#include <unspool/models/loss.h>
#include <unspool/models/metric.h>
#include <unspool/optim/optimizer.h>
#include <unspool/optim/schedule.h>

namespace unspool::fuzz {
namespace {

// Words and parts of configs that were met. Libfuzzer gives a mutator the files of its corpus again and
// again.
constexpr std::size_t most_remembered = 4096;
std::vector<Config> met_parts;
std::vector<std::string> met_words;

const std::vector<std::string>& known_words() {
  static const std::vector<std::string> words = [] {
    std::vector<std::string> all{"float32", "float64", "int32", "int64", "bool", "nan", "inf", "auto", ""};
    const auto add = [&](const auto& registry) {
      for (const std::string& name : registry.names()) all.push_back(name);
    };
    add(layer_registry());
    add(optimizer_registry());
    add(schedule_registry());
    add(loss_registry());
    add(metric_registry());
    add(activation_registry());
    add(initializer_registry());
    add(regularizer_registry());
    add(constraint_registry());
    return all;
  }();
  return words;
}

/// The number of values in a config, with the lists and maps themselves.
std::size_t values_in(const Config& config) {
  std::size_t count = 1;
  if (config.is_list()) {
    for (const Config& element : config.elements()) count += values_in(element);
  } else if (config.is_map()) {
    for (const auto& [key, value] : config.items()) count += values_in(value);
  }
  return count;
}

}  // namespace

std::string Mutator::word() {
  if (!met_words.empty() && !one_in(3)) return met_words[below(met_words.size())];
  return known_words()[below(known_words().size())];
}

Config Mutator::scalar() {
  constexpr Index largest = std::numeric_limits<Index>::max();
  constexpr std::array<Index, 18> integers{
      0,       1,           2,         3,          4,           7,          -1,         -2,
      100,     65536,       400000000, 2147483647, -2147483648, 2147483648, 4294967296, Index{1} << 62,
      largest, -largest - 1};
  constexpr std::array<double, 9> reals{0.0, -0.0, 0.5, 1.0, -1.5, 1e-320, 1e308, 1e19, 0.999};
  switch (below(8)) {
    case 0:
      return {};
    case 1:
      return one_in(2);
    case 2:
      return reals[below(reals.size())];
    case 3:
      return word();
    case 4:
      return one_in(2) ? Config::list({}) : Config::map();
    default:
      return integers[below(integers.size())];
  }
}

Config Mutator::other_map(const Config& map) {
  const std::vector<std::string> keys = map.keys();
  Config changed = map;
  switch (keys.empty() ? 3 : below(4)) {
    case 0:
      return changed.erase(keys[below(keys.size())]);
    case 1: {
      const std::string& key = keys[below(keys.size())];
      const Config value = map[key];
      const std::string renamed = word();
      return changed.erase(key).set(renamed, value);
    }
    case 2:
      return changed.set(keys[below(keys.size())], map[keys[below(keys.size())]]);
    default:
      return changed.set(word(), scalar());
  }
}

Config Mutator::other_list(const Config& list) {
  std::vector<Config> elements = list.elements();
  if (elements.empty()) return Config::list({scalar()});
  const auto at = static_cast<std::ptrdiff_t>(below(elements.size()));
  switch (below(4)) {
    case 0:
      elements.erase(elements.begin() + at);
      break;
    case 1: {
      const Config copy = elements[below(elements.size())];
      elements.insert(elements.begin() + at, copy);
      break;
    }
    case 2:
      std::swap(elements[static_cast<std::size_t>(at)], elements[below(elements.size())]);
      break;
    default:
      elements.insert(elements.begin() + at, scalar());
  }
  return Config::list(std::move(elements));
}

Config Mutator::other(const Config& config) {
  if (!met_parts.empty() && one_in(6)) return met_parts[below(met_parts.size())];
  if (one_in(4)) return scalar();
  if (config.is_map()) return other_map(config);
  if (config.is_list()) return other_list(config);
  if (config.is_string()) return one_in(8) ? Config(bytes(config.as<std::string>(), 64)) : Config(word());
  if (config.kind() == Config::Kind::integer) {
    const auto value = static_cast<std::uint64_t>(config.as<Index>());
    const std::array<std::uint64_t, 6> near{value + 1, value - 1, 2 * value,
                                            value / 2, ~value,    value * value};
    return static_cast<Index>(near[below(near.size())]);
  }
  return scalar();
}

Config Mutator::changed(const Config& config, std::size_t& place) {
  if (place-- == 0) return other(config);
  if (config.is_list()) {
    std::vector<Config> elements;
    for (const Config& element : config.elements()) elements.push_back(changed(element, place));
    return Config::list(std::move(elements));
  }
  if (config.is_map()) {
    std::vector<Config::Entry> entries;
    for (const auto& [key, value] : config.items()) entries.emplace_back(key, changed(value, place));
    return Config::map(std::move(entries));
  }
  return config;
}

void Mutator::remember(const Config& config) {
  const auto keep = [&](auto& all, auto value) {
    if (all.size() < most_remembered) {
      all.push_back(std::move(value));
    } else if (one_in(64)) {
      all[below(all.size())] = std::move(value);
    }
  };
  if (values_in(config) < 300) keep(met_parts, config);
  if (config.is_string()) keep(met_words, config.as<std::string>());
  if (config.is_list()) {
    for (const Config& element : config.elements()) remember(element);
  } else if (config.is_map()) {
    for (const auto& [key, value] : config.items()) {
      keep(met_words, key);
      remember(value);
    }
  }
}

Config Mutator::config(const Config& config) {
  if (met_parts.size() < most_remembered || one_in(64)) remember(config);
  Config result = config;
  for (std::size_t changes = 1 + below(3); changes > 0; --changes) {
    try {
      std::size_t place = below(values_in(result));
      result = changed(result, place);
    } catch (const Error&) {  // Deeper than a config may be.
    }
  }
  return result;
}

std::string Mutator::json(const std::string& text, std::size_t most) {
  if (!one_in(8)) {
    try {
      std::string result = to_json(config(from_json(text)));
      if (result.size() <= most) return result;
    } catch (const Error&) {  // It is no config, or bytes() made a string of it that is no text.
    }
  }
  return bytes(text, most);
}

}  // namespace unspool::fuzz
