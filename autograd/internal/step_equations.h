#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include <unspool/autograd/scan/program.h>

namespace unspool::internal {

/// `left = right`, or `left += right` for a sum over time steps.
struct WrittenEquation {
  std::string left;
  std::string right;
  std::string latex;
  bool accumulates = false;
  std::size_t operations = 0;
};

/// A weight, or a constant, which has a value here; and how equations name its parts: "[kernel_i, kernel_f]",
/// empty if they name it as a whole.
struct WrittenWeight {
  std::string name;
  Shape shape;
  std::string parts;
  std::string latex;
  Tensor constant;
};

/// A step and the step of its gradient, as equations.
struct StepEquations {
  std::vector<WrittenWeight> weights;
  std::vector<WrittenEquation> forward;
  std::vector<WrittenEquation> backward;
};

/// What to write equations of. The program is one of a scan, with labels for its carries, sequences and
/// weights; other values get names where the equations need them.
struct StepToWrite {
  scan_compiler::Program program;
  /// For each captured input its value if it is a constant, else an empty tensor: a weight.
  std::vector<Tensor> constants;
};

/// Runs gradient_of() on the step and writes both programs as equations, simplified.
StepEquations write_equations(StepToWrite step);

}  // namespace unspool::internal
