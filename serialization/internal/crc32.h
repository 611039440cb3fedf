#pragma once

#include <cstdint>
#include <string_view>

namespace unspool::internal {

/// The CRC-32 of zip files. Detects every change within 32 consecutive bits. `before` is the CRC of the bytes
/// before these.
std::uint32_t crc32(std::string_view bytes, std::uint32_t before = 0);

}  // namespace unspool::internal
