#pragma once

#include <cstdint>
#include <string_view>

namespace unspool::internal {

/// CRC-64/XZ (ECMA-182, reflected). Every change within 64 neighbouring bits changes it.
std::uint64_t crc64(std::string_view bytes);

}  // namespace unspool::internal
