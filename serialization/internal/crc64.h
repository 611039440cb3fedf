#pragma once

#include <cstdint>
#include <string_view>

namespace unspool::internal {

/// CRC-64/XZ (the polynomial of ECMA-182, reflected). Detects every change within 64 consecutive bits.
/// `before` is the CRC of the bytes before these.
std::uint64_t crc64(std::string_view bytes, std::uint64_t before = 0);

}  // namespace unspool::internal
