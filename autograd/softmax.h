#pragma once

#include <unspool/core/tensor.h>

/// \file
/// Softmax, and cross entropies from logits, without overflow.

namespace unspool {

/// exp(x) / sum(exp(x)) along an axis.
Tensor softmax(const Tensor& x, int axis = -1);
/// x - logsumexp(x) along an axis.
Tensor log_softmax(const Tensor& x, int axis = -1);
/// The nearest point to x whose elements along an axis are >= 0 and add up to 1: like softmax, with exact
/// zeros (Martins and Astudillo 2016).
Tensor sparsemax(const Tensor& x, int axis = -1);
/// -sum(target * log_softmax(logits)) along an axis, which the result does not have. `target` and `logits`
/// have the same shape; both get gradients.
Tensor softmax_cross_entropy(const Tensor& target, const Tensor& logits, int axis = -1);
/// softmax_cross_entropy() along the last axis for integer classes: `labels` has the shape of the logits
/// without the last axis. Throws IndexError for a label outside of [0, classes).
Tensor sparse_softmax_cross_entropy(const Tensor& labels, const Tensor& logits);
/// max(z, 0) - z * target + log(1 + exp(-|z|)), elementwise.
Tensor sigmoid_cross_entropy(const Tensor& target, const Tensor& logits);

}  // namespace unspool
