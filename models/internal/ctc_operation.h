#pragma once

#include <unspool/core/tensor.h>

namespace unspool::internal {

/// The operation of the CTC loss (Graves et al. 2006): for each sample -log of the probability of its labels,
/// summed over all alignments with the steps. `labels` (batch, labels) are int32 and end at the first
/// negative one; `logits` are (batch, time, classes), and steps that are not in `kept` (batch, time) are
/// passed over. With `zero_infinity`, labels that fit no alignment give 0 in place of infinity.
Tensor losses_of_alignments(const Tensor& labels, const Tensor& logits, const Tensor& kept, Index blank,
                            bool zero_infinity);

}  // namespace unspool::internal
