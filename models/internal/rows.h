#pragma once

#include <span>
#include <vector>

#include <unspool/core/tensor.h>

namespace unspool::internal {

/// The rows (parts along the first axis) [first, last) of a tensor, or those of a list, in its order.
Tensor take_rows(const Tensor& tensor, Index first, Index last);
Tensor take_rows(const Tensor& tensor, std::span<const Index> rows);
/// An empty tensor gives an empty one.
std::vector<Tensor> take_rows(const std::vector<Tensor>& tensors, Index first, Index last);
std::vector<Tensor> take_rows(const std::vector<Tensor>& tensors, std::span<const Index> rows);

/// Tensors one below the other.
Tensor join_rows(const std::vector<Tensor>& parts);

/// The number of rows of all tensors that are not empty. ValueError if they differ, naming all; `names` has
/// one for each tensor.
Index common_rows(const std::vector<Tensor>& tensors, const std::vector<std::string>& names);

}  // namespace unspool::internal
