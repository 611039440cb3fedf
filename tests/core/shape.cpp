#include <cstdint>
#include <doctest/doctest.h>
#include <optional>
#include <sstream>
#include <vector>

#include <unspool/core/dtype.h>
#include <unspool/core/error.h>
#include <unspool/core/fields.h>
#include <unspool/core/shape.h>

using namespace unspool;

namespace {

template <class T>
std::string streamed(const T& value) {
  std::ostringstream stream;
  stream << value;
  return stream.str();
}

struct SizeOptions {
  Shape shape = {};
  std::optional<std::int64_t> seed = 3;
  std::optional<double> rate = 0.5;
};

}  // namespace

TEST_CASE("shape: None is an unknown size, and an optional value that is not there") {
  CHECK(Shape{None, 16} == Shape{-1, 16});
  CHECK(Shape({None}) == Shape{unknown});
  const Shape shape{None, 3};
  CHECK(shape[0] == None);
  CHECK(shape[1] != None);
  const SizeOptions sizes{.shape = {None, 3}, .seed = None, .rate = None};
  CHECK(sizes.shape == shape);
  CHECK_FALSE(sizes.seed.has_value());
  CHECK_FALSE(sizes.rate.has_value());
  std::optional<Index> bound = 4;
  bound = None;
  CHECK_FALSE(bound.has_value());
}

TEST_CASE("shape: sizes of any type of integers") {
  const int width = 3;
  const std::size_t height = 2;
  const required<Index> depth = 4;
  CHECK(Shape{height, width, depth} == Shape{2, 3, 4});
  CHECK_THROWS_AS((Shape{-2}), ValueError);
  CHECK_THROWS_AS((Shape{1, 2, 3, 4, 5, 6, 7, 8, 9}), ValueError);
}

TEST_CASE("shape and dtype go into a stream") {
  CHECK(streamed(Shape{None, 2}) == "[?, 2]");
  CHECK(streamed(Shape{}) == "[]");
  CHECK(streamed(float32) == "float32");
  CHECK(streamed(boolean) == "bool");
}
