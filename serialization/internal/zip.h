#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace unspool::internal {

/// A file in a zip archive.
struct ZipMember {
  std::string name;
  std::string_view bytes;  ///< Uncompressed.
};

/// The members of a zip archive.
class ZipFile {
 public:
  /// Reads an archive of the form that Python's zipfile writes: members that are stored or deflated, in the
  /// order of the central directory and without gaps, each with the same values in both headers. Anything
  /// else is a FileError, as are repeated names and a wrong checksum, so that each changed byte is detected.
  /// `bytes` must outlive the object. Members may have `max_size` bytes together, uncompressed.
  ZipFile(std::string_view bytes, const std::string& file, std::uint64_t max_size);

  const std::vector<ZipMember>& members() const { return members_; }
  /// The member of this name. Throws FileError if there is none.
  std::string_view member(std::string_view name) const;

 private:
  std::string file_;
  std::vector<ZipMember> members_;
  std::vector<std::string> inflated_;
};

/// The bytes of a zip archive with these members, stored. Throws ValueError if it would have 4 GiB or more.
std::string zip_to_bytes(const std::vector<ZipMember>& members);

}  // namespace unspool::internal
