#include <cmath>
#include <limits>

#include <unspool/autograd/arithmetic.h>
#include <unspool/autograd/conversion.h>
#include <unspool/autograd/product.h>
#include <unspool/autograd/reduction.h>
#include <unspool/autograd/tape.h>
#include <unspool/core/error.h>
#include <unspool/models/internal/spectral_radius.h>

namespace unspool::internal {

double spectral_radius(const Tensor& matrix) {
  if (matrix.rank() != 2 || matrix.shape()[0] != matrix.shape()[1]) {
    throw ValueError("spectral_radius: expected a square matrix, got " + describe(matrix));
  }
  const NoGradient guard;
  // 2^36 steps: a factor of a million before the power changes the result by 1e-10 of itself.
  constexpr int squarings = 36;
  Tensor power = cast(matrix, float64);
  double log_size = 0;  // The logarithm of what was divided out, for A itself.
  double share = 1;     // 1 / k.
  for (int i = 0; i <= squarings; ++i) {
    const double size = std::sqrt(sum(square(power)).item<double>());
    if (size == 0) return 0;
    if (!std::isfinite(size)) return std::numeric_limits<double>::quiet_NaN();
    log_size += share * std::log(size);
    if (i == squarings) break;
    power = power / size;
    power = matmul(power, power);
    share /= 2;
  }
  return std::exp(log_size);
}

}  // namespace unspool::internal
