#include <unspool/core/kernels/instruction_set.h>
#include <unspool/core/kernels/vector.h>

namespace unspool::kernels {

const VectorTable& vectors_with(Isa isa) { return instruction_set(isa).vectors; }

constinit std::atomic<const VectorTable*> internal::chosen_vectors{nullptr};

const VectorTable& internal::choose_vectors() {
  const VectorTable& table = vectors_with(current_isa());
  chosen_vectors.store(&table, std::memory_order_relaxed);
  return table;
}

}  // namespace unspool::kernels
