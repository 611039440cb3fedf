#pragma once

#include <vector>

#include <unspool/core/callable.h>
#include <unspool/core/tensor.h>

namespace unspool {

/// x with another dtype. Floating to integer rounds towards zero and throws ValueError for NaN and for values
/// out of range; conversion to bool is x != 0.
Tensor cast(const Tensor& x, DType dtype);

/// x as a constant: no gradient flows back through it.
Tensor stop_gradient(const Tensor& x);

/// What a function for custom_gradient() returns: its outputs, and how to differentiate them.
struct CustomGradient {
  /// The results.
  std::vector<Tensor> outputs;
  /// Takes one gradient for each output and returns one for each input, an empty Tensor for none. It can be
  /// differentiated in turn if it is made of recorded operations.
  Callable<std::vector<Tensor>(const std::vector<Tensor>&)> gradient;
};

/// The outputs of function(inputs), with the gradient that it returns in place of that of its operations.
std::vector<Tensor> custom_gradient(const Callable<CustomGradient(const std::vector<Tensor>&)>& function,
                                    const std::vector<Tensor>& inputs);

}  // namespace unspool
