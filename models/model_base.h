#pragma once

#include <concepts>
#include <memory>
#include <vector>

#include <unspool/data/batch.h>
#include <unspool/layers/layer.h>
#include <unspool/models/history.h>
#include <unspool/models/metric.h>

namespace unspool {

class Model;
class Optimizer;

/// A network with steps of its own, as a subclass of Keras' Model. Derive from it, override what differs, and
/// train Model(make<MyModel>(...)). A network whose steps are Keras' needs Layer only.
///
///     class Net : public ModelBase {
///      public:
///       Tensor call(const Tensor& x, const CallArgs&) override { return out_(x); }
///       Logs train_step(const Batch& batch) override {
///         GradientTape tape;
///         const Outputs y = (*this)(batch.x, {.training = true});
///         const Tensor loss = compute_loss(batch, y);
///         const auto weights = trainable_weights();
///         model().optimizer().apply(tape.gradient(loss, weights), weights);
///         return compute_metrics(batch, y, loss);
///       }
///
///      private:
///       Ref<Layer> out_ = add_layer(Dense({.units = 1}));
///     };
class ModelBase : public Layer {
 public:
  /// Public, so that derived classes can inherit it with `using ModelBase::ModelBase;`.
  explicit ModelBase(LayerOptions options = {});

  /// Trains on a batch. The values that it returns for the last batch are the logs of the epoch. By default
  /// it computes the gradient of compute_loss(), makes a step of the optimizer, and returns
  /// compute_metrics().
  virtual Logs train_step(const Batch& batch);
  /// Evaluates a batch. By default it returns compute_metrics().
  virtual Logs test_step(const Batch& batch);
  /// The outputs for a batch, in inference. By default those of the call.
  virtual Outputs predict_step(const Batch& batch);
  /// The loss to minimize, one number. By default that of compile(), plus those that layers add.
  virtual Tensor compute_loss(const Batch& batch, const Outputs& y_pred);
  /// Counts a batch with this loss in the metrics, and returns their values so far. By default the mean loss
  /// and the metrics of compile().
  virtual Logs compute_metrics(const Batch& batch, const Outputs& y_pred, const Tensor& loss);
  /// Metrics to reset at the start of each epoch and each evaluation, beside those of compile().
  virtual std::vector<Metric> metrics();
  /// Called at the start of each epoch and each evaluation. By default it resets metrics().
  virtual void reset_metrics();
  /// Optimizers of this network's own weights, beside that of compile(), as those of a GAN are. Files in the
  /// native format and BackupAndRestore() keep their states, in this order; a network that is loaded makes
  /// the optimizers itself. By default there are none.
  virtual std::vector<Optimizer> optimizers();

  using Layer::operator();
  /// Calls the network on the inputs of a batch.
  template <std::same_as<NamedList<Tensor>> X>
  Outputs operator()(const X& x, const CallArgs& args = {}) {
    return call_on(x, args);
  }

 protected:
  /// The model of this network. Throws ValueError if there is none: make it with Model(make<MyModel>(...)).
  Model model() const;

 private:
  friend class Model;
  Outputs call_on(const NamedList<Tensor>& x, const CallArgs& args);
  std::weak_ptr<void> model_;
};

}  // namespace unspool
