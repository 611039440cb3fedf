#pragma once

#include <algorithm>
#include <chrono>

#include <unspool/core/kernels/isa.h>

#ifdef __x86_64__
#include <immintrin.h>
#endif

/// The multiply-add peak of a core, measured.
namespace unspool::internal {

// Twelve independent chains of multiply-adds, enough to hide their latency. The empty assembly keeps the
// compiler from optimizing them away. Returns the number of floating-point operations.
inline constexpr int peak_steps = 100000;

#ifdef __x86_64__
__attribute__((target("avx2,fma"))) inline double peak_avx2() {
  __m256 sum[12] = {};
  for (auto& s : sum) asm volatile("" : "+x"(s));
  __m256 factor = _mm256_set1_ps(0.5f);
  for (int i = 0; i < peak_steps; ++i) {
    asm volatile("" : "+x"(factor));
#pragma GCC unroll 12
    for (auto& s : sum) s = _mm256_fmadd_ps(s, factor, factor);
  }
  for (auto& s : sum) asm volatile("" : "+x"(s));
  return 2.0 * 12 * 8 * peak_steps;
}

__attribute__((target("avx512f"))) inline double peak_avx512() {
  __m512 sum[12] = {};
  for (auto& s : sum) asm volatile("" : "+v"(s));
  __m512 factor = _mm512_set1_ps(0.5f);
  for (int i = 0; i < peak_steps; ++i) {
    asm volatile("" : "+v"(factor));
#pragma GCC unroll 12
    for (auto& s : sum) s = _mm512_fmadd_ps(s, factor, factor);
  }
  for (auto& s : sum) asm volatile("" : "+v"(s));
  return 2.0 * 12 * 16 * peak_steps;
}
#endif

inline double peak_baseline() {
  typedef float Vec __attribute__((vector_size(16)));
  Vec sum[12] = {};
  for (auto& s : sum) asm volatile("" : "+m"(s));
  float factor = 0.5f;
  for (int i = 0; i < peak_steps; ++i) {
    asm volatile("" : "+r"(factor));
    const Vec all{factor, factor, factor, factor};
#pragma GCC unroll 12
    for (auto& s : sum) s = s * all + all;
  }
  volatile float sink = 0;
  for (auto& s : sum) sink = sink + s[0];
  return 2.0 * 12 * 4 * peak_steps;
}

/// GFLOP/s of one core with the selected instruction set, in one run of less than a millisecond.
inline double peak_once() {
  double (*run)() = &peak_baseline;
#ifdef __x86_64__
  if (kernels::current_isa() == kernels::Isa::avx2) run = &peak_avx2;
  if (kernels::current_isa() == kernels::Isa::avx512) run = &peak_avx512;
#endif
  const auto start = std::chrono::steady_clock::now();
  const double work = run();
  return work / std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() * 1e-9;
}

/// The best of several runs.
inline double peak(int runs = 40) {
  double most = 0;
  for (int i = 0; i < runs; ++i) most = std::max(most, peak_once());
  return most;
}

}  // namespace unspool::internal
