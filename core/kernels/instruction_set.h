#pragma once

#include <type_traits>

#include <unspool/core/kernels/gemm_table.h>
#include <unspool/core/kernels/isa.h>
#include <unspool/core/kernels/jit.h>
#include <unspool/core/kernels/vector_table.h>

namespace unspool::kernels {

/// A row of instruction_sets.def: what there is for an instruction set.
struct InstructionSet {
  const char* name;
  /// Whether this machine can run it.
  bool (*available)();
  const GemmTable<float>& gemm_float;
  const GemmTable<double>& gemm_double;
  const VectorTable& vectors;
  const JitTarget& jit;

  /// The kernels of matrix products of T.
  template <class T>
  const GemmTable<T>& gemm() const {
    if constexpr (std::is_same_v<T, float>) {
      return gemm_float;
    } else {
      return gemm_double;
    }
  }
};

const InstructionSet& instruction_set(Isa isa);

}  // namespace unspool::kernels
