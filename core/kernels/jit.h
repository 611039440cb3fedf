#pragma once

#include <unspool/core/kernels/isa.h>
#include <unspool/core/kernels/jit_memory.h>
#include <unspool/core/kernels/vector_registers.h>

namespace unspool::kernels {

struct LoopCode;
struct TileCode;

/// What the JIT compiler knows of an instruction set. A new target is one of these: an emitter, which turns
/// instructions with their registers into bytes.
struct JitTarget {
  int vector_bytes = 0;
  int vector_registers = 0;
  /// Whether the mask of the last elements of a row takes a vector register.
  bool mask_in_register = false;
  /// What the instruction for an operation asks of its registers.
  RegisterRule (*register_rule)(VectorOp op) = nullptr;
  /// Emits an elementwise loop (vector_loop.h). Returns no pages if there is no memory for the code.
  JitMemory (*emit_loop)(const JitTarget& target, const LoopCode& code) = nullptr;
  /// Emits tiles of a matrix product (gemm_jit.h). Returns no pages if there is no memory for the code.
  JitMemory (*emit_tiles)(const JitTarget& target, const TileCode& code) = nullptr;
};

#define UNSPOOL_INSTRUCTION_SET(name, flags, available, jit) extern const JitTarget jit;
#include <unspool/core/kernels/instruction_sets.def>
#undef UNSPOOL_INSTRUCTION_SET

/// The target to compile for while the program runs. Null where no code can be compiled: for an instruction
/// set without an emitter, on an operating system without one, and if the environment's UNSPOOL_MACHINE_CODE
/// is "off". Some systems end a program that makes code; and the kernels that are compiled ahead do the same
/// and can be compared.
const JitTarget* jit_target(Isa isa);

}  // namespace unspool::kernels
