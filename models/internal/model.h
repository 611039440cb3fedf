#pragma once

#include <atomic>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <unspool/autograd/operation.h>
#include <unspool/core/random.h>
#include <unspool/models/model.h>

namespace unspool {

struct Model::State {
  explicit State(Ref<Layer> layer) : network(std::move(layer)) {}

  /// A metric and its name in the logs.
  struct Named {
    Metric metric;
    std::string name;
    bool weighted;
  };
  /// What compile() sets.
  struct Compiled {
    CompileOptions options;
    std::vector<Named> metrics;
    Mean loss;
  };

  /// Throws ValueError if the model is not compiled.
  const Compiled& compiled_or_fail() const;
  Compiled& compiled_or_fail() { return const_cast<Compiled&>(std::as_const(*this).compiled_or_fail()); }
  void compile(CompileOptions options);

  /// The inputs of the network, with an unknown batch size. Empty until it is called or built.
  std::vector<Spec> inputs() const;
  void remember_inputs(const std::vector<Tensor>& x);
  /// Builds the network for these inputs.
  void build(const std::vector<Spec>& specs);
  Outputs call(const Inputs& inputs, const CallArgs& args);

  void reset_metrics();
  /// The current loss and metrics.
  Logs logs() const;
  /// Returns whether there are weights to train.
  bool train_step(const std::vector<Tensor>& x, const Tensor& y, const Tensor& weight);
  void test_step(const std::vector<Tensor>& x, const Tensor& y, const Tensor& weight);

  Ref<Layer> network;
  std::optional<Compiled> compiled;
  /// The key of the last fit(), from which each epoch derives its order of samples.
  std::optional<RandomKey> shuffle;
  bool stop = false;

 private:
  void count(const Outputs& predicted, const Tensor& loss, const Tensor& y, const Tensor& weight);
  Tensor loss_of(const Outputs& predicted, const Tensor& y, const Tensor& weight);

  mutable std::mutex mutex_;
  std::atomic<bool> inputs_known_ = false;
  std::vector<Spec> inputs_;
};

/// Access to the state for the sources of this folder.
struct ModelAccess {
  static Model::State& state(const Model& model) { return model.state(); }
};

}  // namespace unspool
