#include <algorithm>

#include <unspool/core/kernels/instruction_set.h>
#include <unspool/core/kernels/machine.h>
#include <unspool/core/kernels/vector_loop.h>

namespace unspool::kernels {
namespace {

LoopBody make_body(const VectorProgram& program, int vectors, bool masked, const JitTarget& target) {
  VectorItems items(program, vectors);
  const auto order = items.in_order(target.vector_registers - machine::vector_spare_registers);
  const int registers = target.vector_registers - (masked && target.mask_in_register ? 1 : 0);
  // A masked operand in memory would be read whole.
  const bool load_operands = !masked;
  LoopInstructions instructions =
      allocate_registers(items, order, registers, load_operands, target.register_rule);
  return {std::move(items), std::move(instructions)};
}

}  // namespace

std::unique_ptr<VectorLoop> VectorLoop::compile(const VectorProgram& program,
                                                std::span<const Operand> operands,
                                                std::span<const std::ptrdiff_t> row_bytes, Isa isa) {
  const JitTarget* const target = jit_target(isa);
  if (target == nullptr) return nullptr;
  // An instruction adds a number of 32 bits.
  if (std::ranges::any_of(row_bytes,
                          [](std::ptrdiff_t bytes) { return bytes != static_cast<std::int32_t>(bytes); })) {
    return nullptr;
  }
  JitMemory code = target->emit_loop(*target, {.program = program,
                                               .operands = operands,
                                               .row_bytes = row_bytes,
                                               .functions = instruction_set(isa).vectors,
                                               .two_vectors = make_body(program, 2, false, *target),
                                               .one_vector = make_body(program, 1, false, *target),
                                               .rest = make_body(program, 1, true, *target)});
  if (code.data() == nullptr) return nullptr;
  return std::unique_ptr<VectorLoop>(new VectorLoop(std::move(code)));
}

}  // namespace unspool::kernels
