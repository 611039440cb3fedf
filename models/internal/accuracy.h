#pragma once

#include <unspool/core/tensor.h>

namespace unspool::internal {

/// What predictions are of.
enum class Problem {
  binary,              ///< One decision for each prediction.
  categorical,         ///< Classes, with one-hot labels.
  sparse_categorical,  ///< Classes, with labels 0, 1, ...
};

/// What the shapes of labels and predictions say, as Keras reads them.
Problem problem_of(const Tensor& y_true, const Tensor& y_pred);
/// What the name "accuracy" means, for each sample: the accuracy that fits labels and predictions.
Tensor fitting_accuracy(const Tensor& y_true, const Tensor& y_pred);

}  // namespace unspool::internal
