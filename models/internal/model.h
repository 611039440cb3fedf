#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <unspool/autograd/operation.h>
#include <unspool/autograd/tape.h>
#include <unspool/core/random.h>
#include <unspool/models/internal/fit_run.h>
#include <unspool/models/internal/objective.h>
#include <unspool/models/model.h>
#include <unspool/models/model_base.h>

namespace unspool {

struct Model::State {
  explicit State(Ref<Layer> layer);

  /// What compile() sets.
  struct Compiled {
    CompileOptions options;
    internal::Objective objective;
  };
  /// Labels and weights, one of each for every output.
  struct Ordered {
    internal::TensorList y;
    internal::TensorList sample_weight;
  };

  /// Throws ValueError if the model is not compiled.
  const Compiled& compiled_or_fail() const;
  Compiled& compiled_or_fail() { return const_cast<Compiled&>(std::as_const(*this).compiled_or_fail()); }
  internal::Objective& objective() { return compiled_or_fail().objective; }
  void compile(CompileOptions options);

  /// The tensors of a list in the order of inputs or outputs. Errors begin with `what`. For labels of outputs
  /// whose names are not known, the order in which they were given.
  internal::TensorList inputs_of(const NamedList<Tensor>& x, std::string_view what) const;
  internal::TensorList labels_of(const NamedList<Tensor>& y, std::string_view what) const;

  /// The inputs of the network, with an unknown batch size. Empty until it is called or built.
  std::vector<Spec> inputs() const;
  void remember_inputs(const std::vector<Tensor>& x);
  /// Builds the network for these inputs.
  void build(const std::vector<Spec>& specs);
  Outputs call(const Inputs& inputs, const CallArgs& args);

  /// The steps of compile() or, without them, of the network.
  Logs train_step(Model& self, const Batch& batch);
  Logs test_step(Model& self, const Batch& batch);
  Outputs predict_step(const Batch& batch);
  /// Whether a step of the user's own trains, so that labels may be whatever it expects.
  bool own_train_step() const;
  bool own_test_step() const;
  /// Keras' steps, in terms of the functions below.
  Logs default_train_step(const Batch& batch);
  Logs default_test_step(const Batch& batch);
  /// The loss that compile() and the layers give.
  Tensor objective_loss(const Batch& batch, const Outputs& predicted);
  /// Counts a batch in the metrics of compile(); returns all values so far.
  Logs objective_logs(const Batch& batch, const Outputs& predicted, const Tensor& loss);
  void reset_metrics();
  ///@{
  /// What the metrics of compile() and of a ModelBase have counted, for another process. Throws ValueError if
  /// a metric keeps it elsewhere than in variables, or if the tensors are not those of these metrics.
  std::vector<Tensor> metrics_state() const;
  void set_metrics_state(const std::vector<Tensor>& tensors);
  ///@}
  /// Whether set_metrics_state() takes these tensors.
  bool fits_metrics_state(const std::vector<Tensor>& tensors) const;
  /// ModelBase::optimizers(); none for other networks.
  std::vector<Optimizer> own_optimizers() const;
  /// Prints a warning if Keras' step has no weights to change.
  void warn_if_nothing_to_train(std::string_view what) const;

  Ref<Layer> network;
  ModelBase* base = nullptr;  ///< The network, if it is a ModelBase.
  /// The names of the inputs and outputs of a graph: those of the layers that they come from.
  std::vector<std::string> input_names;
  std::vector<std::string> output_names;
  std::optional<Compiled> compiled;
  /// The key of the last fit(), from which each epoch derives its order of samples.
  std::optional<RandomKey> shuffle;
  bool stop = false;
  /// The call of fit() that runs; null if there is none.
  internal::FitRun* run = nullptr;

 private:
  void bind(std::size_t outputs);
  Ordered order(const Batch& batch, std::size_t outputs) const;
  void descend(GradientTape& tape, const Tensor& loss, const Batch& batch);

  /// The loss of each output, which objective_loss() leaves for objective_logs().
  internal::TensorList output_losses_;
  mutable std::mutex mutex_;
  std::atomic<bool> inputs_known_ = false;
  std::vector<Spec> inputs_;
};

/// Access to the state for the sources of this folder.
struct ModelAccess {
  static Model::State& state(const Model& model) { return model.state(); }
  static Model of(const std::shared_ptr<Model::State>& state);
};

}  // namespace unspool
