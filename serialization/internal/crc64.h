#pragma once

#include <cstdint>
#include <string_view>

namespace unspool::internal {

/// CRC-64/XZ (the polynomial of ECMA-182, reflected). Detects every change within 64 consecutive bits.
std::uint64_t crc64(std::string_view bytes);

}  // namespace unspool::internal
