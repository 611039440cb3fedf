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

  /// A metric and what it is called in logs.
  struct Named {
    Metric metric;
    std::string name;
    bool weighted;
  };
  struct Compiled {
    CompileOptions options;
    std::vector<Named> metrics;
    Mean loss;
  };

  const Compiled& compiled_or_fail() const;
  Compiled& compiled_or_fail() { return const_cast<Compiled&>(std::as_const(*this).compiled_or_fail()); }
  void compile(CompileOptions options);

  /// What the network takes, with an unknown batch; empty until it was called or built.
  std::vector<Spec> inputs() const;
  void remember_inputs(const std::vector<Tensor>& x);
  /// Makes the weights for inputs like these.
  void build(const std::vector<Spec>& specs);
  Outputs call(const Inputs& inputs, const CallArgs& args);

  void reset_metrics();
  /// Loss and metrics as they stand.
  Logs logs() const;
  void train_step(const std::vector<Tensor>& x, const Tensor& y, const Tensor& weight);
  void test_step(const std::vector<Tensor>& x, const Tensor& y, const Tensor& weight);

  Ref<Layer> network;
  std::optional<Compiled> compiled;
  /// Of the order of samples in the last fit; an epoch draws its own from it.
  std::optional<RandomKey> shuffle;
  bool stop = false;

 private:
  void count(const Outputs& predicted, const Tensor& loss, const Tensor& y, const Tensor& weight);
  Tensor loss_of(const Outputs& predicted, const Tensor& y, const Tensor& weight);

  mutable std::mutex mutex_;
  std::atomic<bool> inputs_known_ = false;
  std::vector<Spec> inputs_;
};

/// For the sources of this folder.
struct ModelAccess {
  static Model::State& state(const Model& model) { return model.state(); }
};

}  // namespace unspool
