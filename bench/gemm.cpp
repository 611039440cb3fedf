// Matrix products of float in GFLOP/s, beside the multiply-add peak of the core measured just before each: on
// a shared host both sink together. gemm [seconds a figure]
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include <unspool/core/kernels/gemm.h>
#include <unspool/core/random.h>
#include <unspool/core/threads.h>

#ifdef __x86_64__
#include <immintrin.h>
#endif

namespace {

using namespace unspool;
using Clock = std::chrono::steady_clock;

struct Rate {
  double median = 0;
  double most = 0;
};

// Of `work` floating-point operations by run(), in GFLOP/s.
Rate measure(double work, double budget, const std::function<void()>& run) {
  run();
  std::vector<double> rates;
  const auto begin = Clock::now();
  double elapsed = 0;
  // Short runs are timed together.
  int together = 1;
  while (elapsed < budget || rates.size() < 3) {
    const auto start = Clock::now();
    for (int i = 0; i < together; ++i) run();
    const auto stop = Clock::now();
    const double seconds = std::chrono::duration<double>(stop - start).count();
    elapsed = std::chrono::duration<double>(stop - begin).count();
    if (seconds < 2e-4 && together < 1 << 20) {
      together *= 2;
      continue;
    }
    rates.push_back(work * together / seconds * 1e-9);
  }
  std::sort(rates.begin(), rates.end());
  return {rates[rates.size() / 2], rates.back()};
}

// Twelve chains of vectors, more than the latency of a multiply-add asks for. The empty assembly keeps a
// compiler from doing the sums by itself. Returns floating-point operations.
constexpr int peak_steps = 100000;

#ifdef __x86_64__
__attribute__((target("avx2,fma"))) double peak_avx2() {
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

__attribute__((target("avx512f"))) double peak_avx512() {
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

double peak_baseline() {
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

// Of one core.
double peak() {
  double (*run)() = &peak_baseline;
#ifdef __x86_64__
  if (kernels::current_isa() == kernels::Isa::avx2) run = &peak_avx2;
  if (kernels::current_isa() == kernels::Isa::avx512) run = &peak_avx512;
#endif
  double most = 0;
  for (int i = 0; i < 40; ++i) {
    const auto start = Clock::now();
    const double work = run();
    most = std::max(most, work / std::chrono::duration<double>(Clock::now() - start).count() * 1e-9);
  }
  return most;
}

struct Case {
  const char* name;
  Index m;
  Index n;
  Index k;
  bool transpose_a = false;
  bool transpose_b = false;
  bool packed = false;
};

constexpr Case cases[] = {
    {"square", 2048, 2048, 2048},
    {"rec", 1, 512, 128},
    {"rec", 32, 512, 128},
    {"rec", 32, 1024, 256},
    {"rec", 64, 2048, 512},
    {"rec", 128, 4096, 1024},
    {"hoist", 1600, 256, 32},
    {"hoist", 3200, 1024, 128},
    {"hoist", 12800, 2048, 256},
    {"hoist", 200, 512, 64},
    {"rec packed", 1, 512, 128, false, false, true},
    {"rec packed", 32, 512, 128, false, false, true},
    {"rec packed", 32, 1024, 256, false, false, true},
    {"rec packed", 64, 2048, 512, false, false, true},
    {"rec back", 32, 256, 1024, false, true},
    {"rec back", 1, 128, 512, false, true},
    {"weights", 128, 1024, 3200, true, false},
    {"weights", 512, 2048, 12800, true, false},
};

void row(const Case& each, double budget) {
  const Index m = each.m;
  const Index n = each.n;
  const Index k = each.k;
  const bool ta = each.transpose_a;
  const bool tb = each.transpose_b;
  std::vector<float> a(static_cast<std::size_t>(m * k));
  std::vector<float> b(static_cast<std::size_t>(k * n));
  std::vector<float> c(static_cast<std::size_t>(m * n));
  fill_uniform(RandomKey{1, 1}, a);
  fill_uniform(RandomKey{1, 2}, b);
  const Index lda = ta ? m : k;
  const Index ldb = tb ? k : n;
  std::vector<float> space(static_cast<std::size_t>(kernels::packed_size<float>(n, k)) + 16);
  void* start = space.data();
  std::size_t bytes = space.size() * sizeof(float);
  auto* const panels = static_cast<float*>(std::align(64, bytes - 64, start, bytes));
  kernels::pack(tb, n, k, b.data(), ldb, panels);
  std::printf("%-10s %6lld,%5lld,%5lld %s%s ", each.name, static_cast<long long>(m),
              static_cast<long long>(n), static_cast<long long>(k), ta ? "t" : "-", tb ? "t" : "-");
  for (const int threads : {1, 2}) {
    set_num_threads(threads);
    const double best = peak() * threads;
    const Rate rate = measure(2.0 * static_cast<double>(m * n * k), budget, [&] {
      if (each.packed) {
        kernels::gemm_packed(ta, m, n, k, a.data(), lda, panels, c.data(), n, false);
      } else {
        kernels::gemm(ta, tb, m, n, k, a.data(), lda, b.data(), ldb, c.data(), n, false);
      }
    });
    std::printf(" | %7.1f (%6.1f) of %6.1f %3.0f%%", rate.median, rate.most, best, 100 * rate.median / best);
    std::fflush(stdout);
  }
  std::printf("\n");
}

}  // namespace

int main(int count, char** arguments) {
  const double budget = count > 1 ? std::atof(arguments[1]) : 0.3;
  std::printf("%s; GFLOP/s, median (most) of the peak, on 1 and on 2 threads; t: transposed\n",
              kernels::name_of(kernels::current_isa()));
  std::printf("%-10s %6s,%5s,%5s\n", "", "m", "n", "k");
  for (const Case& each : cases) row(each, budget);
  for (const Case& each : {Case{"small", 1, 1, 1}, Case{"small", 2, 3, 4}, Case{"small", 4, 4, 16},
                           Case{"small", 8, 8, 8}, Case{"small", 1, 32, 32}}) {
    set_num_threads(1);
    std::vector<float> a(1024, 0.5f);
    std::vector<float> b(1024, 0.5f);
    std::vector<float> c(1024);
    const auto rate = measure(1, 0.05, [&] {
      kernels::gemm(false, false, each.m, each.n, each.k, a.data(), each.k, b.data(), each.n, c.data(),
                    each.n, false);
    });
    std::printf("%-10s %6lld,%5lld,%5lld: %.0f ns\n", each.name, static_cast<long long>(each.m),
                static_cast<long long>(each.n), static_cast<long long>(each.k), 1 / rate.median);
  }
}
