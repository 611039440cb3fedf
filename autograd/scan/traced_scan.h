#pragma once

#include <vector>

#include <unspool/autograd/scan/shared_program.h>

namespace unspool::scan_compiler {

/// A scan as its step was traced, and the tensors that it is to run on.
struct TracedScan {
  SharedProgram::Pointer program;
  /// The inputs of the program, in order.
  Tensors operands;
  Index steps;
  /// How many of the program's carries and stacked outputs are results of the scan.
  std::size_t carries;
  std::size_t outputs;
  /// For each output of the last step, the carry that it is.
  std::vector<std::size_t> last;
};

/// The number of steps; `unknown` where only shapes are inferred. Throws what scan() throws for its
/// arguments.
Index checked_steps(const std::vector<Tensor>& carry, const std::vector<Tensor>& sequences,
                    const ScanOptions& options);
/// Throws what scan() throws for what a step returned, but for empty outputs.
void check_carry(const std::vector<Tensor>& carry, const ScanStep& made);

/// Calls the step on abstract tensors and records it. Throws what scan() throws.
TracedScan trace_scan(const ScanFunction& step, const std::vector<Tensor>& carry,
                      const std::vector<Tensor>& sequences, const ScanOptions& options);

/// Whether a tape is to show each step, so that the steps run one by one.
bool shows_steps(std::span<const Tensor> carry, std::span<const Tensor> sequences);

/// Runs a traced scan; recompute_every as in ScanOptions.
ScanResult run_traced(const TracedScan& traced, Index recompute_every);

}  // namespace unspool::scan_compiler
