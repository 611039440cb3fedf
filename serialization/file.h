#pragma once

#include <string>
#include <string_view>

namespace unspool {

/// The bytes of a regular file. FileError with the system's reason.
std::string read_file(const std::string& path);

/// Replaces a file, or makes it: written beside it, synced, renamed over it. Whatever fails, and whenever the
/// machine stops, the path holds the old file or the new one, whole. Keeps the mode of a file that was there,
/// and follows symbolic links. FileError if it fails; after that the old file is still there, but for a
/// failure to sync the folder, which comes after the rename.
void write_file_atomically(const std::string& path, std::string_view bytes);

}  // namespace unspool
