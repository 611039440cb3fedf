#pragma once

#include <optional>

#include <unspool/autograd/elementary.h>
#include <unspool/autograd/softmax.h>

/// Keras' activations, with its names and defaults, beyond those in elementary.h and softmax.h.
namespace unspool {

/// x above the threshold, but no more than max_value; below it negative_slope * (x - threshold).
Tensor relu(const Tensor& x, double negative_slope, std::optional<double> max_value = std::nullopt,
            double threshold = 0);
/// min(max(x, 0), 6).
Tensor relu6(const Tensor& x);
/// x above 0, else negative_slope * x.
Tensor leaky_relu(const Tensor& x, double negative_slope = 0.2);
/// x above 0, else alpha * (exp(x) - 1).
Tensor elu(const Tensor& x, double alpha = 1);
/// x above 0, else alpha * (exp(x / alpha) - 1).
Tensor celu(const Tensor& x, double alpha = 1);
/// elu with the alpha and the scale that keep mean 0 and variance 1 from layer to layer.
Tensor selu(const Tensor& x);
/// x * sigmoid(x).
Tensor silu(const Tensor& x);
/// x times the normal distribution function of x; approximate: with tanh in place of erf.
Tensor gelu(const Tensor& x, bool approximate = false);
/// min(max(x / 6 + 0.5, 0), 1).
Tensor hard_sigmoid(const Tensor& x);
/// x * hard_sigmoid(x).
Tensor hard_silu(const Tensor& x);
/// clip(x, -1, 1).
Tensor hard_tanh(const Tensor& x);
/// x * tanh(softplus(x)).
Tensor mish(const Tensor& x);
/// exp(x).
Tensor exponential(const Tensor& x);
/// x itself.
Tensor linear(const Tensor& x);
/// -softplus(-x).
Tensor log_sigmoid(const Tensor& x);
/// First half times the sigmoid of the second, along an axis.
Tensor glu(const Tensor& x, int axis = -1);
/// 0 below -1, (x + 1)^2 / 4 up to 1, then x.
Tensor sparse_plus(const Tensor& x);
/// clip((x + 1) / 2, 0, 1).
Tensor sparse_sigmoid(const Tensor& x);
/// (x + sqrt(x^2 + b)) / 2.
Tensor squareplus(const Tensor& x, double b = 4);
/// x - tanh(x).
Tensor tanh_shrink(const Tensor& x);
/// x less the threshold towards 0; 0 where |x| is not above it.
Tensor soft_shrink(const Tensor& x, double threshold = 0.5);
/// x where |x| > threshold, else 0.
Tensor hard_shrink(const Tensor& x, double threshold = 0.5);
/// x where x > threshold, else default_value.
Tensor threshold(const Tensor& x, double threshold, double default_value);

}  // namespace unspool
