#pragma once

#include <string>
#include <string_view>

namespace unspool {

/// Reads a regular file. Throws FileError with the system's reason.
std::string read_file(const std::string& path);

/// Creates or replaces a file atomically: writes a temporary file beside it, syncs it and renames it.
/// Whatever fails, and whenever the machine stops, the path holds either the complete old file or the
/// complete new one. Keeps the mode of the old file and follows symbolic links. Throws FileError if it fails;
/// the old file is unchanged then, unless the failure is that of syncing the folder, which comes after the
/// rename.
void write_file_atomically(const std::string& path, std::string_view bytes);

}  // namespace unspool
