#include <cmath>
#include <numbers>

#include <unspool/autograd/activations.h>
#include <unspool/autograd/arithmetic.h>
#include <unspool/autograd/comparison.h>
#include <unspool/autograd/joining.h>
#include <unspool/autograd/shaping.h>

namespace unspool {
namespace {

/// Keras rounds some constants to float32 even for float64 tensors. So do these functions, to agree with it.
double as_float32(double value) { return static_cast<double>(static_cast<float>(value)); }

Tensor zero_like(const Tensor& x) { return scalar_beside(x, 0); }

/// clip(x, low, high) with the whole gradient at the bounds, as in Keras.
Tensor clip_inclusive(const Tensor& x, double low, double high) {
  return where(x > high, scalar_beside(x, high), where(x < low, scalar_beside(x, low), x));
}

/// expm1(x) for the elements selected by `below`. The others are masked before: exp could overflow for them,
/// and the gradient, infinity times the mask's 0, would be NaN.
Tensor expm1_where(const Tensor& below, const Tensor& x) { return expm1(where(below, x, zero_like(x))); }

}  // namespace

Tensor relu(const Tensor& x, double negative_slope, std::optional<double> max_value, double threshold) {
  if (negative_slope != 0 && !max_value && threshold == 0) return leaky_relu(x, negative_slope);
  Tensor y = threshold == 0 ? relu(x) : where(x > threshold, x, zero_like(x));
  if (max_value == 6.0 && threshold == 0) {
    y = where(x >= 6, scalar_beside(x, 6), y);
  } else if (max_value) {
    y = clip_inclusive(y, 0, as_float32(*max_value));
  }
  if (negative_slope == 0) return y;
  return y - relu(threshold - x) * negative_slope;
}

Tensor relu6(const Tensor& x) { return relu(x, 0, 6); }

Tensor leaky_relu(const Tensor& x, double negative_slope) {
  return where(x > 0, x, x * as_float32(negative_slope));
}

Tensor elu(const Tensor& x, double alpha) {
  const Tensor below = x <= 0;
  return where(below, expm1_where(below, x) * alpha, x);
}

Tensor celu(const Tensor& x, double alpha) {
  const Tensor below = x <= 0;
  return where(below, expm1_where(below, x / alpha) * alpha, x);
}

Tensor selu(const Tensor& x) {
  // Klambauer, Unterthiner, Mayr, Hochreiter: Self-normalizing neural networks (2017).
  constexpr double alpha = 1.6732632423543772848170429916717;
  constexpr double scale = 1.0507009873554804934193349852946;
  const Tensor below = x < 0;
  return where(below, expm1_where(below, x) * (scale * alpha), x * scale);
}

Tensor silu(const Tensor& x) { return x * sigmoid(x); }

Tensor gelu(const Tensor& x, bool approximate) {
  if (!approximate) {
    // erfc(-z) instead of 1 + erf(z), which cancels for z far below 0.
    return x * 0.5 * erfc(x * -as_float32(1 / std::numbers::sqrt2));
  }
  const double inner = std::sqrt(2 * std::numbers::inv_pi);
  return x * 0.5 * (tanh((x + x * square(x) * as_float32(0.044715)) * inner) + 1);
}

Tensor hard_sigmoid(const Tensor& x) { return relu6(x + 3) / 6; }

Tensor hard_silu(const Tensor& x) { return x * hard_sigmoid(x); }

Tensor hard_tanh(const Tensor& x) { return clip_inclusive(x, -1, 1); }

Tensor mish(const Tensor& x) { return x * tanh(softplus(x)); }

Tensor exponential(const Tensor& x) { return exp(x); }

Tensor linear(const Tensor& x) { return x; }

Tensor log_sigmoid(const Tensor& x) { return -softplus(-x); }

Tensor glu(const Tensor& x, int axis) {
  const auto [value, gate] = split<2>(x, axis);
  return value * sigmoid(gate);
}

Tensor sparse_plus(const Tensor& x) {
  return where(x <= -1, zero_like(x), where(x < 1, square(x + 1) / 4, x));
}

Tensor sparse_sigmoid(const Tensor& x) {
  return where(x <= -1, zero_like(x), where(x >= 1, scalar_beside(x, 1), (x + 1) / 2));
}

Tensor squareplus(const Tensor& x, double b) {
  // For x < 0, x + sqrt(x^2 + b) would cancel: use the equal b / (sqrt(x^2 + b) - x).
  const Tensor below = x < 0;
  const Tensor far = sqrt(square(x) + b) + where(below, -x, x);
  return where(below, b / far, far) / 2;
}

Tensor tanh_shrink(const Tensor& x) { return x - tanh(x); }

Tensor soft_shrink(const Tensor& x, double threshold) {
  return where(x > threshold, x - threshold, where(x < -threshold, x + threshold, zero_like(x)));
}

Tensor hard_shrink(const Tensor& x, double threshold) { return where(abs(x) > threshold, x, zero_like(x)); }

Tensor threshold(const Tensor& x, double threshold, double default_value) {
  return where(x > threshold, x, scalar_beside(x, default_value));
}

}  // namespace unspool
