#include <filesystem>

#include <unspool/core/config.h>
#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/models/internal/file_format.h>

namespace unspool::internal {

FileFormat file_format(const std::string& path) {
  if (path.ends_with(".keras")) return FileFormat::keras;
  if (path.ends_with(".weights.h5")) return FileFormat::keras_weights;
  if (path.ends_with(".h5") || path.ends_with(".hdf5")) return FileFormat::legacy_h5;
  if (path.ends_with(".safetensors")) return FileFormat::safetensors;
  if (path.ends_with(".npz")) return FileFormat::npz;
  return FileFormat::native;
}

void fail_file_name(const std::string& path) {
  throw ValueError(fmt::format(
      "{}: expected a name such as \"model.unspool\" or, for other programs, \"model.keras\" for a whole "
      "model and \"model.safetensors\", \"model.npz\" or \"model.weights.h5\" for weights, got {}",
      path, in_quotes(std::filesystem::path(path).filename().native())));
}

}  // namespace unspool::internal
