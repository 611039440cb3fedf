#include <algorithm>

#include <unspool/autograd/internal/engine.h>
#include <unspool/autograd/internal/scan_operations.h>
#include <unspool/core/internal/format.h>

namespace unspool::internal {

SharedProgram::Mask tracked(std::span<const Tensor> operands) {
  SharedProgram::Mask mask(operands.size(), false);
  const bool traced = std::ranges::any_of(operands, [](const Tensor& x) { return x.is_abstract(); });
  const Engine& engine = Engine::of_this_thread();
  for (std::size_t i = 0; i < operands.size(); ++i) {
    if (!is_floating(operands[i].dtype())) continue;
    // Of what a trace will be asked is not known yet.
    mask[i] = traced;
    for (TapeState* tape = engine.records() ? engine.tape : nullptr; tape != nullptr && !mask[i];
         tape = tape->outer()) {
      mask[i] = tape->recorded(operands[i]);
    }
  }
  return mask;
}

Shape over_time(const Shape& step, Index steps, int time_axis) {
  Shape shape = step;
  shape.insert(time_axis, steps);
  return shape;
}

void check_scan_inputs(const Call& call, const StepProgram& program, Index steps) {
  for (std::size_t i = 0; i < program.inputs(); ++i) {
    const Spec& spec = program.spec(program.input(i));
    const StepProgram::Stacked* const sequence = program.stacked_input(i);
    const Shape expected =
        sequence != nullptr ? over_time(spec.shape, steps, sequence->time_axis) : spec.shape;
    if (!compatible(call.shape(i), expected)) {
      call.fail(fmt::format("its input {} has the shape {}, got {}", i, to_string(expected),
                            to_string(call.shape(i))));
    }
    if (call.dtype(i) != spec.dtype) {
      call.fail_type(
          fmt::format("its input {} is {}, got {}", i, name_of(spec.dtype), name_of(call.dtype(i))));
    }
  }
}

Specs scan_outputs(const StepProgram& program, Index steps) {
  Specs specs(program.outputs());
  for (std::size_t i = 0; i < specs.size(); ++i) {
    specs[i] = program.spec(program.output(i));
    const StepProgram::Stacked* const stacked = program.stacked_output(i);
    if (stacked != nullptr) specs[i].shape = over_time(specs[i].shape, steps, stacked->time_axis);
  }
  return specs;
}

}  // namespace unspool::internal
