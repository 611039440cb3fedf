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

}  // namespace unspool::kernels
