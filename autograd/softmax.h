#pragma once

#include <unspool/core/tensor.h>

/// Softmax and the cross entropies from logits, without overflow.
namespace unspool {

Tensor softmax(const Tensor& x, int axis = -1);
/// x - logsumexp(x).
Tensor log_softmax(const Tensor& x, int axis = -1);
/// The point nearest to x along an axis whose elements are not negative and sum to 1 (Martins and Astudillo
/// 2016): like softmax, but with exact zeros.
Tensor sparsemax(const Tensor& x, int axis = -1);
/// -sum(target * log_softmax(logits)) along an axis, which is gone in the result. `target` has the logits'
/// shape and a gradient too.
Tensor softmax_cross_entropy(const Tensor& target, const Tensor& logits, int axis = -1);
/// The same for integer classes: labels have the logits' shape without the last axis. IndexError for a label
/// outside [0, classes).
Tensor sparse_softmax_cross_entropy(const Tensor& labels, const Tensor& logits);
/// max(z, 0) - z * target + log(1 + exp(-|z|)), elementwise.
Tensor sigmoid_cross_entropy(const Tensor& target, const Tensor& logits);

}  // namespace unspool
