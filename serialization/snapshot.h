#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <unspool/core/config.h>
#include <unspool/core/tensor.h>

namespace unspool {

struct NamedTensor {
  std::string name;
  Tensor tensor;
};

/// What a file holds: a description and named values. Files know no layer; models are made from a snapshot.
struct Snapshot {
  Config config;
  std::vector<NamedTensor> tensors;
};

/// The tensor of this name. KeyError that names the nearest.
const Tensor& find_tensor(const std::vector<NamedTensor>& tensors, std::string_view name);

/// ValueError if two tensors have one name, or one is empty or abstract: what cannot be written.
void check_tensors(const std::vector<NamedTensor>& tensors);

}  // namespace unspool
