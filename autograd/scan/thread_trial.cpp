#include <algorithm>

#include <unspool/autograd/scan/thread_trial.h>

namespace unspool::scan_compiler {
namespace {

// A round: runs that wake the workers, some on many threads, the same number on few, and those that gain by
// it.
constexpr std::uint32_t waking = 2;
constexpr std::uint32_t tries = 4;
constexpr std::uint32_t round_runs = 256;

}  // namespace

ThreadTrial::Turn ThreadTrial::next() {
  const std::uint32_t turn = runs_.fetch_add(1, std::memory_order_relaxed) % round_runs;
  if (turn == 0) {
    for (auto& sum : picoseconds_a_step_) sum.store(0, std::memory_order_relaxed);
  }
  if (turn < waking) return {.few = false, .measured = false};
  if (turn < waking + tries) return {.few = false, .measured = true};
  if (turn < waking + 2 * tries) return {.few = true, .measured = true};
  if (turn == waking + 2 * tries) {
    const std::uint64_t many = picoseconds_a_step_[0].load(std::memory_order_relaxed);
    const std::uint64_t few = picoseconds_a_step_[1].load(std::memory_order_relaxed);
    // Other processors are to save a twentieth of the time at least.
    few_.store(many > few - few / 20, std::memory_order_relaxed);
  }
  return {.few = few_.load(std::memory_order_relaxed), .measured = false};
}

void ThreadTrial::took(const Turn& turn, std::chrono::nanoseconds time, Index steps) {
  picoseconds_a_step_[turn.few ? 1 : 0].fetch_add(
      static_cast<std::uint64_t>(time.count() * 1000 / std::max<Index>(1, steps)), std::memory_order_relaxed);
}

}  // namespace unspool::scan_compiler
