#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <new>

#if defined(__SANITIZE_ADDRESS__)
#define UNSPOOL_POOLED 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define UNSPOOL_POOLED 0
#endif
#endif
#ifndef UNSPOOL_POOLED
#define UNSPOOL_POOLED 1
#endif

namespace unspool {

/// Whether blocks that are given back are kept for the next call. Not under the address sanitizer, which is
/// to see each by itself.
inline constexpr bool pools_memory = UNSPOOL_POOLED != 0;

namespace detail {

// Small blocks come in classes: multiples of 64 bytes up to 512, then four sizes a doubling up to 64 KiB.
inline constexpr std::size_t max_small_block = 65536;
inline constexpr std::size_t small_classes = 36;

constexpr std::size_t small_class(std::size_t bytes) {
  const std::size_t unit = bytes == 0 ? 0 : (bytes - 1) / 64;
  if (unit < 8) return unit;
  const auto exponent = static_cast<std::size_t>(std::bit_width(unit)) - 1;
  return 8 + (exponent - 3) * 4 + ((unit >> (exponent - 2)) & 3);
}

struct FreeBlock {
  FreeBlock* next;
};

// The free blocks of one class that a thread keeps at hand: up to `part` of them, and maybe as many again put
// aside. A part of 0 (before the first use, after the thread's end, always under the address sanitizer) sends
// every call to the slow path.
struct Shelf {
  FreeBlock* free;
  std::uint32_t count;
  std::uint32_t part;
};
extern constinit thread_local Shelf shelves[small_classes];

void* allocate_slow(std::size_t bytes);
void deallocate_slow(void* block, std::size_t bytes) noexcept;

}  // namespace detail

/// A block of at least `bytes` (which may be 0), aligned to 64 bytes; never null. The content is arbitrary.
/// Throws std::bad_alloc.
inline void* allocate(std::size_t bytes) {
  if (bytes <= detail::max_small_block) {
    detail::Shelf& mine = detail::shelves[detail::small_class(bytes)];
    if (detail::FreeBlock* const block = mine.free) {
      mine.free = block->next;
      --mine.count;
      return block;
    }
  }
  return detail::allocate_slow(bytes);
}

/// Takes back a block from allocate, on any thread and at any time, up to the end of the process. `bytes` as
/// given to allocate.
inline void deallocate(void* block, std::size_t bytes) noexcept {
  if (bytes <= detail::max_small_block) {
    detail::Shelf& mine = detail::shelves[detail::small_class(bytes)];
    if (mine.count < mine.part) {
      mine.free = ::new (block) detail::FreeBlock{mine.free};
      ++mine.count;
      return;
    }
  }
  detail::deallocate_slow(block, bytes);
}

struct MemoryStatistics {
  /// Calls to the system for memory since the start; they stand still in a steady state.
  std::uint64_t system_allocations = 0;
  /// Bytes held from the system now, in use or cached; and the most there ever were.
  std::uint64_t system_bytes = 0;
  std::uint64_t peak_system_bytes = 0;
  /// Those of system_bytes that lie in free blocks of more than 64 KiB, and which release_memory gives back.
  std::uint64_t cached_bytes = 0;
};

/// All threads together. Under the address sanitizer, where nothing is pooled, all 0.
MemoryStatistics memory_statistics();

/// Gives the cached free blocks of more than 64 KiB back to the system. Smaller ones stay.
void release_memory();

}  // namespace unspool
