#include <cstddef>
#include <cstdint>
#include <cstring>
#include <doctest/doctest.h>
#include <limits>
#include <mutex>
#include <new>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include <unspool/core/memory.h>

using namespace unspool;

namespace {

bool pooled() {
  void* const block = allocate(1);
  deallocate(block, 1);
  return memory_statistics().system_bytes > 0;
}

// Frees a block after the thread's own cache is gone: made before the pool's thread-local object.
struct LateFree {
  void* block = nullptr;
  void* large = nullptr;
  ~LateFree() {
    if (block == nullptr) return;
    deallocate(block, 100);
    deallocate(large, 100000);
    void* const again = allocate(100);
    std::memset(again, 1, 100);
    deallocate(again, 100);
  }
};

thread_local LateFree late;

}  // namespace

TEST_CASE("memory: blocks are aligned, writable and distinct") {
  std::vector<std::pair<std::byte*, std::size_t>> blocks;
  std::vector<std::size_t> sizes;
  for (std::size_t bytes = 0; bytes < 1500; bytes += 7) sizes.push_back(bytes);
  for (std::size_t bytes = 1024; bytes < 600000; bytes = bytes * 5 / 4) {
    for (const std::size_t near : {bytes - 1, bytes, bytes + 1}) sizes.push_back(near);
  }
  for (const std::size_t bytes : {65535u, 65536u, 65537u, 5000000u, 4194304u}) sizes.push_back(bytes);
  for (const std::size_t bytes : sizes) {
    auto* const block = static_cast<std::byte*>(allocate(bytes));
    REQUIRE(block != nullptr);
    REQUIRE(reinterpret_cast<std::uintptr_t>(block) % 64 == 0);
    std::memset(block, static_cast<int>(bytes % 251), bytes);
    blocks.emplace_back(block, bytes);
  }
  for (const auto& [block, bytes] : blocks) {
    bool same = true;
    for (std::size_t i = 0; i < bytes; ++i) same = same && block[i] == static_cast<std::byte>(bytes % 251);
    REQUIRE(same);
    deallocate(block, bytes);
  }
}

TEST_CASE("memory: more than there is throws bad_alloc") {
  if (!pooled()) return;
  CHECK_THROWS_AS(static_cast<void>(allocate(std::numeric_limits<std::size_t>::max())), std::bad_alloc);
  CHECK_THROWS_AS(static_cast<void>(allocate(std::size_t{1} << 62)), std::bad_alloc);
}

TEST_CASE("memory: a steady state asks the system for nothing") {
  if (!pooled()) return;
  const std::vector<std::size_t> sizes{1, 64, 1000, 50000, 70000, 1000000, 3000000, 5000000};
  const auto step = [&] {
    std::vector<void*> blocks;
    for (int repeat = 0; repeat < 20; ++repeat) {
      for (const std::size_t bytes : sizes) blocks.push_back(allocate(bytes));
    }
    for (std::size_t i = 0; i < blocks.size(); ++i) deallocate(blocks[i], sizes[i % sizes.size()]);
  };
  step();
  const auto before = memory_statistics();
  for (int i = 0; i < 10; ++i) step();
  const auto after = memory_statistics();
  CHECK(after.system_allocations == before.system_allocations);
  CHECK(after.system_bytes == before.system_bytes);
  CHECK(after.cached_bytes > 0);
  CHECK(after.peak_system_bytes >= after.system_bytes);
  release_memory();
  CHECK(memory_statistics().cached_bytes == 0);
  CHECK(memory_statistics().system_bytes == after.system_bytes - after.cached_bytes);
}

TEST_CASE("memory: the cache is bounded") {
  if (!pooled()) return;
  release_memory();
  const std::size_t bytes = std::size_t{300} << 20;
  std::vector<void*> blocks;
  for (int i = 0; i < 5; ++i) blocks.push_back(allocate(bytes));
  void* const other = allocate(std::size_t{200} << 20);
  for (void* const block : blocks) deallocate(block, bytes);
  deallocate(other, std::size_t{200} << 20);
  CHECK(memory_statistics().cached_bytes <= std::uint64_t{1} << 30);
  CHECK(memory_statistics().cached_bytes >= std::uint64_t{600} << 20);
  release_memory();
}

TEST_CASE("memory: one thread takes, another frees") {
  std::mutex mutex;
  std::vector<std::pair<void*, std::size_t>> handed;
  bool done = false;
  constexpr int count = 20000;
  const auto before = memory_statistics();
  std::thread consumer([&] {
    for (;;) {
      std::vector<std::pair<void*, std::size_t>> mine;
      {
        const std::lock_guard lock(mutex);
        if (handed.empty() && done) return;
        mine.swap(handed);
      }
      for (const auto& [block, bytes] : mine) deallocate(block, bytes);
      if (mine.empty()) std::this_thread::yield();
    }
  });
  for (int i = 0; i < count;) {
    {
      const std::lock_guard lock(mutex);
      if (handed.size() < 100) {
        const std::size_t bytes = static_cast<std::size_t>(i % 10) * 1000;
        void* const block = allocate(bytes);
        std::memset(block, i, bytes);
        handed.emplace_back(block, bytes);
        ++i;
        continue;
      }
    }
    std::this_thread::yield();
  }
  {
    const std::lock_guard lock(mutex);
    done = true;
  }
  consumer.join();
  // 90 MB went through.
  CHECK(memory_statistics().system_bytes - before.system_bytes < 32 * 1024 * 1024);
}

TEST_CASE("memory: a thread's end hands its blocks on, and frees after it are fine") {
  const auto work = [] {
    late.block = allocate(100);
    late.large = allocate(100000);
    std::vector<void*> blocks;
    for (int i = 0; i < 3000; ++i) blocks.push_back(allocate(200));
    for (void* const block : blocks) deallocate(block, 200);
  };
  std::thread(work).join();
  const auto before = memory_statistics();
  for (int i = 0; i < 20; ++i) std::thread(work).join();
  CHECK(memory_statistics().system_allocations == before.system_allocations);
}

TEST_CASE("memory: many threads at once") {
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < 4; ++t) {
    threads.emplace_back([t] {
      std::vector<std::pair<std::byte*, std::size_t>> held;
      std::uint32_t random = t + 1;
      for (int i = 0; i < 5000; ++i) {
        random = random * 1664525 + 1013904223;
        if (held.size() > 200 || (random >> 31 && !held.empty())) {
          const auto [block, bytes] = held[(random >> 8) % held.size()];
          held[(random >> 8) % held.size()] = held.back();
          held.pop_back();
          if (bytes > 0) REQUIRE(block[bytes - 1] == static_cast<std::byte>(t));
          deallocate(block, bytes);
        } else {
          const std::size_t bytes = (random >> 10) % (i % 50 == 0 ? 200000 : 3000);
          auto* const block = static_cast<std::byte*>(allocate(bytes));
          std::memset(block, static_cast<int>(t), bytes);
          held.emplace_back(block, bytes);
        }
      }
      for (const auto& [block, bytes] : held) deallocate(block, bytes);
    });
  }
  for (auto& thread : threads) thread.join();
}
