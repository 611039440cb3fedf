#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <unspool/serialization/snapshot.h>

namespace unspool {

/// Reads the arrays of an .npz file, which numpy.savez or numpy.savez_compressed wrote, in the order of the
/// file. Throws FileError for anything else than arrays of load_npy(), and for a checksum that does not
/// match.
std::vector<NamedTensor> load_npz(const std::string& path);
/// Writes a file as numpy.savez does: numpy.load gives an array for each name. Replaces the file atomically,
/// as write_file_atomically() does. Throws ValueError for tensors that cannot be written (see
/// check_tensors()) and for files of 4 GiB and more.
void save_npz(const std::string& path, const std::vector<NamedTensor>& tensors);

/// Reads the bytes of a file. `name` stands for the file in errors.
std::vector<NamedTensor> npz_from_bytes(std::string_view bytes, const std::string& name = "the npz file");
/// The bytes that save_npz() writes.
std::string npz_to_bytes(const std::vector<NamedTensor>& tensors);

}  // namespace unspool
