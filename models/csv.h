#pragma once

#include <vector>

#include <unspool/core/tensor.h>

namespace unspool {

/// The numbers of a file of comma-separated values, (rows, columns), float32. A first line that holds no
/// number names the columns and is left out. FileError, naming the line, for anything that is no number or a
/// line of another length.
Tensor read_csv(const std::string& path);

}  // namespace unspool
