#pragma once

#include <unspool/core/named_list.h>
#include <unspool/core/tensor.h>
#include <unspool/data/batch.h>
#include <unspool/models/loss.h>
#include <unspool/models/metric.h>
#include <unspool/optim/optimizer.h>

namespace unspool {

extern template class NamedList<double>;
extern template class NamedList<Loss>;
extern template class NamedList<Metrics>;

/// The arguments of Model::compile().
struct CompileOptions {
  Optimizer optimizer = "rmsprop";  ///< How gradients change the weights.
  /// The objective that training minimizes: one loss for all outputs, or one for each, in order or by name.
  /// An output without a loss is not trained on. Empty: the losses that layers add.
  NamedList<Loss> loss = {};
  /// By how much the loss of each output counts, in order or by name. Default: 1.
  NamedList<double> loss_weights = {};
  /// Values to report: of the only output ({"mae", "mse"}), or of each, in order or by name
  /// ({{"price", {"mae", "mse"}}, {"kind", "accuracy"}}).
  NamedList<Metrics> metrics = {};
  NamedList<Metrics> weighted_metrics = {};  ///< Values to report that use the sample weights.
};

}  // namespace unspool
