#pragma once

#include <string>
#include <string_view>

#include <unspool/serialization/snapshot.h>

namespace unspool {

/// Writes a snapshot to a file in the native format: one file with a config and named tensors, described in
/// docs/design/files.md. Equal snapshots give equal bytes on every machine. Replaces the file atomically, as
/// write_file_atomically() does. Throws ValueError for a snapshot that cannot be written (see check_tensors()
/// and to_json()), FileError if writing fails.
void save_archive(const std::string& path, const Snapshot& snapshot);

/// Reads a file that save_archive() wrote. Throws FileError with the name of the file, the position in it and
/// what was expected. A checksum detects every truncated or corrupted file before anything in it is used. A
/// malicious file gets no more memory than its own size justifies, and no code in it is run.
Snapshot load_archive(const std::string& path);

/// The bytes that save_archive() writes.
std::string archive_to_bytes(const Snapshot& snapshot);
/// Reads what archive_to_bytes() returned. `name` stands for the file in errors.
Snapshot archive_from_bytes(std::string_view bytes, const std::string& name = "the archive");

}  // namespace unspool
