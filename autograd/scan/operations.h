#pragma once

#include <span>

#include <unspool/autograd/scan/shared_program.h>

namespace unspool::scan_compiler {

/// Which operands somebody may ask a gradient with respect to.
SharedProgram::Mask tracked(std::span<const Tensor> operands);

/// Applies a program to its inputs, as one operation of the tapes around, and returns its outputs. A tape
/// keeps what the gradient reads of every step, or, with `every` > 0, the inputs and every `every`-th carry.
Tensors run_scan(const SharedProgram& program, std::span<const Tensor> operands, Index steps,
                 Index every = 0);

}  // namespace unspool::scan_compiler
