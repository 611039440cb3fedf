#pragma once

#include <unspool/core/array.h>
#include <unspool/core/kernels/isa.h>
#include <unspool/core/kernels/vector_table.h>

namespace unspool::kernels {

/// The elementwise functions of floats for an instruction set of available_isas.
const VectorTable& vectors_with(Isa isa);

/// Those for current_isa.
inline const VectorTable& vectors() {
  static const VectorTable& table = vectors_with(current_isa());
  return table;
}

/// One of them as the block of an operation: vectorized<&VectorTable::tanh>.
template <VectorTable::Function VectorTable::*function>
void vectorized(const KernelBlock& block) {
  (vectors().*function)(block);
}

}  // namespace unspool::kernels
