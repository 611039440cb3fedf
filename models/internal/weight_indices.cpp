#include <algorithm>

#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/models/internal/weight_indices.h>

namespace unspool::internal {

Config weight_indices(const std::vector<Variable>& variables, const std::vector<Variable>& weights) {
  std::vector<Config> indices;
  for (const Variable& variable : variables) {
    const auto found = std::find(weights.begin(), weights.end(), variable);
    if (found == weights.end()) {
      throw ValueError("expected an optimizer of this model's weights, got one that was used for " +
                       variable.path());
    }
    indices.emplace_back(found - weights.begin());
  }
  return Config::list(std::move(indices));
}

std::vector<Variable> weights_at(const Config& indices, const std::vector<Variable>& weights) {
  std::vector<Variable> listed;
  std::vector<bool> met(weights.size(), false);
  for (const Config& config : indices.elements()) {
    const auto index = config.as<std::size_t>();
    if (index >= weights.size()) {
      throw IndexError(
          fmt::format("{}: expected an index below {}, got {}", config.path(), weights.size(), index));
    }
    if (met[index])
      throw ValueError(fmt::format("{}: expected each index once, got {} twice", config.path(), index));
    met[index] = true;
    listed.push_back(weights[index]);
  }
  return listed;
}

}  // namespace unspool::internal
