#pragma once

#include <string>
#include <vector>

#include <unspool/layers/layer.h>

#include "case.h"

namespace golden {

/// The layer or cell of a case's config: a serialized object of Keras, or the small description that a case
/// with constants has instead.
Ref<LayerBase> build(const Config& config, DType dtype);

/// One way to run a case.
struct Variant {
  /// Stands before messages; empty for the case as it is.
  std::string name;
  Config config;
};

/// The case as it is; where it has recurrent layers, also with all of them unrolled, and with none.
std::vector<Variant> variants_of(const Config& config);

}  // namespace golden
