#pragma once

#include <unspool/core/named_list.h>
#include <unspool/core/tensor.h>

namespace unspool {

extern template class NamedList<Tensor>;

/// Inputs, labels and sample weights: an element of a Dataset. Before Dataset::batch() it is one sample,
/// whose tensors have no batch axis. Each member is one tensor or several, in the order of the model's inputs
/// and outputs or by their names: batch.x[0], batch.x["image"].
struct Batch {
  NamedList<Tensor> x = {};  ///< The inputs.
  NamedList<Tensor> y = {};  ///< The labels; empty if there are none.
  /// A weight for each sample, or for each of its time steps. Empty: all 1. One tensor counts for all
  /// outputs.
  NamedList<Tensor> sample_weight = {};

  /// Whether there are inputs.
  explicit operator bool() const { return !x.empty(); }
};

}  // namespace unspool
