#include <cmath>
#include <doctest/doctest.h>
#include <limits>

#include <unspool/autograd/clipping.h>
#include <unspool/autograd/gradcheck.h>
#include <unspool/core/error.h>

using namespace unspool;

// [3, 4] has the norm 5; with [12] beside it, 13.
TEST_CASE("clip_by_norm shortens what is longer than the norm") {
  const Tensor x = Tensor::of<double>({3, 4});
  CHECK(clip_by_norm(x, 2.5).to_vector<double>() == std::vector<double>{1.5, 2});
  CHECK(clip_by_norm(x, 5).to_vector<double>() == std::vector<double>{3, 4});
  CHECK(clip_by_norm(x, 100).to_vector<double>() == std::vector<double>{3, 4});
  CHECK(clip_by_norm(Tensor::zeros({2}), 1).to_vector<float>() == std::vector<float>{0, 0});
  CHECK(clip_by_norm(Tensor::of({3, 4}), 2.5).dtype() == float32);
  CHECK_THROWS_AS(clip_by_norm(x, 0), ValueError);
  CHECK_THROWS_AS(clip_by_norm(x, std::numeric_limits<double>::quiet_NaN()), ValueError);
  CHECK(gradcheck([](const Tensor& t) { return clip_by_norm(t, 2.5); }, x));
}

TEST_CASE("clip_by_global_norm takes all tensors as one vector") {
  const auto [clipped, norm] =
      clip_by_global_norm({Tensor::of<double>({3, 4}), {}, Tensor::of<double>({{12}})}, 6.5);
  CHECK(norm.item<double>() == 13);
  REQUIRE(clipped.size() == 3);
  CHECK(clipped[0].to_vector<double>() == std::vector<double>{1.5, 2});
  CHECK_FALSE(clipped[1]);
  CHECK(clipped[2].shape() == Shape{1, 1});
  CHECK(clipped[2].item<double>() == 6);
  CHECK(clip_by_global_norm({Tensor()}, 1).second.item<float>() == 0);
  CHECK_THROWS_AS(clip_by_global_norm({}, -1), ValueError);
}
