// GFLOP/s of float32 matrix products, each beside the multiply-add peak of the core measured just before it,
// since both vary on a shared machine. gemm [seconds for each measurement]
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include <unspool/core/internal/peak.h>
#include <unspool/core/kernels/gemm.h>
#include <unspool/core/random.h>
#include <unspool/core/threads.h>

namespace {

using namespace unspool;
using Clock = std::chrono::steady_clock;

struct Rate {
  double median = 0;
  double most = 0;
};

// GFLOP/s of run(), which does `work` floating-point operations.
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
  kernels::pack<float>(n, k, {b.data(), ldb, tb}, panels);
  std::printf("%-10s %6lld,%5lld,%5lld %s%s ", each.name, static_cast<long long>(m),
              static_cast<long long>(n), static_cast<long long>(k), ta ? "t" : "-", tb ? "t" : "-");
  for (const int threads : {1, 2}) {
    set_num_threads(threads);
    const double best = unspool::internal::peak() * threads;
    const Rate rate = measure(2.0 * static_cast<double>(m * n * k), budget, [&] {
      if (each.packed) {
        kernels::gemm<float>({m, n, k}, {a.data(), lda, ta}, kernels::PackedMatrix<float>{panels},
                             {c.data(), n});
      } else {
        kernels::gemm<float>({m, n, k}, {a.data(), lda, ta}, {b.data(), ldb, tb}, {c.data(), n});
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
      kernels::gemm<float>({each.m, each.n, each.k}, {a.data(), each.k}, {b.data(), each.n},
                           {c.data(), each.n});
    });
    std::printf("%-10s %6lld,%5lld,%5lld: %.0f ns\n", each.name, static_cast<long long>(each.m),
                static_cast<long long>(each.n), static_cast<long long>(each.k), 1 / rate.median);
  }
}
