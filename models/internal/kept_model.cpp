#include <unspool/autograd/tape.h>
#include <unspool/core/internal/random.h>
#include <unspool/layers/internal/layer_access.h>
#include <unspool/models/internal/kept_model.h>

namespace unspool::internal {

namespace {

std::vector<Variable> variables_of(const Layer& network) {
  std::vector<Variable> all = network.weights();
  const std::vector<Variable> states = LayerAccess::persistent_states(network);
  all.insert(all.end(), states.begin(), states.end());
  return all;
}

void keep_losses(LayerCalls& layer, std::vector<std::function<void()>>& restore) {
  auto& now = LayerAccess::added_losses(layer);
  restore.push_back([&now, before = now] { now = before; });
  for (const Ref<LayerBase>& below : layer.sublayers()) keep_losses(*below, restore);
}

}  // namespace

KeptGenerators::KeptGenerators(Layer& network) : process_(process_random_state()) {
  for (SeedGenerator* generator : network.seed_generators()) kept_.push_back({generator, *generator});
}

KeptGenerators::~KeptGenerators() {
  set_process_random_state(process_);
  for (const auto& [generator, kept] : kept_) *generator = kept;
}

KeptVariables::KeptVariables(const std::vector<Variable>& variables) {
  const NoGradient guard;
  for (const Variable& variable : variables) {
    kept_.push_back({variable, variable.value(), variable.version()});
  }
}

void KeptVariables::restore() {
  const NoGradient guard;
  for (Kept& kept : kept_) {
    if (kept.variable.version() == kept.version) continue;
    kept.variable.assign(kept.value);
    kept.version = kept.variable.version();
  }
}

KeptModel::KeptModel(Layer& network) : generators_(network), variables_(variables_of(network)) {
  keep_losses(network, losses_);
}

KeptModel::~KeptModel() {
  for (const std::function<void()>& restore : losses_) restore();
}

}  // namespace unspool::internal
