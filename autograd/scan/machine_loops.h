#pragma once

#include <optional>
#include <span>
#include <vector>

#include <unspool/autograd/scan/executable.h>

namespace unspool::scan_compiler {

/// An instruction of an elementwise segment, with the code that runs it by itself.
struct EmittedInstruction {
  const Instruction* instruction;
  std::variant<ElementwiseCode, CopyCode> code;
};

/// A machine loop in place of instructions [first, end) of a segment.
struct LoopRange {
  std::size_t first;
  std::size_t end;
  MachineLoop loop;
};

/// JIT-compiles neighbouring instructions of an elementwise segment, as far as they allow it: float32, of one
/// row length, with vector functions. What one of them computes and only others of the same loop read stays
/// in registers. Empty where no machine code can be made.
std::vector<LoopRange> compile_loops(const FusedProgram& program, const Layout& layout,
                                     std::span<const EmittedInstruction> instructions, Index block_rows);

}  // namespace unspool::scan_compiler
