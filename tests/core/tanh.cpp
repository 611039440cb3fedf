#include <algorithm>
#include <cmath>
#include <doctest/doctest.h>
#include <initializer_list>
#include <limits>

#include <unspool/core/kernels/tanh.h>

namespace kernels = unspool::kernels;

namespace {

/// In units of the last place of a float.
double error_at(float x) {
  const double exact = std::tanh(static_cast<double>(x));
  const double unit = std::ldexp(1.0, std::max(std::ilogb(exact) - 23, -149));
  return std::abs(static_cast<double>(kernels::tanh(x)) - exact) / unit;
}

}  // namespace

TEST_CASE("tanh of a float is the nearest float, or so close to it that it hardly matters") {
  double worst = 0;
  for (float x = 1e-30f; x < 20; x *= 1.00007f) worst = std::max(worst, error_at(x));
  CHECK(worst <= 0.501);
}

TEST_CASE("tanh of a float is odd, and right at its ends") {
  for (const float x : {0.1f, 1.0f, 5.0f, 30.0f}) CHECK(kernels::tanh(-x) == -kernels::tanh(x));
  const float infinity = std::numeric_limits<float>::infinity();
  CHECK(kernels::tanh(infinity) == 1);
  CHECK(kernels::tanh(-infinity) == -1);
  CHECK(kernels::tanh(std::numeric_limits<float>::max()) == 1);
  CHECK(kernels::tanh(0.0f) == 0);
  CHECK(std::signbit(kernels::tanh(-0.0f)));
  CHECK(std::isnan(kernels::tanh(std::numeric_limits<float>::quiet_NaN())));
  const float smallest = std::numeric_limits<float>::denorm_min();
  CHECK(kernels::tanh(smallest) == smallest);
  CHECK(kernels::tanh(1.5e-39f) == 1.5e-39f);
}
