#pragma once

#include <span>

#include <unspool/autograd/internal/step_program.h>
#include <unspool/autograd/operation.h>

/// What the operations that run a program over time have in common.
namespace unspool::internal {

/// By which operands somebody may ask for the gradient.
SharedProgram::Mask tracked(std::span<const Tensor> operands);

/// The shape of a sequence whose steps have this one. Time is its axis 0, or 1.
Shape over_time(const Shape& step, Index steps, int time_axis);
/// Throws through Call::fail unless the first operands are the program's inputs.
void check_scan_inputs(const Call& call, const StepProgram& program, Index steps);
/// The program's outputs.
Specs scan_outputs(const StepProgram& program, Index steps);

/// The outputs of the program. All that a gradient reads is kept for it.
Tensors run_scan(const SharedProgram& program, std::span<const Tensor> operands, Index steps);
/// The same numbers, by segments of `every` steps: for the gradient the carries between them are kept.
Tensors run_segments(const SharedProgram& program, std::span<const Tensor> operands, Index steps,
                     Index every);

}  // namespace unspool::internal
