#pragma once

#include <unspool/core/kernels/isa.h>

namespace unspool::kernels {

/// What the JIT compiler knows of an instruction set.
struct JitTarget {
  int vector_bytes;
  int vector_registers;
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
