#include <unspool/autograd/arithmetic.h>
#include <unspool/autograd/random.h>
#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/layers/internal/dropout.h>

namespace unspool::internal {

void check_rate(std::string_view argument, double rate) {
  if (!(rate >= 0 && rate <= 1)) {
    throw ValueError(fmt::format("{}: expected a number in [0, 1], got {}", argument, rate));
  }
}

SeedGenerator generator_of(const std::optional<std::int64_t>& seed) {
  return seed ? SeedGenerator(static_cast<std::uint64_t>(*seed)) : SeedGenerator();
}

namespace {

template <class Source>
Tensor mask_of(const Shape& shape, double rate, DType dtype, Source& source) {
  if (!shape.known()) {
    throw ValueError("expected known sizes for a dropout mask, got " + to_string(shape));
  }
  const Tensor ones = random_bernoulli(shape, 1 - rate, dtype, source);
  return rate == 1 ? ones : ones * (1 / (1 - rate));
}

}  // namespace

Tensor dropout_mask(const Shape& shape, double rate, DType dtype, RandomKey key) {
  return mask_of(shape, rate, dtype, key);
}
Tensor dropout_mask(const Shape& shape, double rate, DType dtype, SeedGenerator& seeds) {
  return mask_of(shape, rate, dtype, seeds);
}

}  // namespace unspool::internal
