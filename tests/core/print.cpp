#include <doctest/doctest.h>
#include <limits>
#include <vector>

#include <unspool/core/tensor.h>

using namespace unspool;

TEST_CASE("numbers below the normal ones are printed like others") {
  CHECK(to_string(Tensor::from(std::vector<double>{5e-324})) == "[5e-324]");
  CHECK(to_string(Tensor::from(std::vector<double>{0, -2.5e-310})) == "[  0.0e+00 -2.5e-310]");
  CHECK(to_string(Tensor::from(std::vector<float>{1e-45F})) == "[1e-45]");
}
