#pragma once

#include <string>
#include <vector>

#include <unspool/layers/layer.h>

#include "case.h"

namespace golden {

/// The layer or cell of a case: from an object serialized by Keras, or from the short description in cases
/// with constants.
Ref<LayerBase> build(const Config& config, DType dtype);

/// One way to run a case.
struct Variant {
  /// A prefix for messages; empty for the unchanged config.
  std::string name;
  Config config;
};

/// The unchanged config and, if it has recurrent layers, configs with all of them unrolled and with none
/// unrolled.
std::vector<Variant> variants_of(const Config& config);

}  // namespace golden
