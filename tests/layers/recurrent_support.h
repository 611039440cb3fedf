#pragma once

#include <cstring>

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

/// Outputs and states, then the gradients of the sum of their squares by input, states and weights, then the
/// gradients of the squares of those: every bit of them.
template <class L>
std::vector<double> everything(const Ref<L>& layer, const Tensor& x, const Tensor& mask,
                               const States& states) {
  GradientTape second;
  GradientTape first;
  std::vector<Source> sources = {x};
  for (const Tensor& state : states) sources.emplace_back(state);
  for (GradientTape* tape : {&first, &second}) {
    tape->watch(x);
    for (const Tensor& state : states) tape->watch(state);
  }
  for (const Variable& weight : layer->trainable_weights()) sources.emplace_back(weight);
  const auto squares = [](const std::vector<Tensor>& tensors) {
    Tensor total = sum(square(tensors.front()));
    for (std::size_t i = 1; i < tensors.size(); ++i) total = total + sum(square(tensors[i]));
    return total;
  };
  std::vector<Tensor> found = layer(x, {.mask = mask, .initial_state = states}).all();
  const std::vector<Tensor> gradients = first.gradient(squares(found), sources);
  const std::vector<Tensor> of_gradients =
      second.gradient(squares(gradients), sources, {.unconnected = Unconnected::zero});
  found.insert(found.end(), gradients.begin(), gradients.end());
  found.insert(found.end(), of_gradients.begin(), of_gradients.end());
  std::vector<double> all;
  for (const Tensor& tensor : found) {
    for (const double value : tensor.to_vector<double>()) all.push_back(value);
  }
  return all;
}

template <class T>
bool same_bits(const std::vector<T>& a, const std::vector<T>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0;
}

/// Within four standard deviations of what `draws` of that probability give.
inline bool likely(double count, double draws, double probability) {
  return std::fabs(count - draws * probability) <= 4 * std::sqrt(draws * probability * (1 - probability));
}

}  // namespace unspool::testing
