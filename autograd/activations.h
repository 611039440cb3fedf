#pragma once

#include <string>

#include <unspool/autograd/elementary.h>
#include <unspool/autograd/softmax.h>

/// Keras' activations, with its names and defaults, beyond those in elementary.h and softmax.h.
namespace unspool {

Tensor relu(const Tensor& x, double negative_slope, double max_value = -1, double threshold = 0);
Tensor relu6(const Tensor& x);
Tensor leaky_relu(const Tensor& x, double negative_slope = 0.2);
Tensor elu(const Tensor& x, double alpha = 1);
Tensor celu(const Tensor& x, double alpha = 1);
Tensor selu(const Tensor& x);
/// x * sigmoid(x).
Tensor silu(const Tensor& x);
Tensor gelu(const Tensor& x, bool approximate = false);
/// clip(x / 6 + 0.5, 0, 1).
Tensor hard_sigmoid(const Tensor& x);
/// x * hard_sigmoid(x).
Tensor hard_silu(const Tensor& x);
/// clip(x, -1, 1).
Tensor hard_tanh(const Tensor& x);
/// x * tanh(softplus(x)).
Tensor mish(const Tensor& x);
Tensor exponential(const Tensor& x);
Tensor linear(const Tensor& x);
/// -softplus(-x).
Tensor log_sigmoid(const Tensor& x);
/// First half times the sigmoid of the second, along an axis.
Tensor glu(const Tensor& x, int axis = -1);
/// 0 below -1, (x + 1)^2 / 4 up to 1, then x.
Tensor sparse_plus(const Tensor& x);
/// clip((x + 1) / 2, 0, 1).
Tensor sparse_sigmoid(const Tensor& x);
/// The Euclidean projection on the simplex (Martins and Astudillo 2016).
Tensor sparsemax(const Tensor& x, int axis = -1);
/// (x + sqrt(x^2 + b)) / 2.
Tensor squareplus(const Tensor& x, double b = 4);
/// x - tanh(x).
Tensor tanh_shrink(const Tensor& x);
Tensor soft_shrink(const Tensor& x, double threshold = 0.5);
Tensor hard_shrink(const Tensor& x, double threshold = 0.5);
/// x where x > threshold, else default_value.
Tensor threshold(const Tensor& x, double threshold, double default_value);

}  // namespace unspool
