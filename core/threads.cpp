#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <exception>
#include <limits>
#include <mutex>
#include <new>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <unspool/core/error.h>
#include <unspool/core/internal/float_mode.h>
#include <unspool/core/internal/threads.h>
#include <unspool/core/threads.h>

namespace unspool {

namespace {

constexpr int max_threads = 1024;
// How long a thread looks for work, or for the end of others, before it sleeps: about what a batch of a small
// network takes between two scans. To wake a thread can take a millisecond (docs/design/scan.md).
constexpr std::chrono::microseconds spin_time{250};

void pause() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#else
  std::this_thread::yield();
#endif
}

// Spins until done() or for the spin time. Returns done().
template <class F>
bool spin(const F& done) {
  const auto end = std::chrono::steady_clock::now() + spin_time;
  do {
    for (int i = 0; i < 32; ++i) {
      if (done()) return true;
      pause();
    }
  } while (std::chrono::steady_clock::now() < end);
  return done();
}

// Whether this thread runs pieces: always on workers, and on a caller during its job.
constinit thread_local bool inside = false;

struct Inside {
  Inside() { inside = true; }
  ~Inside() { inside = false; }
  Inside(const Inside&) = delete;
  Inside& operator=(const Inside&) = delete;
};

// Small enough to stand beside the state of the pool in a cache line.
struct Job {
  detail::ParallelBody body = nullptr;
  void* context = nullptr;
  Index count = 0;
  Index grain = 1;
  Index pieces = 0;
  // That of the caller, so that results do not depend on which thread computes a piece.
  unsigned float_mode = 0;
};

void run_inline(const Job& job) {
  for (Index k = 0; k < job.pieces; ++k) {
    job.body(job.context, k * job.grain, k * job.grain + std::min(job.grain, job.count - k * job.grain));
  }
}

class Pool {
 public:
  // Never destroyed: the destructors of other static objects may call parallel_for. AtExit stops the workers.
  static Pool& instance() {
    alignas(Pool) static std::byte storage[sizeof(Pool)];
    static Pool* const only = ::new (storage) Pool;
    return *only;
  }

  // Returns false and does nothing if another thread uses the workers.
  bool try_run(const Job& job, int threads) {
    const std::unique_lock own(owner_, std::try_to_lock);
    if (!own.owns_lock()) return false;
    if (ended_) return false;
    start_workers(threads - 1);
    run(job);
    return true;
  }

  void resize(int threads, std::atomic<int>& setting) {
    const std::lock_guard own(owner_);
    if (threads - 1 < static_cast<int>(workers_.size())) stop_workers();
    setting.store(threads, std::memory_order_relaxed);
  }

 private:
  // state_: how many workers are in the job (the low 16 bits), whether more may join, and the number of the
  // job. A worker joins with a compare-and-swap, so a caller that has done all the work need not wait for
  // sleeping workers.
  static constexpr std::uint64_t active_mask = 0xffff;
  static constexpr std::uint64_t open_bit = 0x10000;
  static constexpr std::uint64_t number_step = 0x20000;
  static constexpr Index none = std::numeric_limits<Index>::max();

  // A thread's own pieces: the first that has not begun, and their end.
  struct alignas(64) Share {
    std::atomic<Index> next{0};
    Index end = 0;
  };

  struct AtExit {
    ~AtExit() {
      // If exit() was called while a job runs, the workers end with the process.
      if (inside) return;
      Pool& pool = instance();
      const std::unique_lock own(pool.owner_, std::try_to_lock);
      if (!own.owns_lock()) return;
      pool.ended_ = true;
      pool.stop_workers();
    }
    AtExit() = default;
    AtExit(const AtExit&) = delete;
    AtExit& operator=(const AtExit&) = delete;
  };

  void start_workers(int count) {
    static const AtExit at_exit;
    static_cast<void>(at_exit);
    while (static_cast<int>(workers_.size()) < count) {
      try {
        workers_.emplace_back([this, me = workers_.size() + 1] { work(me); });
      } catch (const std::system_error&) {
        // The system has no more threads: fewer threads do the work.
        return;
      }
    }
  }

  void stop_workers() {
    {
      const std::lock_guard lock(mutex_);
      stop_.store(true);
    }
    wake_.notify_all();
    for (std::thread& worker : workers_) worker.join();
    workers_.clear();
    stop_.store(false);
  }

  void run(const Job& job) {
    job_ = job;
    if (first_failed_.load(std::memory_order_relaxed) != none) {
      first_failed_.store(none, std::memory_order_relaxed);
    }
    const std::size_t threads = workers_.size() + 1;
    while (shares_.size() < threads) shares_.emplace_back();
    for (std::size_t i = 0; i < threads; ++i) {
      const auto from = [&](std::size_t thread) {
        return job.pieces * static_cast<Index>(thread) / static_cast<Index>(threads);
      };
      shares_[i].next.store(from(i), std::memory_order_relaxed);
      shares_[i].end = from(i + 1);
    }
    state_.store((state_.load() + number_step) | open_bit);
    // Either this thread sees that a worker is asleep, or the worker sees the new state before it sleeps.
    if (const int asleep = asleep_.load(); asleep > 0) {
      { const std::lock_guard lock(mutex_); }
      const auto useful = std::min<Index>(asleep, job.pieces - 1);
      for (Index i = 0; i < useful; ++i) wake_.notify_one();
    }
    {
      const Inside guard;
      run_pieces(job, 0);
    }
    state_.fetch_and(~open_bit);
    const auto left = [this] { return (state_.load() & active_mask) == 0; };
    if (!left() && !spin(left)) {
      std::unique_lock lock(mutex_);
      caller_waits_.store(true);
      done_.wait(lock, left);
      caller_waits_.store(false);
    }
    if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
  }

  // Runs the thread's own pieces first, then those that other threads have not begun. In successive jobs of
  // one size a thread thus works on the same part of the data, which may still be in its cache.
  void run_pieces(const Job& job, std::size_t me) {
    const std::size_t threads = workers_.size() + 1;
    for (std::size_t i = 0; i < threads; ++i) run_share(job, shares_[(me + i) % threads]);
  }

  void run_share(const Job& job, Share& share) {
    while (share.next.load(std::memory_order_relaxed) < share.end) {
      const Index k = share.next.fetch_add(1, std::memory_order_relaxed);
      // Pieces before one that failed still run, so the first of all failing pieces is always found.
      if (k >= share.end || k > first_failed_.load(std::memory_order_relaxed)) return;
      try {
        job.body(job.context, k * job.grain, k * job.grain + std::min(job.grain, job.count - k * job.grain));
      } catch (...) {
        const std::lock_guard lock(mutex_);
        if (k < first_failed_.load(std::memory_order_relaxed)) {
          first_failed_.store(k, std::memory_order_relaxed);
          error_ = std::current_exception();
        }
      }
    }
  }

  void work(std::size_t me) {
    inside = true;
    std::uint64_t last = 0;
    const auto called = [&] {
      const std::uint64_t state = state_.load();
      return stop_.load() || ((state & open_bit) != 0 && state / number_step != last);
    };
    for (;;) {
      if (!spin(called)) {
        std::unique_lock lock(mutex_);
        asleep_.fetch_add(1);
        wake_.wait(lock, called);
        asleep_.fetch_sub(1);
      }
      if (stop_.load()) return;
      std::uint64_t state = state_.load();
      if ((state & open_bit) == 0 || state / number_step == last) continue;
      if (!state_.compare_exchange_strong(state, state + 1)) continue;
      last = state / number_step;
      internal::set_float_mode(job_.float_mode);
      run_pieces(job_, me);
      if ((state_.fetch_sub(1) & active_mask) == 1 && caller_waits_.load()) {
        { const std::lock_guard lock(mutex_); }
        done_.notify_one();
      }
    }
  }

  // A worker that sees the new state has the job, too: each further line that the caller has written since
  // takes it a tenth of a microsecond. Its own share is one, and what changes rarely is elsewhere.
  alignas(64) std::atomic<std::uint64_t> state_{0};
  // Written before the state opens the job, read by workers that have joined it.
  Job job_;
  static_assert(sizeof(state_) + sizeof(job_) <= 64);

  // What threads read in each job, and write rarely.
  alignas(64) std::atomic<bool> stop_{false};
  std::atomic<bool> caller_waits_{false};
  std::atomic<int> asleep_{0};
  std::atomic<Index> first_failed_{none};
  std::vector<std::thread> workers_;
  std::deque<Share> shares_;

  // Held by the caller during its job, and while the number of workers changes. Guards workers_ and ended_.
  alignas(64) std::mutex owner_;
  bool ended_ = false;

  // For sleeping, and for writing first_failed_ and error_ while pieces run.
  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable done_;
  std::exception_ptr error_;
};

// 0 until set_num_threads() or the first num_threads().
std::atomic<int> setting{0};

int default_threads() {
  const char* const variable = std::getenv("UNSPOOL_NUM_THREADS");
  if (variable == nullptr || *variable == '\0') {
    return std::clamp(static_cast<int>(std::thread::hardware_concurrency()), 1, max_threads);
  }
  const std::string_view text = variable;
  int n = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (error != std::errc() || end != text.data() + text.size() || n < 1 || n > max_threads) {
    throw ValueError("environment variable UNSPOOL_NUM_THREADS: expected an integer from 1 to " +
                     std::to_string(max_threads) + ", got \"" + std::string(text) + "\"");
  }
  return n;
}

}  // namespace

void set_num_threads(int n) {
  if (n < 1 || n > max_threads) {
    throw ValueError("set_num_threads: expected a number from 1 to " + std::to_string(max_threads) +
                     ", got " + std::to_string(n));
  }
  if (inside) {
    throw RuntimeError("set_num_threads: called inside of a parallel_for; call it before or after");
  }
  Pool::instance().resize(n, setting);
}

int num_threads() {
  int n = setting.load(std::memory_order_relaxed);
  if (n == 0) {
    const int given = default_threads();
    if (setting.compare_exchange_strong(n, given, std::memory_order_relaxed)) n = given;
  }
  return n;
}

void detail::parallel_for(Index count, Index grain, ParallelBody body, void* context) {
  if (grain < 1) throw ValueError("parallel_for: expected a grain >= 1, got " + std::to_string(grain));
  if (count <= 0) return;
  if (count <= grain) {
    body(context, 0, count);
    return;
  }
  const Job job{body, context, count, grain, (count - 1) / grain + 1, internal::float_mode()};
  if (!inside) {
    const int threads = num_threads();
    if (threads > 1 && Pool::instance().try_run(job, threads)) return;
  }
  run_inline(job);
}

internal::SerialScope::SerialScope() : outer_(inside) { inside = true; }
internal::SerialScope::~SerialScope() { inside = outer_; }

}  // namespace unspool
