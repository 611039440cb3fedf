#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/layers/layer.h>

namespace unspool {

void detail::fail_empty_ref() {
  throw ValueError(
      "expected a layer or cell, got an empty Ref: assign one to it first, such as dense = Dense({.units = "
      "3}) "
      "or own = make<MyLayer>()");
}

Outputs detail::call_layer(LayerBase& layer, const Inputs& inputs, const CallArgs& args) {
  if (auto* const found = dynamic_cast<Layer*>(&layer)) return (*found)(inputs, args);
  throw TypeError(fmt::format(
      "expected a layer to call, got the cell {}: call it as a Ref<Cell>, with its states", layer.name()));
}

}  // namespace unspool
