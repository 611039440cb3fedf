#include <algorithm>
#include <numeric>

#include <unspool/autograd/internal/engine.h>
#include <unspool/autograd/internal/scan_operations.h>
#include <unspool/autograd/shaping.h>
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

void check_scan_inputs(const Call& call, const StepProgram& program, Index steps, int time_axis) {
  for (std::size_t i = 0; i < program.inputs(); ++i) {
    const Spec& spec = program.spec(program.input(i));
    const bool sequence =
        i >= program.carries.size() && i < program.carries.size() + program.sequences.size();
    const Shape expected = sequence ? over_time(spec.shape, steps, time_axis) : spec.shape;
    if (!compatible(call.shape(i), expected)) {
      call.fail(fmt::format("its input {} has the shape {}, came {}", i, to_string(expected),
                            to_string(call.shape(i))));
    }
    if (call.dtype(i) != spec.dtype) {
      call.fail_type(
          fmt::format("its input {} is {}, came {}", i, name_of(spec.dtype), name_of(call.dtype(i))));
    }
  }
}

Specs scan_outputs(const StepProgram& program, Index steps, int time_axis) {
  Specs specs(program.outputs());
  for (std::size_t i = 0; i < specs.size(); ++i) {
    specs[i] = program.spec(program.output(i));
    const bool stacked = i >= program.next.size() && i < program.next.size() + program.each.size();
    if (stacked) specs[i].shape = over_time(specs[i].shape, steps, time_axis);
  }
  return specs;
}

Tensor swap_time(const Tensor& sequence) {
  std::vector<Index> axes(static_cast<std::size_t>(sequence.rank()));
  std::iota(axes.begin(), axes.end(), Index{0});
  std::swap(axes[0], axes[1]);
  return transpose(sequence, axes);
}

}  // namespace unspool::internal
