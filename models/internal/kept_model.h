#pragma once

#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include <unspool/autograd/variable.h>
#include <unspool/core/random.h>
#include <unspool/layers/layer.h>

namespace unspool::internal {

/// Gives random number generators back the states that they had when this was made: those of a network, and
/// that of the process.
class KeptGenerators {
 public:
  explicit KeptGenerators(Layer& network);
  ~KeptGenerators();
  KeptGenerators(const KeptGenerators&) = delete;
  KeptGenerators& operator=(const KeptGenerators&) = delete;

 private:
  RandomKey process_;
  std::vector<std::pair<SeedGenerator*, SeedGenerator>> kept_;
};

/// Gives variables back the values that they had when this was made.
class KeptVariables {
 public:
  explicit KeptVariables(const std::vector<Variable>& variables);
  ~KeptVariables() { restore(); }
  KeptVariables(const KeptVariables&) = delete;
  KeptVariables& operator=(const KeptVariables&) = delete;
  /// Does it now, and again at the end.
  void restore();

 private:
  struct Kept {
    Variable variable;
    Tensor value;
    std::uint64_t version;
  };
  std::vector<Kept> kept_;
};

/// Leaves a network as it was when this was made, whatever calls and steps of optimizers do meanwhile: its
/// weights, what its layers keep between calls, the losses of its last call, and the random number
/// generators.
class KeptModel {
 public:
  explicit KeptModel(Layer& network);
  ~KeptModel();
  KeptModel(const KeptModel&) = delete;
  KeptModel& operator=(const KeptModel&) = delete;
  /// Gives the weights and states back now.
  void restore_variables() { variables_.restore(); }

 private:
  KeptGenerators generators_;
  KeptVariables variables_;
  std::vector<std::function<void()>> losses_;
};

}  // namespace unspool::internal
