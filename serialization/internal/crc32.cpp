#include <unspool/serialization/internal/crc.h>
#include <unspool/serialization/internal/crc32.h>

namespace unspool::internal {

std::uint32_t crc32(std::string_view bytes, std::uint32_t before) {
  constexpr std::uint32_t polynomial = 0xEDB88320u;
  static constexpr auto tables = crc_tables(polynomial);
  static constexpr auto factors = crc_factors(polynomial);
  return crc_of(bytes, tables, factors, before);
}

}  // namespace unspool::internal
