#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <unspool/serialization/snapshot.h>

namespace unspool {

/// What a .safetensors file holds.
struct Safetensors {
  std::vector<NamedTensor> tensors;
  /// A map of strings.
  Config metadata = Config::map();
};

/// Reads float32, float64, int32, int64 and bool. FileError on anything that the format forbids (holes,
/// overlaps, bytes that are left over, a header of more than 100 MB) and, by name, on dtypes other than
/// these. The tensors come in the order in which they lie in the file.
Safetensors load_safetensors(const std::string& path);
/// Tensors in the format's own order: larger elements first, then by name. The file is replaced whole or not
/// at all. ValueError on what cannot be written: see check_tensors; names in UTF-8, none "__metadata__".
void save_safetensors(const std::string& path, const Safetensors& content);

/// `name` stands in errors for the file.
Safetensors safetensors_from_bytes(std::string_view bytes, const std::string& name = "the safetensors file");
std::string safetensors_to_bytes(const Safetensors& content);

}  // namespace unspool
