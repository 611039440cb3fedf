#include <doctest/doctest.h>
#include <string>

#include <unspool/core/random.h>
#include <unspool/serialization/internal/crc32.h>
#include <unspool/serialization/internal/crc64.h>

using namespace unspool;

namespace {

/// A reflected CRC by its definition, bit by bit.
template <class Word>
Word crc_by_bits(std::string_view bytes, Word polynomial) {
  Word crc = static_cast<Word>(~Word{0});
  for (const char c : bytes) {
    crc ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? polynomial : Word{0});
  }
  return static_cast<Word>(~crc);
}

}  // namespace

TEST_CASE("checksums are those of their definition, whatever the length") {
  CHECK(internal::crc32("123456789") == 0xCBF43926u);
  CHECK(internal::crc64("123456789") == 0x995DC9BBDF1939FAu);
  std::string text(2000, '\0');
  for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>(random_bits({1, 2}, i));
  for (std::size_t size = 0; size < text.size(); size += size < 300 ? 1 : 97) {
    CAPTURE(size);
    const std::string_view bytes = std::string_view(text).substr(size % 7, size);
    const std::uint32_t crc32 = crc_by_bits(bytes, std::uint32_t{0xEDB88320u});
    const std::uint64_t crc64 = crc_by_bits(bytes, std::uint64_t{0xC96C5795D7870F42u});
    CHECK(internal::crc32(bytes) == crc32);
    CHECK(internal::crc64(bytes) == crc64);
    // In two parts.
    const std::size_t first = size * 2 / 3;
    CHECK(internal::crc32(bytes.substr(first), internal::crc32(bytes.substr(0, first))) == crc32);
    CHECK(internal::crc64(bytes.substr(first), internal::crc64(bytes.substr(0, first))) == crc64);
  }
}
