#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <unspool/core/config.h>
#include <unspool/core/dtype.h>
#include <unspool/core/shape.h>
#include <unspool/serialization/internal/file_bytes.h>

namespace unspool::internal {

/// Where a tensor is in a file.
struct StoredTensor {
  std::string name;
  std::string dtype;    ///< As the file calls it.
  Shape shape;          ///< Of the tensor.
  std::uint64_t place;  ///< The offset of its elements in the file.
  std::uint64_t bytes;  ///< Their size.
};

/// What a native archive holds, without the elements of its tensors.
struct ArchiveLayout {
  std::uint32_t version = 0;               ///< Of the format.
  std::uint64_t checksum = 0;              ///< As it is in the file.
  Config config = {};                      ///< As in a Snapshot.
  std::vector<StoredTensor> tensors = {};  ///< In the order of the file.
};

/// Reads everything but the elements, and does not compare the checksum unless `check` is set. Throws
/// FileError as load_archive() does.
ArchiveLayout read_archive_layout(const FileBytes& bytes, const std::string& name, bool check);

}  // namespace unspool::internal
