#pragma once

#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include <unspool/data/dataset.h>
#include <unspool/layers/layer.h>
#include <unspool/layers/rnn.h>

namespace unspool::internal {

/// The stateful recurrent layers of a network, those of nested models included.
std::vector<layers::RNN*> stateful_layers(LayerBase& network);

/// Throws ValueError, which begins with `what`, if a stateful layer cannot process so many samples in batches
/// of this size, because the last batch is smaller or the layer was built for another size. `steps` is the
/// number of batches that are used if not all are.
void check_stateful(std::string_view what, LayerBase& network, Index samples, Index batch_size,
                    std::optional<Index> steps = {});

/// check_stateful() for a Dataset of known size: compares the first and the last of its batches.
void check_stateful(std::string_view what, LayerBase& network, const Dataset& data,
                    std::optional<Index> steps = {});

/// Gives the stateful layers of a network back the states that they had when this was made.
class KeptStates {
 public:
  explicit KeptStates(LayerBase& network);
  ~KeptStates();
  KeptStates(const KeptStates&) = delete;
  KeptStates& operator=(const KeptStates&) = delete;

 private:
  std::vector<std::pair<Variable, Tensor>> states_;
};

}  // namespace unspool::internal
