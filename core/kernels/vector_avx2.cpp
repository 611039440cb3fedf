#include <immintrin.h>

#include <unspool/core/kernels/vector_table.h>

namespace unspool::kernels {
namespace {

using Size = std::int64_t;
using Vec = __m256;
constexpr Size width = 8;
typedef std::int32_t Bits __attribute__((vector_size(32)));
using Bytes = std::int64_t;

// Read from element 8 - n on, it is a mask of n elements.
constexpr std::int32_t first_of[16] = {-1, -1, -1, -1, -1, -1, -1, -1};
inline __m256i first(Size n) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(first_of + width - n));
}

inline Vec all(float x) { return _mm256_set1_ps(x); }
inline Vec load(const float* from) { return _mm256_loadu_ps(from); }
inline void store(float* to, Vec x) { _mm256_storeu_ps(to, x); }
// A store without a mask can be read again at once.
inline Vec load_first(const float* from, Size n) {
  if (n == 1) return _mm256_zextps128_ps256(_mm_load_ss(from));
  return _mm256_maskload_ps(from, first(n));
}
inline void store_first(float* to, Vec x, Size n) {
  if (n == 1) {
    *to = x[0];
    return;
  }
  _mm256_maskstore_ps(to, first(n), x);
}
inline Bytes narrow(Bits x) {
  const __m256i wide = reinterpret_cast<__m256i>(x);
  const __m128i words = _mm_packs_epi32(_mm256_castsi256_si128(wide), _mm256_extracti128_si256(wide, 1));
  return _mm_cvtsi128_si64(_mm_packs_epi16(words, words)) & 0x0101010101010101;
}
inline Bits widen(Bytes x) { return reinterpret_cast<Bits>(_mm256_cvtepi8_epi32(_mm_cvtsi64_si128(x))) != 0; }
inline Vec madd(Vec a, Vec b, Vec c) { return _mm256_fmadd_ps(a, b, c); }
// These four give the second operand where either is NaN.
inline Vec at_most(float bound, Vec x) { return _mm256_min_ps(all(bound), x); }
inline Vec at_least(float bound, Vec x) { return _mm256_max_ps(all(bound), x); }
inline Vec min(Vec a, Vec b) { return _mm256_min_ps(a, b); }
inline Vec max(Vec a, Vec b) { return _mm256_max_ps(a, b); }
inline Vec permute(Vec from, Bits index) {
  return _mm256_permutevar8x32_ps(from, reinterpret_cast<__m256i>(index));
}
inline bool every(Bits x) { return _mm256_movemask_ps(reinterpret_cast<Vec>(x)) == 0xff; }
inline Vec sqrt(Vec x) { return _mm256_sqrt_ps(x); }

}  // namespace
}  // namespace unspool::kernels

#include "vector_basic.inc"
#include "vector_block.inc"
#include "vector_fused.inc"

namespace unspool::kernels {
constinit const VectorTable vector_avx2 = vector_table();
}  // namespace unspool::kernels
