#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace unspool::internal {

/// Decompresses a raw DEFLATE stream (RFC 1951) of which the size is known. Throws ValueError unless the
/// stream is valid, ends with its last byte, and holds exactly `size` bytes. It takes no more memory than
/// `size`.
std::string inflate(std::string_view compressed, std::uint64_t size);

}  // namespace unspool::internal
