#pragma once

#include <algorithm>
#include <bit>
#include <concepts>
#include <cstddef>
#include <string>
#include <string_view>

#include <unspool/core/dtype.h>

namespace unspool::internal {

/// Reads a little-endian number at the start of `bytes`, which must be long enough.
template <std::unsigned_integral T>
T read_little(std::string_view bytes) {
  T value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    value = static_cast<T>(value |
                           static_cast<T>(static_cast<T>(static_cast<unsigned char>(bytes[i])) << (8 * i)));
  }
  return value;
}

/// Appends a number in little-endian order.
template <std::unsigned_integral T>
void append_little(std::string& bytes, T value) {
  for (std::size_t i = 0; i < sizeof(T); ++i) bytes += static_cast<char>((value >> (8 * i)) & 0xFF);
}

/// Reverses the bytes of each of `count` elements of `element` bytes.
inline void swap_bytes(void* data, std::size_t count, std::size_t element) {
  char* at = static_cast<char*>(data);
  for (std::size_t i = 0; i < count; ++i, at += element) std::reverse(at, at + element);
}

/// Converts elements between the byte order of this machine and little-endian.
inline void swap_if_big_endian(void* data, std::size_t bytes, DType dtype) {
  if constexpr (std::endian::native == std::endian::big)
    swap_bytes(data, bytes / size_of(dtype), size_of(dtype));
}

/// The index of the first byte that is neither 0 nor 1, or `count`. Reading such a byte as a bool is
/// undefined behavior.
inline std::size_t first_not_bool(const void* data, std::size_t count) {
  const auto* bytes = static_cast<const unsigned char*>(data);
  return static_cast<std::size_t>(std::find_if(bytes, bytes + count, [](unsigned char b) { return b > 1; }) -
                                  bytes);
}

}  // namespace unspool::internal
