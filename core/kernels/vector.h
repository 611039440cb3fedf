#pragma once

#include <atomic>

#include <unspool/core/array.h>
#include <unspool/core/kernels/isa.h>
#include <unspool/core/kernels/vector_program.h>
#include <unspool/core/kernels/vector_table.h>

namespace unspool::kernels {

/// The elementwise functions of floats for an instruction set, one of available_isas().
const VectorTable& vectors_with(Isa isa);

namespace internal {

/// Null before the first call: faster for a single element than the guard of a static variable.
extern constinit std::atomic<const VectorTable*> chosen_vectors;
const VectorTable& choose_vectors();

}  // namespace internal

/// The elementwise functions of floats for current_isa().
inline const VectorTable& vectors() {
  const VectorTable* const chosen = internal::chosen_vectors.load(std::memory_order_relaxed);
  return chosen != nullptr ? *chosen : internal::choose_vectors();
}

/// One of these functions as the block of an operation: vectorized<&VectorTable::tanh>. Records it where the
/// block asks for that (recorded_block).
template <VectorTable::Function VectorTable::*function>
void vectorized(const KernelBlock& block) {
  const VectorTable& table = block.row_bytes == recorded_block ? vector_recorded : vectors();
  (table.*function)(block);
}

}  // namespace unspool::kernels
