#include <algorithm>
#include <cmath>
#include <doctest/doctest.h>
#include <limits>

#include <unspool/core/kernels/sigmoid.h>

namespace kernels = unspool::kernels;

namespace {

/// In units of the last place of a float.
double error_at(float x) {
  const double exact = kernels::sigmoid(static_cast<double>(x));
  const double unit = std::ldexp(1.0, std::max(std::ilogb(exact) - 23, -149));
  return std::abs(static_cast<double>(kernels::sigmoid(x)) - exact) / unit;
}

}  // namespace

TEST_CASE("sigmoid of a float is the nearest float, or so close to it that it hardly matters") {
  double worst = 0;
  for (float x = 1e-30f; x < 110; x *= 1.00007f) worst = std::max({worst, error_at(x), error_at(-x)});
  CHECK(worst <= 0.501);
}

TEST_CASE("sigmoid of a float is right at its ends") {
  const float infinity = std::numeric_limits<float>::infinity();
  CHECK(kernels::sigmoid(0.0f) == 0.5f);
  CHECK(kernels::sigmoid(infinity) == 1);
  CHECK(kernels::sigmoid(-infinity) == 0);
  CHECK(kernels::sigmoid(-200.0f) == 0);
  CHECK(kernels::sigmoid(-103.0f) > 0);
  CHECK(std::isnan(kernels::sigmoid(std::numeric_limits<float>::quiet_NaN())));
}
