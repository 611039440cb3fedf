#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace unspool::internal {

/// Factors that move 16 bytes of a message forward by 64 or by 16 bytes: for each distance, for the first and
/// the last 8 of them. Source: Gopal et al., Fast CRC Computation for Generic Polynomials Using PCLMULQDQ
/// Instruction, Intel 2009.
struct CrcFactors {
  std::array<std::uint64_t, 2> by_64;
  std::array<std::uint64_t, 2> by_16;
};

/// The factors of a reflected CRC with this polynomial.
template <std::unsigned_integral Word>
constexpr CrcFactors crc_factors(Word polynomial) {
  constexpr int bits = 8 * sizeof(Word);
  // x to a power modulo the polynomial; the highest bit of the result is the coefficient of 1. The product of
  // two such words has a factor of x too many, so that powers are smaller by 1.
  const auto power = [&](int exponent) {
    Word value = Word{1} << (bits - 1);
    for (int i = 0; i < exponent; ++i) value = (value >> 1) ^ ((value & 1) != 0 ? polynomial : Word{0});
    return std::uint64_t{value} << (64 - bits);
  };
  return {{power(512 + 63), power(512 - 1)}, {power(128 + 63), power(128 - 1)}};
}

/// Whether the processor has the instructions that fold_crc() uses.
bool can_fold_crc();

/// 16 bytes that have the same remainder, from a start of 0, as these bytes from the remainder `start`. There
/// must be at least 64, a multiple of 16. Only if can_fold_crc().
std::array<char, 16> fold_crc(std::string_view bytes, std::uint64_t start, const CrcFactors& factors);

}  // namespace unspool::internal
