#pragma once

#include <string>
#include <string_view>

#include <unspool/serialization/snapshot.h>

namespace unspool {

/// The native format: one file with a config and named tensors, laid out as docs/design/files.md says. The
/// same snapshot gives the same bytes on every machine.

/// ValueError on a snapshot that cannot be written (see check_tensors, to_json); FileError if the disk fails,
/// and then the old file is whole.
void save_archive(const std::string& path, const Snapshot& snapshot);

/// FileError that names the file, the place in it and what was expected. Any change of a file, and every cut,
/// is noticed by a checksum before anything in it is believed; a file made to deceive gets no memory that
/// its own size does not cover, and runs no code.
Snapshot load_archive(const std::string& path);

std::string archive_to_bytes(const Snapshot& snapshot);
/// `name` stands in errors for the file.
Snapshot archive_from_bytes(std::string_view bytes, const std::string& name = "the archive");

}  // namespace unspool
