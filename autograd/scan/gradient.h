#pragma once

#include <vector>

#include <unspool/autograd/scan/shared_program.h>

namespace unspool::scan_compiler {

/// The gradient of a scan, as a scan in the other direction. Its carries are the gradients with respect to
/// the carries.
struct Gradient {
  /// Where an input of the gradient's program comes from.
  struct Source {
    enum Kind { input, output, cotangent, constant, residual } kind;
    /// Which input, output or cotangent of the scan, or which of `constants`; for a residual the value of the
    /// scan's program, which is not among its outputs yet.
    std::size_t index;
  };
  SharedProgram::Pointer program;
  /// For each input of the program, in order.
  std::vector<Source> sources;
  std::vector<Tensor> constants;
  /// For each input of the scan the output of the program that is the gradient with respect to it; -1: none.
  std::vector<int> outputs;
  /// Values that the gradient reads and that the scan's program does not output.
  std::vector<Value> residuals;
};

/// The gradient with respect to the inputs that are `needed`, given those with respect to the outputs that
/// are `given`. Runs the gradient rules of the program's operations, last use first, in a trace.
Gradient gradient_of(const Program& program, const std::vector<bool>& needed, const std::vector<bool>& given);

}  // namespace unspool::scan_compiler
