#include <unspool/serialization/internal/crc.h>
#include <unspool/serialization/internal/crc64.h>

namespace unspool::internal {

std::uint64_t crc64(std::string_view bytes) {
  static constexpr auto tables = crc_tables<std::uint64_t>(0xC96C5795D7870F42u);
  return crc_of(bytes, tables);
}

}  // namespace unspool::internal
