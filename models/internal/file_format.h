#pragma once

#include <string>

namespace unspool::internal {

/// The format of a file, which its name says.
enum class FileFormat {
  native,         ///< Every name that ends otherwise.
  keras,          ///< "model.keras": a whole model.
  keras_weights,  ///< "model.weights.h5".
  legacy_h5,      ///< "model.h5", "model.hdf5": a model or weights, which are read only.
  safetensors,    ///< "weights.safetensors": weights by path.
  npz             ///< "weights.npz": weights by path.
};

FileFormat file_format(const std::string& path);

/// Throws ValueError for a name of a format that cannot hold what is saved or loaded.
[[noreturn]] void fail_file_name(const std::string& path);

}  // namespace unspool::internal
