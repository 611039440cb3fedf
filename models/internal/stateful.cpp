#include <algorithm>
#include <optional>

#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/models/internal/stateful.h>

namespace unspool::internal {

namespace {

void add_stateful_layers(LayerBase& layer, std::vector<layers::RNN*>& found) {
  if (auto* const rnn = dynamic_cast<layers::RNN*>(&layer); rnn != nullptr && rnn->stateful()) {
    // A layer that is used twice is one layer.
    if (std::find(found.begin(), found.end(), rnn) == found.end()) found.push_back(rnn);
  }
  for (const Ref<LayerBase>& below : layer.sublayers()) add_stateful_layers(*below, found);
}

/// The batch size that the states of a layer have; 0 if there are none yet.
Index built_batch_size(const layers::RNN& rnn) {
  const std::vector<Variable> states = rnn.states();
  return states.empty() ? 0 : states.front().shape().front();
}

}  // namespace

std::vector<layers::RNN*> stateful_layers(LayerBase& network) {
  std::vector<layers::RNN*> found;
  add_stateful_layers(network, found);
  return found;
}

void check_stateful(std::string_view what, LayerBase& network, Index samples, Index batch_size,
                    std::optional<Index> steps) {
  if (samples == 0) return;
  for (const layers::RNN* const rnn : stateful_layers(network)) {
    if (const Index wanted = built_batch_size(*rnn); wanted != 0 && std::min(samples, batch_size) != wanted) {
      throw ValueError(
          fmt::format("{}: expected batch_size = {}, for which the stateful layer {} was built, got "
                      "batch_size = {} for {} samples",
                      what, wanted, rnn->name(), batch_size, samples));
    }
    if (steps && *steps <= samples / batch_size) continue;
    if (samples > batch_size && samples % batch_size != 0) {
      throw ValueError(
          fmt::format("{}: expected a number of samples that batch_size = {} divides, since the layer {} is "
                      "stateful, got {}: leave out the last {}, or take another batch_size",
                      what, batch_size, rnn->name(), samples, samples % batch_size));
    }
  }
}

void check_stateful(std::string_view what, LayerBase& network, const Dataset& data,
                    std::optional<Index> steps) {
  const std::vector<layers::RNN*> layers = stateful_layers(network);
  std::optional<Index> size = data.size();
  // A Dataset of unknown size may be a generator that can be read once: the layers refuse its batches.
  if (layers.empty() || !size || *size == 0) return;
  if (steps) size = std::min(*size, *steps);
  const auto rows = [&](Index skipped) {
    DatasetIterator pass = data.iterate(0);
    pass.skip(skipped);
    const std::optional<Batch> batch = pass.next();
    const bool known = batch && !batch->x.empty() && batch->x.entries().front().value.rank() > 0;
    return known ? batch->x.entries().front().value.shape().front() : 0;
  };
  const Index first = rows(0);
  if (first == 0) return;
  for (const layers::RNN* const rnn : layers) {
    const Index wanted = built_batch_size(*rnn);
    if (wanted == 0 || wanted == first) continue;
    throw ValueError(
        fmt::format("{}: expected batches of batch_size = {}, for which the stateful layer {} was built, got "
                    "a first one of {}: call .batch({})",
                    what, wanted, rnn->name(), first, wanted));
  }
  const Index last = *size > 1 ? rows(*size - 1) : first;
  if (first == last) return;
  throw ValueError(fmt::format(
      "{}: expected a last batch of batch_size = {}, as the first one, since the layer {} is stateful, "
      "got one of {}: call .batch({}, {{.drop_remainder = true}}), or take another batch_size",
      what, first, layers.front()->name(), last, first));
}

KeptStates::KeptStates(LayerBase& network) {
  for (const layers::RNN* const rnn : stateful_layers(network)) {
    for (const Variable& state : rnn->states()) states_.emplace_back(state, state.value());
  }
}

KeptStates::~KeptStates() {
  for (const auto& [variable, value] : states_) variable.assign(value);
}

}  // namespace unspool::internal
