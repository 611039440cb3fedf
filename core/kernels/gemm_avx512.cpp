#include <immintrin.h>

#include <unspool/core/kernels/gemm_table.h>

namespace unspool::kernels {
namespace {

// 14 x 2 vectors of sums, 2 of B and 1 of A: 31 of the 32 registers.
struct Float {
  using T = float;
  using Vec = __m512;
  static constexpr int width = 16;
  static constexpr int mr = 14;
  static constexpr int mc = 112;
  static constexpr int gemv_vectors(int rows) { return rows <= 2 ? 8 : 4; }
  static Vec load(const T* from) { return _mm512_loadu_ps(from); }
  static void store(T* to, Vec v) { _mm512_storeu_ps(to, v); }
  static Vec broadcast(const T* from) { return _mm512_set1_ps(*from); }
  // From the intrinsic, g++ takes forms of the instruction that overwrite a factor, and then copies
  // registers.
  static void madd(Vec a, Vec b, Vec& c) { asm("vfmadd231ps %2, %1, %0" : "+v"(c) : "v"(a), "v"(b)); }
  static T madd1(T a, T b, T c) { return __builtin_fmaf(a, b, c); }
};

struct Double {
  using T = double;
  using Vec = __m512d;
  static constexpr int width = 8;
  static constexpr int mr = 14;
  static constexpr int mc = 112;
  static constexpr int gemv_vectors(int rows) { return Float::gemv_vectors(rows); }
  static Vec load(const T* from) { return _mm512_loadu_pd(from); }
  static void store(T* to, Vec v) { _mm512_storeu_pd(to, v); }
  static Vec broadcast(const T* from) { return _mm512_set1_pd(*from); }
  static void madd(Vec a, Vec b, Vec& c) { asm("vfmadd231pd %2, %1, %0" : "+v"(c) : "v"(a), "v"(b)); }
  static T madd1(T a, T b, T c) { return __builtin_fma(a, b, c); }
};

}  // namespace
}  // namespace unspool::kernels

#include "gemm_block.inc"

namespace unspool::kernels {
constinit const GemmTable<float> gemm_avx512_float = Gemm<Float>::table();
constinit const GemmTable<double> gemm_avx512_double = Gemm<Double>::table();
}  // namespace unspool::kernels
