#include <set>

#include <unspool/layers/internal/layer_access.h>
#include <unspool/models/internal/model_states.h>

namespace unspool::internal {
namespace {

void add_states(const LayerBase& layer, std::set<const LayerBase*>& seen, std::vector<Variable>& states) {
  if (!seen.insert(&layer).second) return;
  for (const Variable& state : LayerAccess::persistent_state(layer)) states.push_back(state);
  for (const Ref<LayerBase>& below : layer.sublayers()) add_states(*below, seen, states);
}

}  // namespace

std::vector<Variable> states_of(const Model& model) {
  std::set<const LayerBase*> seen;
  std::vector<Variable> states;
  add_states(*model.network(), seen, states);
  return states;
}

}  // namespace unspool::internal
