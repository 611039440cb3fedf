#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include <unspool/serialization/internal/bytes.h>

namespace unspool::internal {

/// The tables of a reflected CRC of 32 or 64 bits: entry [k][b] is the effect of a byte b on the remainder k
/// bytes later, so that eight bytes are processed at once.
template <std::unsigned_integral Word>
using CrcTables = std::array<std::array<Word, 256>, 8>;

template <std::unsigned_integral Word>
constexpr CrcTables<Word> crc_tables(Word polynomial) {
  CrcTables<Word> tables{};
  for (std::size_t byte = 0; byte < 256; ++byte) {
    Word crc = static_cast<Word>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? polynomial : Word{0});
    tables[0][byte] = crc;
  }
  for (std::size_t k = 1; k < 8; ++k) {
    for (std::size_t byte = 0; byte < 256; ++byte) {
      const Word before = tables[k - 1][byte];
      tables[k][byte] = (before >> 8) ^ tables[0][before & 0xFF];
    }
  }
  return tables;
}

template <std::unsigned_integral Word>
Word crc_of(std::string_view bytes, const CrcTables<Word>& tables) {
  Word crc = static_cast<Word>(~Word{0});
  while (bytes.size() >= 8) {
    const std::uint64_t word = crc ^ read_little<std::uint64_t>(bytes);
    crc = 0;
    for (std::size_t i = 0; i < 8; ++i) crc ^= tables[7 - i][(word >> (8 * i)) & 0xFF];
    bytes.remove_prefix(8);
  }
  for (const char c : bytes) crc = (crc >> 8) ^ tables[0][(crc ^ static_cast<unsigned char>(c)) & 0xFF];
  return static_cast<Word>(~crc);
}

}  // namespace unspool::internal
