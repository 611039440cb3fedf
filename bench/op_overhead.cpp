// Nanoseconds for recording a scalar operation and differentiating it, and system allocations for each
// operation after the first rounds have filled the pools.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <vector>

#include <unspool/core/memory.h>
#include <unspool/unspool.h>

namespace {

std::atomic<std::uint64_t> allocations{0};

void* counted(std::size_t bytes, std::size_t alignment) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  void* block = nullptr;
  if (posix_memalign(&block, std::max(alignment, sizeof(void*)), bytes) != 0) throw std::bad_alloc();
  return block;
}

}  // namespace

// All allocations of the program and the library use these operators, or the pool, which counts its own.
void* operator new(std::size_t bytes) { return counted(bytes, alignof(std::max_align_t)); }
void* operator new(std::size_t bytes, std::align_val_t alignment) {
  return counted(bytes, static_cast<std::size_t>(alignment));
}
void operator delete(void* block) noexcept { std::free(block); }
void operator delete(void* block, std::size_t) noexcept { std::free(block); }
void operator delete(void* block, std::align_val_t) noexcept { std::free(block); }
void operator delete(void* block, std::size_t, std::align_val_t) noexcept { std::free(block); }

namespace {

using namespace unspool;

constexpr int chain = 1000;
constexpr int rounds = 300;

std::uint64_t system_allocations() { return allocations.load() + memory_statistics().system_allocations; }

template <class Step>
void measure(const char* name, Step step) {
  const Tensor x = Tensor::scalar(0.5F);
  const auto round = [&] {
    GradientTape tape;
    tape.watch(x);
    Tensor y = x;
    for (int i = 0; i < chain; ++i) y = step(y);
    return tape.gradient(y, x);
  };
  for (int i = 0; i < 20; ++i) round();
  const std::uint64_t before = system_allocations();
  std::vector<double> nanoseconds;
  nanoseconds.reserve(rounds);
  const std::uint64_t own = system_allocations() - before;
  for (int i = 0; i < rounds; ++i) {
    const auto start = std::chrono::steady_clock::now();
    round();
    const std::chrono::duration<double, std::nano> taken = std::chrono::steady_clock::now() - start;
    nanoseconds.push_back(taken.count() / chain);
  }
  const double per_operation =
      static_cast<double>(system_allocations() - before - own) / (static_cast<double>(rounds) * chain);
  std::sort(nanoseconds.begin(), nanoseconds.end());
  std::printf(
      "%-5s %6.1f ns an operation, forward and backward (min %.1f, max %.1f), %.6f system allocations\n",
      name, nanoseconds[rounds / 2], nanoseconds.front(), nanoseconds.back(), per_operation);
}

}  // namespace

int main() {
  const Tensor one = Tensor::scalar(0.25F);
  measure("add", [&](const Tensor& y) { return y + one; });
  measure("tanh", [](const Tensor& y) { return tanh(y); });
}
