#pragma once

#include <string>
#include <string_view>

#include <unspool/core/tensor.h>

namespace unspool {

/// NumPy's .npy, versions 1 to 3: float32, float64, int32, int64 and bool, in either order of bytes, C or
/// Fortran order. FileError on anything else: other dtypes by name, Python objects among them (they are
/// pickles, which are code), bytes that are missing or left over.
Tensor load_npy(const std::string& path);
/// Version 1, as numpy.save writes it. The file is replaced whole or not at all.
void save_npy(const std::string& path, const Tensor& tensor);

/// `name` stands in errors for the file.
Tensor npy_from_bytes(std::string_view bytes, const std::string& name = "the npy file");
std::string npy_to_bytes(const Tensor& tensor);

}  // namespace unspool
