#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <unspool/core/config.h>
#include <unspool/core/tensor.h>

namespace unspool {

/// A tensor in a file.
struct NamedTensor {
  std::string name;  ///< Unique in its file.
  Tensor tensor;     ///< The value.
};

/// The content of a file: a config and named tensors. File formats do not know about layers; from_snapshot()
/// makes a model.
struct Snapshot {
  Config config;                     ///< What the tensors belong to.
  std::vector<NamedTensor> tensors;  ///< In the order of the file.
};

/// The tensor of this name. Throws KeyError if there is none, with the nearest name.
const Tensor& find_tensor(const std::vector<NamedTensor>& tensors, std::string_view name);

/// Checks that tensors can be written. Throws ValueError if two have the same name, or if one is empty or
/// abstract.
void check_tensors(const std::vector<NamedTensor>& tensors);

}  // namespace unspool
