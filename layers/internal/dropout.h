#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include <unspool/core/random.h>
#include <unspool/core/tensor.h>

namespace unspool::internal {

/// Throws ValueError unless `rate` lies in [0, 1].
void check_rate(std::string_view argument, double rate);

SeedGenerator generator_of(const std::optional<std::int64_t>& seed);

/// 0 for the part `rate` of the elements, else 1 / (1 - rate).
Tensor dropout_mask(const Shape& shape, double rate, DType dtype, RandomKey key);
/// In a step of a scan: another mask for each step.
Tensor dropout_mask(const Shape& shape, double rate, DType dtype, SeedGenerator& seeds);

}  // namespace unspool::internal
