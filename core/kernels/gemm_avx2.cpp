#include <immintrin.h>

#include <unspool/core/kernels/gemm_table.h>

namespace unspool::kernels {
namespace {

// 6 x 2 vectors of sums, 2 of B and 1 of A: 15 of the 16 registers.
struct Float {
  using T = float;
  using Vec = __m256;
  static constexpr int width = 8;
  static constexpr int mr = 6;
  static constexpr int mc = 96;
  static constexpr int gemv_vectors(int rows) { return rows == 1 ? 8 : rows == 2 ? 6 : rows == 3 ? 4 : 2; }
  static Vec load(const T* from) { return _mm256_loadu_ps(from); }
  static void store(T* to, Vec v) { _mm256_storeu_ps(to, v); }
  static Vec broadcast(const T* from) { return _mm256_broadcast_ss(from); }
  // From the intrinsic, g++ takes forms of the instruction that overwrite a factor, and then copies
  // registers.
  static void madd(Vec a, Vec b, Vec& c) { asm("vfmadd231ps %2, %1, %0" : "+x"(c) : "x"(a), "x"(b)); }
  static T madd1(T a, T b, T c) { return __builtin_fmaf(a, b, c); }
};

struct Double {
  using T = double;
  using Vec = __m256d;
  static constexpr int width = 4;
  static constexpr int mr = 6;
  static constexpr int mc = 96;
  static constexpr int gemv_vectors(int rows) { return Float::gemv_vectors(rows); }
  static Vec load(const T* from) { return _mm256_loadu_pd(from); }
  static void store(T* to, Vec v) { _mm256_storeu_pd(to, v); }
  static Vec broadcast(const T* from) { return _mm256_broadcast_sd(from); }
  static void madd(Vec a, Vec b, Vec& c) { asm("vfmadd231pd %2, %1, %0" : "+x"(c) : "x"(a), "x"(b)); }
  static T madd1(T a, T b, T c) { return __builtin_fma(a, b, c); }
};

}  // namespace
}  // namespace unspool::kernels

#include "gemm_block.inc"

namespace unspool::kernels {
constinit const GemmTable<float> gemm_avx2_float = Gemm<Float>::table();
constinit const GemmTable<double> gemm_avx2_double = Gemm<Double>::table();
}  // namespace unspool::kernels
