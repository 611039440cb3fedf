#pragma once

#include <functional>
#include <vector>

#include <unspool/core/tensor.h>

namespace unspool {

/// x with another dtype. Floating to integer cuts towards zero (NaN and what does not fit: ValueError); to
/// bool: x != 0.
Tensor cast(const Tensor& x, DType dtype);

/// x as a constant: no gradient flows through it.
Tensor stop_gradient(const Tensor& x);

/// What custom_gradient's function gives: results, and from their gradients those of the inputs.
struct CustomGradient {
  std::vector<Tensor> outputs;
  /// Takes one gradient per output; returns one per input, empty for none. Made of recorded operations, it
  /// has gradients itself.
  std::function<std::vector<Tensor>(const std::vector<Tensor>&)> gradient;
};

/// The outputs of function(inputs), with the gradient that it says instead of that of its operations.
std::vector<Tensor> custom_gradient(const std::function<CustomGradient(const std::vector<Tensor>&)>& function,
                                    const std::vector<Tensor>& inputs);

}  // namespace unspool
