#pragma once

#include <span>
#include <vector>

#include <unspool/core/tensor.h>

namespace unspool::internal {

/// The rows (parts along the first axis) [first, last) of a tensor, or the listed rows, in that order. An
/// empty tensor gives an empty one.
Tensor take_rows(const Tensor& tensor, Index first, Index last);
Tensor take_rows(const Tensor& tensor, std::span<const Index> rows);
std::vector<Tensor> take_rows(const std::vector<Tensor>& tensors, Index first, Index last);
std::vector<Tensor> take_rows(const std::vector<Tensor>& tensors, std::span<const Index> rows);

/// Concatenates tensors along the first axis.
Tensor join_rows(const std::vector<Tensor>& parts);

/// The number of rows of all tensors that are not empty; -1 if all are empty. Throws ValueError with all
/// names if the numbers differ. `names` has a name for each tensor.
Index common_rows(const std::vector<Tensor>& tensors, const std::vector<std::string>& names);

}  // namespace unspool::internal
