#pragma once

#include <optional>

#include <unspool/autograd/elementary.h>
#include <unspool/autograd/softmax.h>

/// \file
/// Activation functions with Keras' names and defaults. More are in elementary.h and softmax.h.

namespace unspool {

/// min(x, max_value) for x >= threshold, else negative_slope * (x - threshold).
Tensor relu(const Tensor& x, double negative_slope, std::optional<double> max_value = std::nullopt,
            double threshold = 0);
/// min(max(x, 0), 6).
Tensor relu6(const Tensor& x);
/// x for x > 0, else negative_slope * x.
Tensor leaky_relu(const Tensor& x, double negative_slope = 0.2);
/// x for x > 0, else alpha * (exp(x) - 1).
Tensor elu(const Tensor& x, double alpha = 1);
/// x for x > 0, else alpha * (exp(x / alpha) - 1).
Tensor celu(const Tensor& x, double alpha = 1);
/// scale * elu(x, alpha), with the constants that keep mean 0 and variance 1 from layer to layer (Klambauer
/// et al. 2017).
Tensor selu(const Tensor& x);
/// x * sigmoid(x).
Tensor silu(const Tensor& x);
/// x times the normal cumulative distribution function of x, which is computed with tanh instead of erf if
/// `approximate`.
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
/// x.
Tensor linear(const Tensor& x);
/// -softplus(-x).
Tensor log_sigmoid(const Tensor& x);
/// The first half of x times the sigmoid of the second half, along an axis.
Tensor glu(const Tensor& x, int axis = -1);
/// 0 for x <= -1, x for x >= 1, (x + 1)^2 / 4 between.
Tensor sparse_plus(const Tensor& x);
/// clip((x + 1) / 2, 0, 1).
Tensor sparse_sigmoid(const Tensor& x);
/// (x + sqrt(x^2 + b)) / 2.
Tensor squareplus(const Tensor& x, double b = 4);
/// x - tanh(x).
Tensor tanh_shrink(const Tensor& x);
/// x - threshold for x > threshold, x + threshold for x < -threshold, else 0.
Tensor soft_shrink(const Tensor& x, double threshold = 0.5);
/// x for |x| > threshold, else 0.
Tensor hard_shrink(const Tensor& x, double threshold = 0.5);
/// x for x > threshold, else default_value.
Tensor threshold(const Tensor& x, double threshold, double default_value);

}  // namespace unspool
