#pragma once

#include <memory>
#include <vector>

#include <unspool/layers/rnn.h>

#include "report.h"

namespace golden {

/// All recurrent layers of a layer, itself included, in the order of the layers.
std::vector<std::shared_ptr<layers::RNN>> recurrent_layers(const Ref<LayerBase>& layer);

/// Reports how the recurrent layers of a layer ran. A layer that did not run by scan fails, unless it was
/// asked to unroll.
void check_paths(const Ref<LayerBase>& layer, Report& report);

}  // namespace golden
