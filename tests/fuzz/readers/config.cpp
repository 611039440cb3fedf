#include <unspool/core/error.h>
#include <unspool/layers/internal/build_budget.h>
#include <unspool/layers/registry.h>
#include <unspool/models/loss.h>
#include <unspool/models/metric.h>
#include <unspool/optim/optimizer.h>

#include "format.h"

namespace unspool::fuzz {
namespace {

/// An object that is made from a config has a config of which an equal object is made.
template <class Make, class ConfigOf>
bool makes(const Config& config, Make&& make, ConfigOf&& config_of) {
  Config made;
  try {
    const auto object = make(config);
    made = config_of(object);
  } catch (const Error&) {
    return false;
  }
  promise(config_of(make(made)) == made,
          "an object of a config has a config of which an equal object is made");
  // Not every config is JSON: a number may be infinite.
  return true;
}

}  // namespace

bool read_config(std::string_view bytes) {
  Config config;
  try {
    config = from_json(bytes);
  } catch (const ValueError&) {
    return false;
  }
  promise(from_json(to_json(config)) == config,
          "JSON that is read at all is written and read again as the same");
  const internal::BuildBudget budget(Index{1} << 16);
  const bool layer = makes(
      config, [](const Config& one) { return deserialize_layer(one); },
      [](const Ref<LayerBase>& one) { return serialize_layer(*one); });
  const bool optimizer = makes(
      config, [](const Config& one) { return Optimizer::from_config(one); },
      [](const Optimizer& one) { return one.config(); });
  const bool loss = makes(
      config, [](const Config& one) { return Loss::from_config(one); },
      [](const Loss& one) { return one.config(); });
  const bool metric = makes(
      config, [](const Config& one) { return Metric::from_config(one); },
      [](const Metric& one) { return one.config(); });
  return layer || optimizer || loss || metric;
}

std::string change_config(Mutator& mutator, const std::string& bytes, std::size_t most) {
  return mutator.json(bytes, most);
}

}  // namespace unspool::fuzz
