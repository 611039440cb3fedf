#include "zip_changes.h"

#include <cstdint>
#include <limits>
#include <string_view>
#include <vector>

#include <unspool/core/error.h>
#include <unspool/serialization/internal/bytes.h>
#include <unspool/serialization/internal/crc32.h>
#include <unspool/serialization/internal/zip.h>

namespace unspool::fuzz {
namespace {

std::string changed_members(const std::string& bytes, std::size_t most, const ChangeMember& change) {
  const internal::ZipFile zip(bytes, "changed", 16 * most);
  std::vector<internal::ZipMember> members = zip.members();
  std::vector<std::string> kept;
  kept.reserve(members.size());
  for (internal::ZipMember& member : members) {
    kept.push_back(change(member.name, std::string(member.bytes.view())));
    member.bytes = kept.back();
  }
  return internal::zip_to_bytes(members);
}

/// With the checksums that the bytes of stored members ask for, in both headers of a member.
std::string with_checksums(std::string bytes) {
  const std::string start = "PK\x03\x04";
  for (std::size_t at = bytes.find(start); at != std::string::npos; at = bytes.find(start, at + 4)) {
    if (bytes.size() - at < 30) break;
    const std::string_view header = std::string_view(bytes).substr(at);
    std::uint64_t size = internal::read_little<std::uint32_t>(header.substr(18));
    const std::size_t extra = std::size_t{30} + internal::read_little<std::uint16_t>(header.substr(26));
    const std::size_t data = extra + internal::read_little<std::uint16_t>(header.substr(28));
    // NumPy writes sizes of 64 bits.
    if (size == std::numeric_limits<std::uint32_t>::max() && data >= extra + 20 && data <= header.size()) {
      size = internal::read_little<std::uint64_t>(header.substr(extra + 12));
    }
    if (header[8] != 0 || data > header.size() || size > header.size() - data) continue;
    const std::string old(header.substr(14, 4));
    std::string crc;
    internal::append_little(crc, internal::crc32(header.substr(data, static_cast<std::size_t>(size))));
    bytes.replace(at + 14, 4, crc);
    const std::string entry = "PK\x01\x02";
    for (std::size_t other = bytes.find(entry, at); other != std::string::npos && bytes.size() - other >= 46;
         other = bytes.find(entry, other + 4)) {
      if (bytes.compare(other + 16, 4, old) == 0) bytes.replace(other + 16, 4, crc);
    }
  }
  return bytes;
}

}  // namespace

std::string change_zip(Mutator& mutator, const std::string& bytes, std::size_t most,
                       const ChangeMember& change) {
  if (!mutator.one_in(4)) {
    try {
      std::string changed = changed_members(bytes, most, change);
      if (changed.size() <= most) return changed;
    } catch (const Error&) {  // It is no zip archive.
    }
  }
  const std::string changed = mutator.bytes(bytes, most);
  return mutator.one_in(3) ? changed : with_checksums(changed);
}

}  // namespace unspool::fuzz
