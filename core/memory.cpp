#include <algorithm>
#include <limits>
#include <mutex>
#include <utility>

#include <unspool/core/memory.h>
#include <unspool/core/threads.h>

#ifdef __linux__
#include <sys/mman.h>
#endif

namespace unspool {

namespace detail {
constinit thread_local Shelf shelves[small_classes]{};
}

void* detail::map_zeros([[maybe_unused]] std::size_t bytes) noexcept {
#ifdef __linux__
  void* const mapped = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return mapped == MAP_FAILED ? nullptr : mapped;
#else
  return nullptr;
#endif
}

void detail::unmap_zeros([[maybe_unused]] void* block, [[maybe_unused]] std::size_t bytes) noexcept {
#ifdef __linux__
  munmap(block, bytes);
#endif
}

#if !UNSPOOL_POOLED

void* detail::allocate_slow(std::size_t bytes) { return ::operator new (bytes, std::align_val_t{64}); }

void detail::deallocate_slow(void* block, std::size_t) noexcept {
  ::operator delete (block, std::align_val_t{64});
}

MemoryStatistics memory_statistics() { return {}; }

void release_memory() {}

#else

namespace {

using detail::FreeBlock;
using detail::Shelf;
using detail::shelves;
using detail::small_classes;

constexpr std::size_t slab_bytes = 262144;
constexpr std::size_t huge_page = 2097152;
constexpr std::size_t region_bytes = 16 * huge_page;
constexpr std::uint64_t cache_cap = std::uint64_t{1} << 30;

constexpr std::size_t small_size(std::size_t size_class) {
  if (size_class < 8) return (size_class + 1) * 64;
  const std::size_t step = size_class - 8;
  return ((step % 4 + 5) << (step / 4 + 1)) * 64;
}
static_assert(small_size(small_classes - 1) == detail::max_small_block);
static_assert(small_size(detail::small_class(513)) == 640);
static_assert(detail::small_class(detail::max_small_block) == small_classes - 1);

// How many blocks of one class move between a thread and the central store at once: 128 KiB, within bounds.
constexpr std::uint32_t small_part(std::size_t size_class) {
  return static_cast<std::uint32_t>(std::clamp<std::size_t>(131072 / small_size(size_class), 4, 256));
}

// Size classes of large blocks: eight for each power of two, from 64 KiB to 64 TiB, so at most an eighth is
// wasted.
constexpr std::size_t large_classes = 240;

constexpr std::size_t large_class(std::size_t bytes) {
  const std::size_t last = bytes - 1;
  const auto exponent = static_cast<std::size_t>(std::bit_width(last)) - 1;
  return (exponent - 16) * 8 + ((last >> (exponent - 3)) & 7);
}

constexpr std::size_t large_size(std::size_t size_class) {
  return (size_class % 8 + 9) << (size_class / 8 + 13);
}
static_assert(large_size(large_class(65537)) == 73728 && large_size(large_class(73729)) == 81920);
static_assert(large_size(large_class(std::size_t{1} << 20)) == std::size_t{1} << 20);
static_assert(large_class(std::size_t{1} << 46) == large_classes - 1);

// A list of free blocks that moves between threads as one. It is stored in its first block.
struct Batch {
  FreeBlock* next;
  Batch* next_batch;
  std::uint32_t count;
};

struct SmallClass {
  Batch* batches = nullptr;
  // The unused part of the newest slab.
  std::byte* fresh = nullptr;
  std::byte* fresh_end = nullptr;
};

struct LargeBlock {
  LargeBlock* next;
  // The thread that freed the block: its cache may still hold lines of it.
  const void* thread;
};

struct LargeClass {
  LargeBlock* free = nullptr;
  std::uint64_t last_use = 0;
};

// Identifies a thread.
const void* this_thread() { return &shelves; }

// A block that this thread freed, if one is among the first few, or else the first block.
LargeBlock* take_free(LargeClass& of_size) {
  constexpr int looked_at = 8;
  LargeBlock** place = &of_size.free;
  for (int i = 0; i < looked_at && *place != nullptr; ++i, place = &(*place)->next) {
    if ((*place)->thread != this_thread()) continue;
    return std::exchange(*place, (*place)->next);
  }
  return of_size.free == nullptr ? nullptr : std::exchange(of_size.free, of_size.free->next);
}

// Unused memory from the system, handed out in whole small pages.
struct Region {
  std::byte* next = nullptr;
  std::byte* end = nullptr;
};

// The store that all threads share. Never destroyed, since tensors may outlive every static object.
struct Central {
  std::mutex mutex;
  SmallClass small[small_classes];
  LargeClass large[large_classes];
  Region region;
  std::uint64_t clock = 0;
  MemoryStatistics statistics;
};

Central& central() {
  alignas(Central) static std::byte storage[sizeof(Central)];
  static Central* const only = ::new (storage) Central;
  return *only;
}

// Populates the pages of a new block with all threads. Otherwise each page would cost a page fault when it is
// first touched, which takes several times as long as clearing it. Does nothing if the system has no call for
// it.
void populate_pages([[maybe_unused]] void* block, [[maybe_unused]] std::size_t bytes) {
#ifdef MADV_POPULATE_WRITE
  parallel_for(static_cast<Index>(bytes), static_cast<Index>(huge_page), [&](Index begin, Index end) {
    madvise(static_cast<std::byte*>(block) + begin, static_cast<std::size_t>(end - begin),
            MADV_POPULATE_WRITE);
  });
#endif
}

#ifdef __linux__
// Memory in huge pages, if the system grants them: they save page faults and TLB misses. Null if there is no
// memory.
std::byte* map_huge_pages(std::size_t bytes) noexcept {
  void* const mapped =
      mmap(nullptr, bytes + huge_page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) return nullptr;
  auto* const begin = static_cast<std::byte*>(mapped);
  const std::size_t before = (huge_page - reinterpret_cast<std::uintptr_t>(begin) % huge_page) % huge_page;
  if (before != 0) munmap(begin, before);
  if (before != huge_page) munmap(begin + before + bytes, huge_page - before);
  madvise(begin + before, bytes, MADV_HUGEPAGE);
  return begin + before;
}

// Takes a block from a region of huge pages. Mapped by itself a block would end in small pages, which take
// the system twice as long.
void* take_from_region_locked(Region& region, std::size_t bytes) noexcept {
  if (static_cast<std::size_t>(region.end - region.next) < bytes) {
    std::byte* const mapped = map_huge_pages(region_bytes);
    if (mapped == nullptr) return nullptr;
    if (region.next != region.end) munmap(region.next, static_cast<std::size_t>(region.end - region.next));
    region = {mapped, mapped + region_bytes};
  }
  return std::exchange(region.next, region.next + bytes);
}
#endif

// Null if there is no memory.
void* take_from_system([[maybe_unused]] Region& region, std::size_t bytes) noexcept {
#ifdef __linux__
  if (bytes > region_bytes / 2) return map_huge_pages(bytes);
  if (void* const block = take_from_region_locked(region, bytes)) return block;
  // There is no memory for a whole region, but there may be for this block.
  void* const mapped = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return mapped == MAP_FAILED ? nullptr : mapped;
#else
  return ::operator new (bytes, std::align_val_t{64}, std::nothrow);
#endif
}

void give_to_system(void* block, std::size_t bytes) noexcept {
#ifdef __linux__
  munmap(block, bytes);
#else
  ::operator delete (block, bytes, std::align_val_t{64});
#endif
}

void give_to_system_locked(Central& all, void* block, std::size_t bytes) noexcept {
  give_to_system(block, bytes);
  all.statistics.system_bytes -= bytes;
}

void release_large_locked(Central& all) noexcept {
  for (std::size_t i = 0; i < large_classes; ++i) {
    while (LargeBlock* const block = all.large[i].free) {
      all.large[i].free = block->next;
      give_to_system_locked(all, block, large_size(i));
    }
  }
  all.statistics.cached_bytes = 0;
}

void* take_from_system_locked(Central& all, std::size_t bytes) {
  void* block = take_from_system(all.region, bytes);
  if (block == nullptr) {
    release_large_locked(all);
    block = take_from_system(all.region, bytes);
    if (block == nullptr) throw std::bad_alloc();
  }
  auto& statistics = all.statistics;
  ++statistics.system_allocations;
  statistics.system_bytes += bytes;
  statistics.peak_system_bytes = std::max(statistics.peak_system_bytes, statistics.system_bytes);
  return block;
}

// Frees cached blocks, those of the least recently used sizes first, until `bytes` more fit under the cap.
void make_room_locked(Central& all, std::size_t bytes) noexcept {
  auto& cached = all.statistics.cached_bytes;
  while (cached + bytes > cache_cap && cached > 0) {
    std::size_t oldest = large_classes;
    for (std::size_t i = 0; i < large_classes; ++i) {
      if (all.large[i].free == nullptr) continue;
      if (oldest == large_classes || all.large[i].last_use < all.large[oldest].last_use) oldest = i;
    }
    LargeBlock* const block = all.large[oldest].free;
    all.large[oldest].free = block->next;
    cached -= large_size(oldest);
    give_to_system_locked(all, block, large_size(oldest));
  }
}

void* allocate_large(std::size_t bytes) {
  if (bytes > large_size(large_classes - 1)) throw std::bad_alloc();
  const std::size_t index = large_class(bytes);
  Central& all = central();
  // Called before a block is taken, since it may throw.
  static_cast<void>(num_threads());
  void* fresh = nullptr;
  {
    const std::lock_guard lock(all.mutex);
    LargeClass& of_size = all.large[index];
    of_size.last_use = ++all.clock;
    if (LargeBlock* const block = take_free(of_size)) {
      all.statistics.cached_bytes -= large_size(index);
      return block;
    }
    fresh = take_from_system_locked(all, large_size(index));
  }
  populate_pages(fresh, bytes);
  return fresh;
}

void deallocate_large(void* block, std::size_t bytes) noexcept {
  const std::size_t index = large_class(bytes);
  const std::size_t size = large_size(index);
  Central& all = central();
  const std::lock_guard lock(all.mutex);
  if (size > cache_cap) {
    give_to_system_locked(all, block, size);
    return;
  }
  make_room_locked(all, size);
  LargeClass& of_size = all.large[index];
  of_size.free = ::new (block) LargeBlock{of_size.free, this_thread()};
  of_size.last_use = ++all.clock;
  all.statistics.cached_bytes += size;
}

// Up to `most` blocks, at least one.
Batch* take_batch(std::size_t size_class, std::uint32_t most) {
  const std::size_t size = small_size(size_class);
  Central& all = central();
  const std::lock_guard lock(all.mutex);
  SmallClass& shared = all.small[size_class];
  if (Batch* const batch = shared.batches) {
    if (batch->count <= most) {
      shared.batches = batch->next_batch;
      return batch;
    }
    // Only a thread that ends asks for less than a batch. Split off the first block.
    shared.batches = ::new (batch->next) Batch{batch->next->next, batch->next_batch, batch->count - 1};
    batch->count = 1;
    batch->next = nullptr;
    return batch;
  }
  if (shared.fresh == shared.fresh_end) {
    shared.fresh = static_cast<std::byte*>(take_from_system_locked(all, slab_bytes));
    shared.fresh_end = shared.fresh + slab_bytes / size * size;
  }
  const auto left = static_cast<std::size_t>(shared.fresh_end - shared.fresh) / size;
  const auto count = static_cast<std::uint32_t>(std::min<std::size_t>(left, most));
  FreeBlock* next = nullptr;
  for (std::uint32_t i = count - 1; i > 0; --i) next = ::new (shared.fresh + i * size) FreeBlock{next};
  auto* const batch = ::new (shared.fresh) Batch{next, nullptr, count};
  shared.fresh += count * size;
  return batch;
}

// Takes a list of `count` blocks that starts with `first`.
void give_batch(std::size_t size_class, FreeBlock* first, std::uint32_t count) noexcept {
  FreeBlock* const next = first->next;
  Central& all = central();
  const std::lock_guard lock(all.mutex);
  SmallClass& shared = all.small[size_class];
  shared.batches = ::new (static_cast<void*>(first)) Batch{next, shared.batches, count};
}

// A spare list of `part` blocks for each class. It keeps a thread that alternates between allocating and
// freeing from going to the central store each time, and lets one that frees much move whole lists.
constinit thread_local FreeBlock* spare[small_classes]{};

// Set when the thread's blocks were given to the central store; later calls of this thread use that store.
constinit thread_local bool thread_ended = false;

struct AtThreadEnd {
  AtThreadEnd() {
    for (std::size_t i = 0; i < small_classes; ++i) shelves[i].part = small_part(i);
  }
  ~AtThreadEnd() {
    thread_ended = true;
    for (std::size_t i = 0; i < small_classes; ++i) {
      Shelf& mine = shelves[i];
      if (mine.free != nullptr) give_batch(i, mine.free, mine.count);
      if (spare[i] != nullptr) give_batch(i, spare[i], mine.part);
      mine = {};
      spare[i] = nullptr;
    }
  }
  AtThreadEnd(const AtThreadEnd&) = delete;
  AtThreadEnd& operator=(const AtThreadEnd&) = delete;
};

// Returns false after the end of the thread.
bool register_thread() {
  if (thread_ended) return false;
  static thread_local const AtThreadEnd at_end;
  static_cast<void>(at_end);
  return true;
}

}  // namespace

void* detail::allocate_slow(std::size_t bytes) {
  if (bytes > max_small_block) return allocate_large(bytes);
  const std::size_t size_class = small_class(bytes);
  if (!register_thread()) return take_batch(size_class, 1);
  Shelf& mine = shelves[size_class];
  if (FreeBlock* const block = std::exchange(spare[size_class], nullptr)) {
    mine.free = block->next;
    mine.count = mine.part - 1;
    return block;
  }
  Batch* const batch = take_batch(size_class, mine.part);
  mine.free = batch->next;
  mine.count = batch->count - 1;
  return batch;
}

void detail::deallocate_slow(void* block, std::size_t bytes) noexcept {
  if (bytes > max_small_block) return deallocate_large(block, bytes);
  const std::size_t size_class = small_class(bytes);
  if (!register_thread()) {
    give_batch(size_class, ::new (block) FreeBlock{nullptr}, 1);
    return;
  }
  Shelf& mine = shelves[size_class];
  if (mine.count == mine.part) {
    // Keep the newer blocks, which are still in the cache.
    if (spare[size_class] != nullptr) give_batch(size_class, spare[size_class], mine.part);
    spare[size_class] = std::exchange(mine.free, nullptr);
    mine.count = 0;
  }
  mine.free = ::new (block) FreeBlock{mine.free};
  ++mine.count;
}

MemoryStatistics memory_statistics() {
  Central& all = central();
  const std::lock_guard lock(all.mutex);
  return all.statistics;
}

void release_memory() {
  Central& all = central();
  const std::lock_guard lock(all.mutex);
  release_large_locked(all);
}

#endif

}  // namespace unspool
