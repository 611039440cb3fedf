#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include <unspool/serialization/internal/bytes.h>
#include <unspool/serialization/internal/crc_folding.h>

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

/// The remainder of bytes that follow others, whose remainder is `crc`.
template <std::unsigned_integral Word>
Word crc_remainder(std::string_view bytes, const CrcTables<Word>& tables, Word crc) {
  while (bytes.size() >= 8) {
    const std::uint64_t word = crc ^ read_little<std::uint64_t>(bytes);
    crc = 0;
    for (std::size_t i = 0; i < 8; ++i) crc ^= tables[7 - i][(word >> (8 * i)) & 0xFF];
    bytes.remove_prefix(8);
  }
  for (const char c : bytes) crc = (crc >> 8) ^ tables[0][(crc ^ static_cast<unsigned char>(c)) & 0xFF];
  return crc;
}

/// The CRC of bytes that follow others, whose CRC is `before`.
template <std::unsigned_integral Word>
Word crc_of(std::string_view bytes, const CrcTables<Word>& tables, const CrcFactors& factors, Word before) {
  Word crc = static_cast<Word>(~before);
  if (bytes.size() >= 128 && can_fold_crc()) {
    const std::size_t folded = bytes.size() / 16 * 16;
    const std::array<char, 16> rest = fold_crc(bytes.substr(0, folded), crc, factors);
    crc = crc_remainder({rest.data(), rest.size()}, tables, Word{0});
    bytes.remove_prefix(folded);
  }
  return static_cast<Word>(~crc_remainder(bytes, tables, crc));
}

}  // namespace unspool::internal
