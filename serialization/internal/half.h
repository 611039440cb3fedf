#pragma once

#include <bit>
#include <cstdint>

namespace unspool::internal {

/// The value of the bits of a bfloat16, which is the upper half of a float32.
inline float float_of_bfloat(std::uint16_t bits) { return std::bit_cast<float>(std::uint32_t{bits} << 16); }

/// The value of the bits of an IEEE 754 binary16. Every one is a float32, too.
inline float float_of_half(std::uint16_t bits) {
  const std::uint32_t sign = std::uint32_t{bits & 0x8000U} << 16;
  const std::uint32_t exponent = bits >> 10 & 31U;
  const std::uint32_t mantissa = bits & 1023U;
  if (exponent == 0) {  // Zero and subnormal numbers, multiples of 2^-24.
    const float value = static_cast<float>(mantissa) * 0x1p-24F;
    return sign != 0 ? -value : value;
  }
  const std::uint32_t wider = exponent == 31 ? 255 : exponent + (127 - 15);
  return std::bit_cast<float>(sign | wider << 23 | mantissa << 13);
}

}  // namespace unspool::internal
