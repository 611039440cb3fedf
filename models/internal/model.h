#pragma once

#include <atomic>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <unspool/autograd/operation.h>
#include <unspool/core/random.h>
#include <unspool/models/internal/objective.h>
#include <unspool/models/model.h>

namespace unspool {

struct Model::State {
  explicit State(Ref<Layer> layer) : network(std::move(layer)) {}

  /// What compile() sets.
  struct Compiled {
    CompileOptions options;
    internal::Objective objective;
  };

  /// Throws ValueError if the model is not compiled.
  const Compiled& compiled_or_fail() const;
  Compiled& compiled_or_fail() { return const_cast<Compiled&>(std::as_const(*this).compiled_or_fail()); }
  internal::Objective& objective() { return compiled_or_fail().objective; }
  void compile(CompileOptions options);

  /// The names of the inputs or outputs: those of the layers that they come from. Empty if they have none.
  std::vector<std::string> input_names() const;
  std::vector<std::string> output_names() const;
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

  /// Trains, or evaluates, on a batch. y and weights are for each output, or empty. Returns whether there are
  /// weights to train.
  bool train_step(const internal::TensorList& x, const internal::TensorList& y,
                  const internal::TensorList& weights);
  void test_step(const internal::TensorList& x, const internal::TensorList& y,
                 const internal::TensorList& weights);

  Ref<Layer> network;
  std::optional<Compiled> compiled;
  /// The key of the last fit(), from which each epoch derives its order of samples.
  std::optional<RandomKey> shuffle;
  bool stop = false;

 private:
  internal::Objective::Losses losses_of(const Outputs& predicted, internal::TensorList& y,
                                        internal::TensorList& weights);

  mutable std::mutex mutex_;
  std::atomic<bool> inputs_known_ = false;
  std::vector<Spec> inputs_;
};

/// Access to the state for the sources of this folder.
struct ModelAccess {
  static Model::State& state(const Model& model) { return model.state(); }
};

}  // namespace unspool
