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
/// 0 under the address sanitizer, else 1; see pools_memory.
#define UNSPOOL_POOLED 1
#endif

namespace unspool {

/// Whether freed blocks are kept for later calls. False under the address sanitizer, which must see every
/// block.
inline constexpr bool pools_memory = UNSPOOL_POOLED != 0;

namespace detail {

// Size classes of small blocks: multiples of 64 bytes up to 512, then four sizes for each power of two up to
// 64 KiB.
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

// A thread's free list for one size class: up to `part` blocks, and a spare list of at most as many. A part
// of 0 (before the first use, after the thread's end, always under the address sanitizer) takes the slow
// path.
struct Shelf {
  FreeBlock* free;
  std::uint32_t count;
  std::uint32_t part;
};
extern constinit thread_local Shelf shelves[small_classes];

void* allocate_slow(std::size_t bytes);
void deallocate_slow(void* block, std::size_t bytes) noexcept;

}  // namespace detail

/// Returns a block of at least `bytes` (which may be 0), aligned to 64 bytes, not initialized, never null.
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

/// Frees a block from allocate(), on any thread and at any time. `bytes` as given to allocate().
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

namespace detail {

/// Zeros that take memory only where they are written; null if the system cannot give them. They come from
/// the system and return to it.
void* map_zeros(std::size_t bytes) noexcept;
void unmap_zeros(void* block, std::size_t bytes) noexcept;

}  // namespace detail

/// The memory of the whole process that allocate() manages.
struct MemoryStatistics {
  /// Calls to the system for memory so far. Constant in a steady state.
  std::uint64_t system_allocations = 0;
  std::uint64_t system_bytes = 0;       ///< Bytes held from the system now, in use or cached.
  std::uint64_t peak_system_bytes = 0;  ///< The maximum of system_bytes so far.
  std::uint64_t cached_bytes = 0;       ///< Bytes in free blocks of more than 64 KiB; see release_memory().
};

/// Statistics of all threads together. All 0 under the address sanitizer, where nothing is pooled.
MemoryStatistics memory_statistics();

/// Returns the cached free blocks of more than 64 KiB to the system. Smaller ones stay.
void release_memory();

}  // namespace unspool
