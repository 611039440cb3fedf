#include <unspool/core/kernels/vector.h>

namespace unspool::kernels {

const VectorTable& vectors_with(Isa isa) {
#ifdef __x86_64__
  if (isa == Isa::avx2) return vector_avx2;
  if (isa == Isa::avx512) return vector_avx512;
#else
  static_cast<void>(isa);
#endif
  return vector_baseline;
}

constinit std::atomic<const VectorTable*> internal::chosen_vectors{nullptr};

const VectorTable& internal::choose_vectors() {
  const VectorTable& table = vectors_with(current_isa());
  chosen_vectors.store(&table, std::memory_order_relaxed);
  return table;
}

}  // namespace unspool::kernels
