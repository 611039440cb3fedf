#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <unspool/core/config.h>
#include <unspool/serialization/internal/archive.h>
#include <unspool/serialization/internal/file_bytes.h>

namespace unspool::internal {

/// What the header of a .safetensors file says.
struct SafetensorsLayout {
  Config metadata = Config::map();
  std::vector<StoredTensor> tensors = {};  ///< In the order of their data. The dtype is "F32" and the like.
};

/// Reads the header only. Throws FileError as load_safetensors() does.
SafetensorsLayout read_safetensors_layout(const FileBytes& bytes, const std::string& name);

}  // namespace unspool::internal
