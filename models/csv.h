#pragma once

#include <vector>

#include <unspool/core/tensor.h>

namespace unspool {

/// Reads a file of comma-separated numbers as a float32 tensor of shape (rows, columns). A first line without
/// numbers is a header and is skipped. Throws FileError with the line if a value is not a number or a line
/// has another length.
Tensor read_csv(const std::string& path);

}  // namespace unspool
