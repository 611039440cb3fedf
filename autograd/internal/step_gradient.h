#pragma once

#include <vector>

#include <unspool/autograd/internal/step_program.h>

namespace unspool::internal {

/// The gradient of a scan as a scan in the other direction. Its carries are the gradients by the carries.
struct StepGradient {
  /// Where an input of the gradient's scan comes from.
  struct Source {
    enum Kind { input, output, cotangent, constant, residual } kind;
    /// Of the scan's inputs, outputs or cotangents, or of `constants`; for a residual the value of the
    /// program, which is not among its outputs yet.
    std::size_t index;
  };
  SharedProgram::Pointer program;
  /// In the order of the program's inputs.
  std::vector<Source> sources;
  std::vector<Tensor> constants;
  /// For each input of the scan the output of the gradient's that is the gradient by it; -1: there is none.
  std::vector<int> outputs;
  /// Values that it reads and that the program does not give.
  std::vector<StepProgram::Value> residuals;
};

StepGradient gradient_of(const StepProgram& program, const std::vector<bool>& needed,
                         const std::vector<bool>& given);

}  // namespace unspool::internal
