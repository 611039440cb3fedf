#include <unspool/serialization/internal/crc.h>
#include <unspool/serialization/internal/crc32.h>

namespace unspool::internal {

std::uint32_t crc32(std::string_view bytes) {
  static constexpr auto tables = crc_tables<std::uint32_t>(0xEDB88320u);
  return crc_of(bytes, tables);
}

}  // namespace unspool::internal
