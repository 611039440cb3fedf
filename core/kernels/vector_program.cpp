#include <algorithm>

#include <unspool/core/internal/format.h>
#include <unspool/core/kernels/vector_program.h>

namespace unspool::kernels {

VectorProgram::Value VectorProgram::add(const Step& step) {
  // What a row holds may change in between.
  if (kind_of(step.op) != VectorOpKind::memory) {
    const auto same = std::ranges::find_if(steps, [&](const Step& made) {
      return made.op == step.op && made.a == step.a && made.b == step.b && made.c == step.c &&
             made.number == step.number && made.function == step.function;
    });
    if (same != steps.end()) return static_cast<Value>(same - steps.begin());
  }
  steps.push_back(step);
  return static_cast<Value>(steps.size() - 1);
}

VectorProgram::Value VectorProgram::constant(std::int32_t bits) {
  return add({.op = VectorOp::constant, .number = bits});
}

VectorProgram::Value VectorProgram::table(const float* numbers) {
  std::array<float, 8> table;
  std::copy_n(numbers, 8, table.begin());
  const auto same = std::ranges::find(tables, table);
  const auto index = static_cast<std::int32_t>(same - tables.begin());
  if (same == tables.end()) tables.push_back(table);
  return add({.op = VectorOp::table, .number = index});
}

std::string to_string(const VectorProgram& program) {
  std::string text;
  for (std::size_t i = 0; i < program.steps.size(); ++i) {
    const VectorProgram::Step& step = program.steps[i];
    const VectorOpInfo& info = info_of(step.op);
    text += step.op == VectorOp::store ? info.name : fmt::format("v{} = {}", i, info.name);
    const VectorProgram::Value operands[] = {step.a, step.b, step.c};
    for (int k = 0; k < info.operands; ++k) text += fmt::format(" v{}", operands[k]);
    if (info.kind == VectorOpKind::memory) text += fmt::format(" [{}]", step.operand);
    if (step.op == VectorOp::constant) text += fmt::format(" {}", __builtin_bit_cast(float, step.number));
    if (step.op == VectorOp::table || step.op == VectorOp::shift_left || step.op == VectorOp::shift_right) {
      text += fmt::format(" {}", step.number);
    }
    text += '\n';
  }
  return text;
}

}  // namespace unspool::kernels
