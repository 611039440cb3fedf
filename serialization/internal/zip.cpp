#include <algorithm>
#include <limits>
#include <set>

#include <unspool/core/config.h>
#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/serialization/internal/byte_reader.h>
#include <unspool/serialization/internal/crc32.h>
#include <unspool/serialization/internal/inflate.h>
#include <unspool/serialization/internal/zip.h>

namespace unspool::internal {
namespace {

constexpr std::string_view local_magic = "PK\x03\x04";
constexpr std::string_view central_magic = "PK\x01\x02";
constexpr std::string_view end_magic("PK\x05\x06");
constexpr std::uint64_t end_size = 22;
constexpr std::uint32_t max_zip_size = std::numeric_limits<std::uint32_t>::max() - 1;
constexpr std::uint16_t max_members = 65534;  // One more stands for the directory of a zip64 file.
constexpr std::uint16_t zip_stored = 0;
constexpr std::uint16_t zip_deflated = 8;
constexpr std::uint16_t zip_version = 20;
// Of a member whose local header has sizes of 64 bits, as NumPy writes all of them.
constexpr std::uint16_t zip64_version = 45;
constexpr std::uint32_t in_zip64_field = std::numeric_limits<std::uint32_t>::max();
constexpr std::uint16_t zip64_field = 1;
constexpr std::uint16_t zip64_field_size = 16;
constexpr std::uint16_t utf8_name = 1U << 11;
constexpr std::uint16_t made_by_unix = 3U << 8 | zip_version;
constexpr std::uint32_t owner_may_read_and_write = 0600U << 16;
// The first date that zip knows, 1980-01-01, so that equal models give equal files.
constexpr std::uint32_t zip_epoch = 0x00210000;

/// The fields that a member has in both of its headers.
struct MemberHeader {
  std::uint16_t version;
  std::uint16_t flags;
  std::uint16_t method;
  std::uint32_t time;
  std::uint32_t crc;
  std::uint32_t compressed;
  std::uint32_t size;
  std::uint16_t name_size;
  std::uint16_t extra_size;

  friend bool operator==(const MemberHeader&, const MemberHeader&) = default;
};

MemberHeader read_member_header(ByteReader& reader) {
  MemberHeader header{};
  header.version = reader.number<std::uint16_t>("the version of a member");
  header.flags = reader.number<std::uint16_t>("the flags of a member");
  header.method = reader.number<std::uint16_t>("the compression of a member");
  header.time = reader.number<std::uint32_t>("the time of a member");
  header.crc = reader.number<std::uint32_t>("the checksum of a member");
  header.compressed = reader.number<std::uint32_t>("the compressed size of a member");
  header.size = reader.number<std::uint32_t>("the size of a member");
  header.name_size = reader.number<std::uint16_t>("the size of a name");
  header.extra_size = reader.number<std::uint16_t>("the size of an extra field");
  return header;
}

std::uint16_t flags_of(std::string_view name) {
  const bool ascii = std::all_of(name.begin(), name.end(), [](char c) { return (c & 0x80) == 0; });
  return ascii ? 0 : utf8_name;
}

/// Reads the rest of a local header, the name and an extra field with sizes of 64 bits. Newer versions of
/// Python write the sizes there only, older ones in both places. They replace those before them, so that the
/// header compares equal to that in the directory.
std::string_view read_name_and_sizes(ByteReader& reader, MemberHeader& header) {
  const std::string_view name = reader.take(header.name_size, "the name of a member");
  if (header.extra_size != 4 + zip64_field_size) return name;
  const std::uint64_t place = reader.position();
  reader.expect<std::uint16_t>(zip64_field, "the kind of an extra field");
  reader.expect<std::uint16_t>(zip64_field_size, "the size of an extra field");
  const auto size = reader.number<std::uint64_t>("the size of a member");
  const auto compressed = reader.number<std::uint64_t>("the compressed size of a member");
  const bool here_only =
      header.version == zip64_version && header.size == in_zip64_field && header.compressed == in_zip64_field;
  const bool in_both =
      header.version == zip_version && header.size == size && header.compressed == compressed;
  if ((!here_only && !in_both) || size >= in_zip64_field || compressed >= in_zip64_field) {
    reader.fail_at(place, "expected the sizes of a member of less than 4 GiB in an extra field, got others");
  }
  header.size = static_cast<std::uint32_t>(size);
  header.compressed = static_cast<std::uint32_t>(compressed);
  header.extra_size = 0;
  return name;
}

void append_member_header(std::string& out, const NewZipMember& member, std::uint32_t crc) {
  append_little(out, zip_version);
  append_little(out, flags_of(member.name));
  append_little(out, zip_stored);
  append_little(out, zip_epoch);
  append_little(out, crc);
  append_little(out, static_cast<std::uint32_t>(member.content.size()));
  append_little(out, static_cast<std::uint32_t>(member.content.size()));
  append_little(out, static_cast<std::uint16_t>(member.name.size()));
  append_little(out, std::uint16_t{0});
}

template <class Bytes>
std::uint32_t crc32_of(const Bytes& bytes) {
  std::uint32_t crc = 0;
  bytes.each([&](std::string_view part) { crc = crc32(part, crc); });
  return crc;
}

constexpr const char* save_anew = ": load it with the program that wrote it, and save it with Keras or NumPy";

void check_member_header(const ByteReader& reader, const MemberHeader& header, const std::string& name,
                         std::uint16_t flags) {
  const auto fail = [&](const std::string& what) {
    reader.fail(fmt::format("the member {}: {}", name, what));
  };
  if (header.flags != flags) {
    fail(
        fmt::format("expected a zip member with the flags {:#x} (no encryption and no data descriptor; UTF-8 "
                    "if its name is not ASCII), got {:#x}{}",
                    flags, header.flags, save_anew));
  }
  if (header.method != zip_stored && header.method != zip_deflated) {
    fail(fmt::format("expected the compression 0 (stored) or 8 (deflated), got {}{}", header.method,
                     save_anew));
  }
  if (header.version != zip_version && header.version != zip64_version) {
    fail(fmt::format("expected the zip version 20 or 45, got {}{}", header.version, save_anew));
  }
  if (header.extra_size != 0) {
    fail(fmt::format("expected no extra field (zip64, times), got {} bytes{}", header.extra_size, save_anew));
  }
  if (header.method == zip_stored && header.compressed != header.size) {
    fail(fmt::format("expected {} bytes, as its size says, got {}", header.size, header.compressed));
  }
}

}  // namespace

std::vector<ZipEntry> read_zip_directory(const FileBytes& bytes, const std::string& file,
                                         std::uint64_t max_size) {
  const ByteReader whole(bytes, file);
  const std::string_view magic = bytes.view(0, std::min<std::uint64_t>(bytes.size(), local_magic.size()));
  const bool no_members = magic == end_magic && bytes.size() == end_size;
  if (magic != local_magic && !no_members) whole.fail("expected a zip file, got other bytes");
  if (bytes.size() < end_size) whole.fail_at(bytes.size(), "expected the end of a zip file: it is truncated");

  ByteReader end = whole.from(bytes.size() - end_size, "the end of the zip file");
  if (bytes.view(bytes.size() - end_size, 4) != end_magic) {
    end.fail(
        "expected the end of the zip directory in the last 22 bytes: the file is truncated or corrupted");
  }
  end.expect_bytes(end_magic, "the end of the zip directory");
  end.expect<std::uint16_t>(0, "the number of the disk");
  end.expect<std::uint16_t>(0, "the disk of the directory");
  const auto count = end.number<std::uint16_t>("the number of members");
  end.expect<std::uint16_t>(count, "the number of members on this disk");
  if (count > max_members) end.fail(fmt::format("expected at most {} members, got {}", max_members, count));
  const auto directory_size = end.number<std::uint32_t>("the size of the directory");
  const auto directory_start = end.number<std::uint32_t>("the position of the directory");
  end.expect<std::uint16_t>(0, "the size of the comment");
  if (std::uint64_t{directory_start} + directory_size != bytes.size() - end_size) {
    end.fail(fmt::format("expected the directory to end at byte {}, got {}", bytes.size() - end_size,
                         std::uint64_t{directory_start} + directory_size));
  }

  ByteReader directory = whole.at(directory_start, directory_size, "the zip directory");
  std::uint64_t next_member = 0;
  std::uint64_t total = 0;
  std::uint16_t made_by = 0;
  std::uint32_t attributes = 0;
  std::vector<ZipEntry> entries;
  std::set<std::string> names;
  for (std::uint16_t i = 0; i < count; ++i) {
    const std::uint64_t place = directory.position();
    directory.expect_bytes(central_magic, "an entry of the zip directory");
    const auto this_made_by = directory.number<std::uint16_t>("the version of the writer");
    const MemberHeader header = read_member_header(directory);
    directory.expect<std::uint16_t>(0, "the size of the comment of a member");
    directory.expect<std::uint16_t>(0, "the disk of a member");
    directory.expect<std::uint16_t>(0, "the internal attributes of a member");
    const auto this_attributes = directory.number<std::uint32_t>("the external attributes of a member");
    directory.expect<std::uint32_t>(static_cast<std::uint32_t>(next_member), "the position of a member");
    const std::string name(directory.take(header.name_size, "the name of a member"));
    const std::string quoted = in_quotes(name);
    // One program writes all members, and nothing else would detect a change of these two fields.
    if (i == 0) {
      made_by = this_made_by;
      attributes = this_attributes;
    } else if (this_made_by != made_by || this_attributes != attributes) {
      directory.fail_at(place,
                        fmt::format("the member {}: expected the writer and the attributes of the first "
                                    "member, got others{}",
                                    quoted, save_anew));
    }
    check_member_header(directory, header, quoted, flags_of(name));
    if (!names.insert(name).second)
      directory.fail_at(place, fmt::format("expected one member {}, got two", quoted));
    total += header.size;
    if (total > max_size) {
      directory.fail_at(place, fmt::format("expected members of at most {} bytes, got more", max_size));
    }

    ByteReader local = whole.from(next_member, "a member");
    local.expect_bytes(local_magic, "the header of a member");
    const std::uint64_t local_place = local.position();
    MemberHeader local_header = read_member_header(local);
    const std::string_view local_name = read_name_and_sizes(local, local_header);
    if (!(local_header == header)) {
      local.fail_at(
          local_place,
          fmt::format("the member {}: expected the same values in its header and in the directory", quoted));
    }
    if (local_name != name) {
      local.fail_at(local_place, fmt::format("expected the name {} of the directory", quoted));
    }
    const std::uint64_t data_place = local.position();
    const FileBytes data = local.take_part(header.compressed, "a member");
    if (local.position() > directory_start) {
      local.fail(fmt::format("the member {} reaches into the zip directory", quoted));
    }
    entries.push_back({name, header.method == zip_deflated, header.crc, header.size, data_place, data});
    next_member = local.position();
  }
  if (directory.left() != 0) directory.fail("expected the end of the zip directory, got more bytes");
  if (next_member != directory_start) {
    whole.fail_at(next_member, "expected the zip directory after the last member, got other bytes");
  }
  return entries;
}

ZipFile::ZipFile(const FileBytes& bytes, const std::string& file, std::uint64_t max_size) : file_(file) {
  const ByteReader whole(bytes, file_);
  for (const ZipEntry& entry : read_zip_directory(bytes, file_, max_size)) {
    const std::string quoted = in_quotes(entry.name);
    FileBytes data = entry.data;
    if (entry.deflated) {
      try {
        inflated_.push_back(inflate(data.view(), entry.size));
      } catch (const ValueError& error) {
        whole.fail_at(entry.place, fmt::format("the member {}: {}", quoted, error.what()));
      }
      data = inflated_.back();
    }
    if (crc32_of(data) != entry.crc) {
      whole.fail_at(entry.place,
                    fmt::format("the member {}: the checksum does not match: it is corrupted", quoted));
    }
    members_.push_back({entry.name, data});
  }
}

FileBytes ZipFile::member(std::string_view name) const {
  for (const ZipMember& member : members_) {
    if (member.name == name) return member.bytes;
  }
  std::vector<std::string> names;
  for (const ZipMember& member : members_) names.push_back(member.name);
  throw FileError(fmt::format("{}: no member of the zip file is called {}{}", file_, in_quotes(name),
                              did_you_mean(name, names)));
}

FileContent zip_content(std::vector<NewZipMember> members) {
  std::uint64_t total = end_size;
  for (const NewZipMember& member : members) {
    total += member.content.size() + 2 * (member.name.size() + 46);
    if (member.name.size() > std::numeric_limits<std::uint16_t>::max()) {
      throw ValueError(
          fmt::format("expected names of at most 65535 bytes in a zip file, got {}", member.name.size()));
    }
  }
  if (members.size() > max_members) {
    throw ValueError(
        fmt::format("expected at most {} members of a zip file, got {}", max_members, members.size()));
  }
  if (total > max_zip_size) {
    throw ValueError(
        fmt::format("expected a zip file of less than 4 GiB, got {} bytes: save the model in the "
                    "native format, as \"model.unspool\"",
                    total));
  }
  FileContent out;
  std::string directory;
  for (NewZipMember& member : members) {
    std::string header;
    append_member_header(header, member, crc32_of(member.content));
    header += member.name;
    directory += central_magic;
    append_little(directory, made_by_unix);
    directory += std::string_view(header).substr(0, header.size() - member.name.size());
    for (int field = 0; field < 3; ++field) append_little(directory, std::uint16_t{0});
    append_little(directory, owner_may_read_and_write);
    append_little(directory, static_cast<std::uint32_t>(out.size()));
    directory += member.name;
    out.append(local_magic);
    out.append(header);
    out.append(std::move(member.content));
  }
  std::string end;
  end += end_magic;
  append_little(end, std::uint32_t{0});
  append_little(end, static_cast<std::uint16_t>(members.size()));
  append_little(end, static_cast<std::uint16_t>(members.size()));
  append_little(end, static_cast<std::uint32_t>(directory.size()));
  append_little(end, static_cast<std::uint32_t>(out.size()));
  append_little(end, std::uint16_t{0});
  out.append(directory);
  out.append(end);
  return out;
}

std::string zip_to_bytes(const std::vector<ZipMember>& members) {
  std::vector<NewZipMember> copies;
  for (const ZipMember& member : members) {
    copies.push_back({member.name, FileContent(std::string(member.bytes.view()))});
  }
  return zip_content(std::move(copies)).bytes();
}

}  // namespace unspool::internal
