#pragma once

#include <string>
#include <string_view>

#include <unspool/core/tensor.h>

namespace unspool {

/// Reads NumPy's .npy format, versions 1 to 3: float32, float64, int32, int64 and bool, in either byte order,
/// in C or Fortran order. Throws FileError for anything else: for other dtypes, with their names (Python
/// objects are pickles, which are code), and for missing or extra bytes.
Tensor load_npy(const std::string& path);
/// Writes version 1 of the format, as numpy.save does. Replaces the file atomically, as
/// write_file_atomically() does.
void save_npy(const std::string& path, const Tensor& tensor);

/// Reads the bytes of a file. `name` stands for the file in errors.
Tensor npy_from_bytes(std::string_view bytes, const std::string& name = "the npy file");
/// The bytes that save_npy() writes.
std::string npy_to_bytes(const Tensor& tensor);

}  // namespace unspool
