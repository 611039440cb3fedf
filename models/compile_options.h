#pragma once

#include <unspool/core/callable.h>
#include <unspool/core/named_list.h>
#include <unspool/core/tensor.h>
#include <unspool/data/batch.h>
#include <unspool/models/history.h>
#include <unspool/models/loss.h>
#include <unspool/models/metric.h>
#include <unspool/optim/optimizer.h>

namespace unspool {

class Model;

extern template class NamedList<double>;
extern template class NamedList<Loss>;
extern template class NamedList<Metrics>;

/// A step of one's own on a batch. What it returns are the values in the logs: those of the last batch are
/// those of the epoch.
using StepFunction = Callable<Logs(Model& model, const Batch& batch)>;

/// The arguments of Model::compile().
struct CompileOptions {
  /// How gradients change the weights. One that is given by its name and serves another model already is made
  /// anew.
  Optimizer optimizer = "rmsprop";
  /// The objective that training minimizes: one loss for all outputs, or one for each, in order or by name.
  /// An output without a loss is not trained on. Empty: the losses that layers add.
  NamedList<Loss> loss = {};
  /// By how much the loss of each output counts, in order or by name. Default: 1.
  NamedList<double> loss_weights = {};
  /// Values to report: of the only output ({"mae", "mse"}), or of each, in order or by name
  /// ({{"price", {"mae", "mse"}}, {"kind", "accuracy"}}).
  NamedList<Metrics> metrics = {};
  NamedList<Metrics> weighted_metrics = {};  ///< Values to report that use the sample weights.
  /// Replaces the step of fit() and train_on_batch(), for instance:
  ///     [](Model& model, const Batch& batch) {
  ///       GradientTape tape;
  ///       const Outputs y = model(batch.x, {.training = true});
  ///       const Tensor loss = model.compute_loss(batch, y);
  ///       const auto weights = model.trainable_weights();
  ///       model.optimizer().apply(tape.gradient(loss, weights), weights);
  ///       return model.compute_metrics(batch, y, loss);
  ///     }
  /// Use the model that is passed: a handle that the function captures would keep the model alive forever.
  /// Files do not hold the function.
  StepFunction train_step = {};
  StepFunction test_step = {};  ///< Replaces the step of evaluate(), of validation and of test_on_batch().
};

}  // namespace unspool
