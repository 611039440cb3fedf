#pragma once

#include <memory>
#include <vector>

#include <unspool/layers/rnn.h>

#include "report.h"

namespace golden {

/// The recurrent layers in a layer, itself among them, in the order of the layers that hold them.
std::vector<std::shared_ptr<layers::RNN>> recurrent_layers(const Ref<LayerBase>& layer);

/// Notes by which path the recurrent layers in a layer were run. One that went step by step fails, unless it
/// was to unroll, or its plan says why.
void check_paths(const Ref<LayerBase>& layer, Report& report);

}  // namespace golden
