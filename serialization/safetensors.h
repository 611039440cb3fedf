#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <unspool/serialization/snapshot.h>

namespace unspool {

/// The content of a .safetensors file.
struct Safetensors {
  std::vector<NamedTensor> tensors;  ///< With names in UTF-8.
  Config metadata = Config::map();   ///< A map of strings, stored as "__metadata__".
};

/// Reads a .safetensors file of float32, float64, int32, int64 and bool; float16 and bfloat16 are read as
/// float32, which has all of their values. The tensors have the order of their data in the file. Throws
/// FileError for anything that the format forbids (gaps, overlaps, extra bytes, a header of more than 100
/// MB), and for other dtypes, with their names.
Safetensors load_safetensors(const std::string& path);
/// Writes a .safetensors file, with the tensors in the order of the reference implementation: larger element
/// types first, then by name. Replaces the file atomically, as write_file_atomically() does. Throws
/// ValueError for tensors that cannot be written (see check_tensors()) and for a name that is not UTF-8 or is
/// "__metadata__".
void save_safetensors(const std::string& path, const Safetensors& content);

/// Reads the bytes of a file. `name` stands for the file in errors.
Safetensors safetensors_from_bytes(std::string_view bytes, const std::string& name = "the safetensors file");
/// The bytes that save_safetensors() writes.
std::string safetensors_to_bytes(const Safetensors& content);

}  // namespace unspool
