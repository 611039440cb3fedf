#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <unspool/core/tensor.h>

/// A loop over time as one operation of the tape (docs/design/scan.md).
namespace unspool {

/// What one step gives.
struct ScanStep {
  /// For the next step: of the shapes and dtypes of the one that it was given.
  std::vector<Tensor> carry = {};
  /// Wanted of every step.
  std::vector<Tensor> outputs = {};
  /// Wanted of the last step only.
  std::vector<Tensor> last = {};
};
using ScanFunction =
    std::function<ScanStep(const std::vector<Tensor>& carry, const std::vector<Tensor>& inputs)>;

struct ScanOptions {
  /// From the last step to the first.
  bool reverse = false;
  /// The number of steps; needed only where there are no sequences.
  Index steps = -1;
  /// The axis of time in sequences and outputs: 0, or 1 for (batch, time, ...).
  int time_axis = 0;
  /// Above 0: of a recorded run only the inputs and the carries at every so many steps are kept, and the
  /// first gradient computes the steps between again: with k for about a third more time, memory for k steps
  /// and steps / k carries in place of memory for all steps. (Chen et al. 2016.)
  Index recompute_every = 0;
};

/// A scan as it was traced and compiled; scans of one structure share it.
class CompiledScan {
 public:
  virtual ~CompiledScan() = default;
  /// What runs once, before, in and after the loop, forward and (with gradients by everything that is
  /// floating, but for lone numbers) backward, what is kept for the way back, and the buffers with their
  /// bytes, for so many steps.
  virtual std::string plan(Index steps) const = 0;
};

struct ScanResult {
  /// After the last step.
  std::vector<Tensor> carry = {};
  /// Each output of all steps: (time, ...).
  std::vector<Tensor> outputs = {};
  std::vector<Tensor> last = {};
  std::shared_ptr<const CompiledScan> compiled = nullptr;
};

/// Runs `step` over the time of the sequences: carry, outputs[t] = step(carry, sequences[t]). The step
/// is called once, on tensors without values, and what it does is compiled; whatever else it uses (weights,
/// constants) are inputs by themselves. With no steps, `last` is zeros. Gradients of any order exist.
/// (Compare jax.lax.scan.)
///
/// A step that asks for a value, or that keeps a tensor beyond its end, is a RuntimeError that says what to
/// do. ValueError if the next carry differs in shape or dtype, or if the sequences differ in length.
ScanResult scan(const ScanFunction& step, const std::vector<Tensor>& carry,
                const std::vector<Tensor>& sequences, ScanOptions options = {});

}  // namespace unspool
