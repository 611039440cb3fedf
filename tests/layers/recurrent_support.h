#pragma once

#include "support.h"

namespace unspool::testing {

/// Kernel .01, recurrent kernel .02, bias .03, as Keras' own tests have it.
template <class L>
typename L::Options constant_weights(Index units) {
  return {.units = units,
          .kernel_initializer = Constant({.value = 0.01}),
          .recurrent_initializer = Constant({.value = 0.02}),
          .bias_initializer = Constant({.value = 0.03})};
}

/// One value a row, repeated over the units.
inline std::vector<double> per_unit(const std::vector<double>& values, int units) {
  std::vector<double> all;
  for (const double value : values) all.insert(all.end(), static_cast<std::size_t>(units), value);
  return all;
}

/// The weights get .5 sin(1), .5 sin(2), ... in order.
inline void fill_with_sines(const LayerBase& layer) {
  double k = 0;
  for (const Variable& weight : layer.weights()) {
    std::vector<double> values;
    for (Index i = 0; i < weight.size(); ++i) values.push_back(0.5 * std::sin(++k));
    weight.assign(cast(Tensor::from(values, weight.shape()), weight.dtype()));
  }
}

/// The result of a layer whose weights are sines, on cosines.
template <class L>
Outputs of_sines(typename L::Options options) {
  const Ref<L> layer = make<L>(std::move(options));
  const Tensor x = cos(counting({2, 3, 2}, layer->dtype()));
  layer(x);
  fill_with_sines(*layer);
  return layer(x);
}

}  // namespace unspool::testing
