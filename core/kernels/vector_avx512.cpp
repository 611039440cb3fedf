#include <immintrin.h>

#include <unspool/core/kernels/vector_table.h>

namespace unspool::kernels {
namespace {

using Size = std::int64_t;
using Vec = __m512;
constexpr Size width = 16;
typedef std::int32_t Bits __attribute__((vector_size(64)));
using Bytes = __m128i;

inline __mmask16 first(Size n) { return static_cast<__mmask16>((1 << n) - 1); }

inline Vec all(float x) { return _mm512_set1_ps(x); }
inline Vec load(const float* from) { return _mm512_loadu_ps(from); }
inline void store(float* to, Vec x) { _mm512_storeu_ps(to, x); }
// A store without a mask can be read again at once.
inline Vec load_first(const float* from, Size n) {
  if (n == 1) return _mm512_zextps128_ps512(_mm_load_ss(from));
  return _mm512_maskz_loadu_ps(first(n), from);
}
inline void store_first(float* to, Vec x, Size n) {
  if (n == 1) {
    *to = x[0];
    return;
  }
  _mm512_mask_storeu_ps(to, first(n), x);
}
// Of the intrinsics without a mask g++ warns that they read an uninitialized variable.
constexpr __mmask16 lanes = 0xffff;
inline Bytes narrow(Bits x) {
  return _mm_and_si128(_mm512_maskz_cvtepi32_epi8(lanes, reinterpret_cast<__m512i>(x)), _mm_set1_epi8(1));
}
inline Bits widen(Bytes x) { return reinterpret_cast<Bits>(_mm512_maskz_cvtepi8_epi32(lanes, x)) != 0; }
inline Vec madd(Vec a, Vec b, Vec c) { return _mm512_fmadd_ps(a, b, c); }
// These four give the second operand where either is NaN.
inline Vec at_most(float bound, Vec x) { return _mm512_maskz_min_ps(lanes, all(bound), x); }
inline Vec at_least(float bound, Vec x) { return _mm512_maskz_max_ps(lanes, all(bound), x); }
inline Vec min(Vec a, Vec b) { return _mm512_maskz_min_ps(lanes, a, b); }
inline Vec max(Vec a, Vec b) { return _mm512_maskz_max_ps(lanes, a, b); }
inline Vec permute(Vec from, Bits index) {
  return _mm512_maskz_permutexvar_ps(lanes, reinterpret_cast<__m512i>(index), from);
}
inline bool every(Bits x) { return _mm512_movepi32_mask(reinterpret_cast<__m512i>(x)) == lanes; }
inline Vec sqrt(Vec x) { return _mm512_maskz_sqrt_ps(lanes, x); }

}  // namespace
}  // namespace unspool::kernels

#include "vector_basic.inc"
#include "vector_block.inc"
#include "vector_fused.inc"

namespace unspool::kernels {
constinit const VectorTable vector_avx512 = vector_table();
}  // namespace unspool::kernels
