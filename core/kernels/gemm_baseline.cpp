#include <unspool/core/kernels/gemm_table.h>

namespace unspool::kernels {
namespace {

// Every x86-64 and AArch64 processor has vectors of 16 bytes; elsewhere the compiler splits them up. A
// product is rounded, then added: there is no fused multiply-add.
struct Float {
  using T = float;
  typedef float Vec __attribute__((vector_size(16)));
  static constexpr int width = 4;
  static constexpr int mr = 4;
  static constexpr int mc = 96;
  static constexpr int gemv_vectors(int rows) { return rows == 1 ? 8 : rows == 2 ? 4 : 2; }
  static Vec load(const T* from) {
    Vec v;
    __builtin_memcpy(&v, from, sizeof(v));
    return v;
  }
  static void store(T* to, Vec v) { __builtin_memcpy(to, &v, sizeof(v)); }
  static Vec broadcast(const T* from) { return Vec{*from, *from, *from, *from}; }
  static void madd(Vec a, Vec b, Vec& c) { c = a * b + c; }
  static T madd1(T a, T b, T c) { return a * b + c; }
};

struct Double {
  using T = double;
  typedef double Vec __attribute__((vector_size(16)));
  static constexpr int width = 2;
  static constexpr int mr = 4;
  static constexpr int mc = 96;
  static constexpr int gemv_vectors(int rows) { return Float::gemv_vectors(rows); }
  static Vec load(const T* from) {
    Vec v;
    __builtin_memcpy(&v, from, sizeof(v));
    return v;
  }
  static void store(T* to, Vec v) { __builtin_memcpy(to, &v, sizeof(v)); }
  static Vec broadcast(const T* from) { return Vec{*from, *from}; }
  static void madd(Vec a, Vec b, Vec& c) { c = a * b + c; }
  static T madd1(T a, T b, T c) { return a * b + c; }
};

}  // namespace
}  // namespace unspool::kernels

#include "gemm_block.inc"

namespace unspool::kernels {
constinit const GemmTable<float> gemm_baseline_float = Gemm<Float>::table();
constinit const GemmTable<double> gemm_baseline_double = Gemm<Double>::table();
}  // namespace unspool::kernels
