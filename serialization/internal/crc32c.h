#pragma once

#include <cstdint>
#include <string_view>

namespace unspool::internal {

/// CRC-32C (the polynomial of Castagnoli, reflected), as in RFC 3720.
std::uint32_t crc32c(std::string_view bytes);

/// The form in which records of TensorFlow hold a checksum: rotated, plus a constant, so that the checksum of
/// data that contain checksums keeps its strength.
std::uint32_t masked_crc32c(std::string_view bytes);

}  // namespace unspool::internal
