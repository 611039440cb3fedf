#pragma once

#include <utility>
#include <vector>

#include <unspool/core/tensor.h>

namespace unspool {

///@{
/// Tensors, such as gradients, made shorter where they are too long, as tf.clip_by_norm and
/// tf.clip_by_global_norm. The first gives `x * norm / |x|` where the L2 norm |x| exceeds `norm`, else x. The
/// second takes all tensors as one vector, and returns them with its norm before; empty tensors stay empty.
/// Throws ValueError unless the norm is positive.
Tensor clip_by_norm(const Tensor& x, double norm);
std::pair<std::vector<Tensor>, Tensor> clip_by_global_norm(const std::vector<Tensor>& tensors, double norm);
///@}

}  // namespace unspool
