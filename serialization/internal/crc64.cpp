#include <unspool/serialization/internal/crc.h>
#include <unspool/serialization/internal/crc64.h>

namespace unspool::internal {

std::uint64_t crc64(std::string_view bytes, std::uint64_t before) {
  constexpr std::uint64_t polynomial = 0xC96C5795D7870F42u;
  static constexpr auto tables = crc_tables(polynomial);
  static constexpr auto factors = crc_factors(polynomial);
  return crc_of(bytes, tables, factors, before);
}

}  // namespace unspool::internal
