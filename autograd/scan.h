#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <unspool/core/callable.h>
#include <unspool/core/tensor.h>

/// A loop over time as one operation of the tape; docs/design/scan.md tells how it is compiled.
namespace unspool {

/// What one step returns.
struct ScanStep {
  /// The carry of the next step: tensors of the same shapes and dtypes as the carry that this step got.
  std::vector<Tensor> carry = {};
  /// Outputs of every step, to be stacked over time.
  std::vector<Tensor> outputs = {};
  /// Outputs of which only those of the last step are returned.
  std::vector<Tensor> last = {};
};
/// Computes one step from the carry and the sequences' elements of one time step.
using ScanFunction = Callable<ScanStep(const std::vector<Tensor>& carry, const std::vector<Tensor>& inputs)>;

/// How a scan is cut into pieces, for tests and measurements. Defaults are right for the machine.
struct ScanTuning {
  /// The most steps of a chunk, which is what runs at a time before and after the loop; 0: as many as fit the
  /// L2 cache. Results do not depend on it.
  Index longest_chunk = 0;
  /// Elements of the weights from which the rows are summed in two groups; -1: the machine's default. Groups
  /// change the order of sums over rows, and so the rounding of weights' gradients.
  Index grouped_weights = -1;
  /// Multiply-adds of a thread's share, at least: what takes less than two of them runs on one thread; -1:
  /// the machine's default, and where it is not sure that several threads are faster, runs find out. Results
  /// do not depend on it.
  Index task_multiply_adds = -1;
  /// True if both cut a scan in the same way.
  friend bool operator==(const ScanTuning&, const ScanTuning&) = default;
};

/// Options of scan().
struct ScanOptions {
  /// From the last time step to the first.
  bool reverse = false;
  /// The number of steps; needed only where there are no sequences.
  Index steps = -1;
  /// The axis of time in sequences and outputs: 0, or 1 for (batch, time, ...).
  int time_axis = 0;
  /// Gradient checkpointing. With k > 0 a tape keeps only the inputs and the carry of every k-th step; the
  /// first gradient computes the steps in between again. That takes about a third more time, and memory for k
  /// steps and steps / k carries in place of memory for all steps. (Chen et al. 2016, "Training deep nets
  /// with sublinear memory cost".)
  Index recompute_every = 0;
  /// How the scan is cut.
  ScanTuning tuning = {};
};

/// What the text of a plan contains.
struct PlanOptions {
  /// Every stage of the compiler, from the traced program to the schedule, before the plan.
  bool stages = false;
};

/// What a picture of a compiled scan shows.
enum class ScanPicture : std::uint8_t {
  step,  ///< One step as it was traced.
  plan,  ///< What runs once, before, in and after the loop, forward and backward.
};

/// A scan as it was traced and compiled. Scans of the same structure share it.
class CompiledScan {
 public:
  virtual ~CompiledScan() = default;
  /// What runs once, before, in and after the loop, which values are kept for the gradient, and the buffers
  /// with their sizes, for so many steps: for the forward pass, and for the backward pass with gradients with
  /// respect to all floating inputs that are not scalars.
  virtual std::string plan(Index steps, PlanOptions options = {}) const = 0;
  /// A picture in DOT, the language of Graphviz: a node for each input and operation, inputs once.
  virtual std::string to_dot(ScanPicture picture = ScanPicture::plan) const = 0;
};

/// What scan() returns.
struct ScanResult {
  /// The carry after the last step.
  std::vector<Tensor> carry = {};
  /// Each output of all steps: (time, ...), or (batch, time, ...) with time_axis = 1.
  std::vector<Tensor> outputs = {};
  /// The outputs `last` of the last step.
  std::vector<Tensor> last = {};
  /// The compiled scan, for its plan; null if the steps ran one by one, for a tape that keeps all.
  std::shared_ptr<const CompiledScan> compiled = nullptr;
};

/// Runs `step` over the time of the sequences: carry, outputs[t] = step(carry, sequences[t]), as jax.lax.scan
/// does. The step is called once, on abstract tensors, and compiled; tensors and variables from outside that
/// it uses (weights, constants) become inputs by themselves. Without any step, `last` is zeros. Gradients of
/// any order exist. While a tape with keep_all records, the step is called for each time step, so that the
/// tape shows it.
///
/// Throws RuntimeError if the step reads a value of an abstract tensor or keeps one beyond its end, and says
/// what to do instead. Throws ValueError if the next carry differs from the carry in shape or dtype, or if
/// the sequences differ in length.
ScanResult scan(const ScanFunction& step, const std::vector<Tensor>& carry,
                const std::vector<Tensor>& sequences, ScanOptions options = {});

}  // namespace unspool
