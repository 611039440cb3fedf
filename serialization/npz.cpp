#include <algorithm>
#include <string>
#include <utility>

#include <unspool/core/config.h>
#include <unspool/core/error.h>
#include <unspool/serialization/internal/file_bytes.h>
#include <unspool/serialization/internal/file_content.h>
#include <unspool/serialization/internal/npy.h>
#include <unspool/serialization/internal/zip.h>
#include <unspool/serialization/npz.h>

namespace unspool {
namespace {

constexpr std::string_view npy_ending = ".npy";

/// Throws ValueError for a name that is not UTF-8.
void check_array_name(const std::string& name) { to_json(Config(name)); }

std::vector<NamedTensor> read_npz(const internal::FileBytes& bytes, const std::string& name) {
  const internal::ZipFile zip(bytes, name, internal::max_npz_size(bytes.size()));
  std::vector<NamedTensor> tensors;
  for (const internal::ZipMember& member : zip.members()) {
    const std::string member_name = name + ", the member " + in_quotes(member.name);
    if (!member.name.ends_with(npy_ending)) {
      throw FileError(member_name + ": expected a name that ends in \".npy\"");
    }
    try {
      check_array_name(member.name);
    } catch (const ValueError&) {
      throw FileError(member_name + ": expected a name in UTF-8, got other bytes");
    }
    tensors.push_back({member.name.substr(0, member.name.size() - npy_ending.size()),
                       internal::read_npy(member.bytes, member_name)});
  }
  return tensors;
}

internal::FileContent npz_content(const std::vector<NamedTensor>& tensors) {
  check_tensors(tensors);
  std::vector<internal::NewZipMember> members;
  for (const auto& [name, tensor] : tensors) {
    check_array_name(name);
    members.push_back({name + std::string(npy_ending), internal::npy_content(tensor)});
  }
  return internal::zip_content(std::move(members));
}

}  // namespace

// Deflate compresses zeros a thousand times. Small files may be such arrays; a large one would be a bomb.
std::uint64_t internal::max_npz_size(std::uint64_t file_bytes) {
  return std::max<std::uint64_t>(64 * file_bytes, std::uint64_t{64} << 20);
}

std::vector<NamedTensor> npz_from_bytes(std::string_view bytes, const std::string& name) {
  return read_npz(bytes, name);
}

std::string npz_to_bytes(const std::vector<NamedTensor>& tensors) { return npz_content(tensors).bytes(); }

std::vector<NamedTensor> load_npz(const std::string& path) {
  return read_npz(internal::FileBytes::open(path), in_quotes(path));
}

void save_npz(const std::string& path, const std::vector<NamedTensor>& tensors) {
  internal::write_file_atomically(path, npz_content(tensors));
}

}  // namespace unspool
