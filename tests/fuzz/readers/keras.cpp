#include <unspool/core/error.h>
#include <unspool/serialization/internal/bytes.h>
#include <unspool/serialization/internal/crc32.h>
#include <unspool/serialization/internal/zip.h>

#include "format.h"
#include "models.h"

namespace unspool::fuzz {
namespace {

std::string changed_members(Mutator& mutator, const std::string& bytes, std::size_t most) {
  const internal::ZipFile zip(bytes, "changed", 16 * most);
  std::vector<internal::ZipMember> members = zip.members();
  std::vector<std::string> kept;
  kept.reserve(members.size());
  for (internal::ZipMember& member : members) {
    const bool is_config = member.name == "config.json";
    if (!mutator.one_in(is_config ? 1 : 4)) continue;
    const std::string text(member.bytes);
    kept.push_back(is_config                        ? mutator.json(text, most)
                   : member.name.ends_with(".json") ? mutator.bytes(text, most)
                                                    : change_hdf5(mutator, text, most));
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
    const auto size = internal::read_little<std::uint32_t>(header.substr(18));
    const auto name = internal::read_little<std::uint16_t>(header.substr(26));
    if (header[8] != 0 || std::size_t{30} + name + size > header.size()) continue;
    std::string old(header.substr(14, 4));
    std::string crc;
    internal::append_little(crc, internal::crc32(header.substr(std::size_t{30} + name, size)));
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

bool read_keras(std::string_view bytes) { return read_model(".keras", bytes); }

std::string change_keras(Mutator& mutator, const std::string& bytes, std::size_t most) {
  if (!mutator.one_in(4)) {
    try {
      std::string changed = changed_members(mutator, bytes, most);
      if (changed.size() <= most) return changed;
    } catch (const Error&) {  // It is no zip archive.
    }
  }
  const std::string changed = mutator.bytes(bytes, most);
  return mutator.one_in(3) ? changed : with_checksums(changed);
}

}  // namespace unspool::fuzz
