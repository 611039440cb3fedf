#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include <unspool/serialization/internal/file_bytes.h>
#include <unspool/serialization/internal/file_content.h>

namespace unspool::internal {

/// What the directory of a zip archive says about a file.
struct ZipEntry {
  std::string name;
  bool deflated;        ///< Whether it is compressed.
  std::uint32_t crc;    ///< The checksum of the file.
  std::uint64_t size;   ///< Of the file, uncompressed.
  std::uint64_t place;  ///< Of `data` in the archive.
  FileBytes data;       ///< As they are in the archive.
};

/// Reads the directory of a zip archive and the headers of its members, and none of their data. Throws as
/// ZipFile does, but for checksums.
std::vector<ZipEntry> read_zip_directory(const FileBytes& bytes, const std::string& file,
                                         std::uint64_t max_size);

/// A file in a zip archive that is read.
struct ZipMember {
  std::string name;
  FileBytes bytes;  ///< Uncompressed.
};

/// The members of a zip archive.
class ZipFile {
 public:
  /// Reads an archive of the form that Python's zipfile writes for Keras and for NumPy: members that are
  /// stored or deflated, in the order of the central directory and without gaps, each of less than 4 GiB and
  /// with the same values in both headers. Anything else is a FileError, as are repeated names and a wrong
  /// checksum, so that each changed byte is detected, unless it is another way to compress the same bytes.
  /// Bytes in memory must outlive the object. Members may have `max_size` bytes together, uncompressed.
  ZipFile(const FileBytes& bytes, const std::string& file, std::uint64_t max_size);

  const std::vector<ZipMember>& members() const { return members_; }
  /// The member of this name. Throws FileError if there is none.
  FileBytes member(std::string_view name) const;

 private:
  std::string file_;
  std::vector<ZipMember> members_;
  std::deque<std::string> inflated_;
};

/// A file in a zip archive that is written.
struct NewZipMember {
  std::string name;
  FileContent content;
};
/// A zip archive with these members, stored. Throws ValueError if it would have 4 GiB or more.
FileContent zip_content(std::vector<NewZipMember> members);
/// The bytes of a zip archive with copies of these members.
std::string zip_to_bytes(const std::vector<ZipMember>& members);

}  // namespace unspool::internal
