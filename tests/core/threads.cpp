#include "../support/threads.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <doctest/doctest.h>
#include <limits>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <unspool/core/error.h>
#include <unspool/core/internal/float_mode.h>
#include <unspool/core/threads.h>

using namespace unspool;
using namespace unspool::testing;

namespace {}  // namespace

TEST_CASE("threads: the pieces are the same whatever the number of threads") {
  for (const int n : {1, 2, 4, 7}) {
    const Threads threads(n);
    CHECK(num_threads() == n);
    for (const Index count : {0, 1, 2, 9, 10, 11, 1000, 1003}) {
      for (const Index grain : {1, 3, 10, 2000}) {
        std::vector<std::atomic<int>> visits(static_cast<std::size_t>(count));
        std::atomic<bool> as_documented{true};
        parallel_for(count, grain, [&](Index begin, Index end) {
          if (begin % grain != 0 || end != std::min(begin + grain, count)) as_documented = false;
          for (Index i = begin; i < end; ++i) ++visits[static_cast<std::size_t>(i)];
        });
        CHECK(as_documented);
        CHECK(std::all_of(visits.begin(), visits.end(), [](const auto& v) { return v == 1; }));
      }
    }
  }
}

TEST_CASE("threads: many short jobs, with pauses in which the workers fall asleep") {
  const Threads threads(3);
  std::atomic<Index> sum{0};
  for (int i = 0; i < 2000; ++i) {
    parallel_for(8, 1, [&](Index begin, Index) { sum += begin; });
    if (i % 100 == 0) std::this_thread::sleep_for(std::chrono::microseconds(i));
  }
  CHECK(sum == 2000 * 28);
}

TEST_CASE("threads: a nested parallel_for runs where it is called") {
  const Threads threads(4);
  std::atomic<int> calls{0};
  std::atomic<bool> same_thread{true};
  parallel_for(8, 1, [&](Index, Index) {
    const auto here = std::this_thread::get_id();
    parallel_for(8, 1, [&](Index, Index) {
      ++calls;
      if (std::this_thread::get_id() != here) same_thread = false;
    });
  });
  CHECK(calls == 64);
  CHECK(same_thread);
}

TEST_CASE("threads: the caller gets the exception of the first piece that fails") {
  for (const int n : {1, 2, 4}) {
    const Threads threads(n);
    for (int repeat = 0; repeat < 200; ++repeat) {
      std::string message;
      try {
        parallel_for(40, 1, [](Index begin, Index) {
          if (begin % 7 == 3) throw ValueError(std::to_string(begin));
        });
      } catch (const ValueError& error) {
        message = error.what();
      }
      REQUIRE(message == "3");
    }
    std::atomic<int> calls{0};
    parallel_for(5, 1, [&](Index, Index) { ++calls; });
    CHECK(calls == 5);
  }
}

TEST_CASE("threads: several callers at once") {
  const Threads threads(2);
  std::vector<std::thread> callers;
  std::atomic<Index> sum{0};
  for (int t = 0; t < 8; ++t) {
    callers.emplace_back([&] {
      for (int i = 0; i < 200; ++i) {
        parallel_for(10, 2, [&](Index begin, Index end) { sum += end - begin; });
      }
    });
  }
  for (auto& caller : callers) caller.join();
  CHECK(sum == 8 * 200 * 10);
}

TEST_CASE("threads: one body, const, and one with state of its own") {
  const Threads threads(2);
  const auto nothing = [](Index, Index) {};
  parallel_for(4, 1, nothing);
  Index last = 0;
  parallel_for(1, 1, [last](Index, Index end) mutable { last = end; });
  CHECK(last == 0);
}

#ifdef __SSE__
TEST_CASE("threads: whoever computes a piece, it rounds as its caller does") {
  const volatile float tiny = std::numeric_limits<float>::min();
  const Threads threads(3);
  const auto halves = [&] {
    std::vector<float> found(64, -1.0F);
    parallel_for(64, 1, [&](Index begin, Index) { found[static_cast<std::size_t>(begin)] = tiny * 0.5F; });
    return found;
  };
  const std::vector<float> denormal(64, std::numeric_limits<float>::min() / 2);
  CHECK(halves() == denormal);
  {
    const internal::FlushToZero flush;
    CHECK(halves() == std::vector<float>(64, 0.0F));
  }
  CHECK(halves() == denormal);
}
#endif

TEST_CASE("threads: wrong numbers") {
  CHECK_THROWS_AS(set_num_threads(0), ValueError);
  CHECK_THROWS_AS(set_num_threads(-3), ValueError);
  CHECK_THROWS_AS(set_num_threads(100000), ValueError);
  CHECK_THROWS_AS(parallel_for(3, 0, [](Index, Index) {}), ValueError);
  const Threads threads(2);
  CHECK_THROWS_AS(parallel_for(4, 1, [](Index, Index) { set_num_threads(1); }), RuntimeError);
  CHECK(num_threads() == 2);
}
