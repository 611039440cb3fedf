#pragma once

#include <cstddef>
#include <vector>

#include <unspool/core/memory.h>

namespace unspool {

/// An allocator for standard containers that uses allocate() and deallocate().
template <class T>
struct PoolAllocator {
  ///@{
  /// As the standard requires of allocators.
  using value_type = T;
  PoolAllocator() = default;
  template <class U>
  PoolAllocator(const PoolAllocator<U>&) {}
  T* allocate(std::size_t count) { return static_cast<T*>(unspool::allocate(count * sizeof(T))); }
  void deallocate(T* block, std::size_t count) noexcept { unspool::deallocate(block, count * sizeof(T)); }
  friend bool operator==(PoolAllocator, PoolAllocator) { return true; }
  ///@}
};

/// A std::vector whose memory comes from allocate().
template <class T>
using PooledVector = std::vector<T, PoolAllocator<T>>;

/// An array of fixed size from allocate(): not initialized, aligned to 64 bytes.
template <class T>
class PooledBuffer {
 public:
  /// An array of so many elements.
  explicit PooledBuffer(std::size_t elements)
      : bytes_(elements * sizeof(T)), data_(static_cast<T*>(allocate(bytes_))) {}
  ~PooledBuffer() { deallocate(data_, bytes_); }
  PooledBuffer(const PooledBuffer&) = delete;
  PooledBuffer& operator=(const PooledBuffer&) = delete;
  /// The first element.
  T* data() const { return data_; }

 private:
  std::size_t bytes_;
  T* data_;
};

/// A memory arena: hands out pieces, which never move, and frees all of them at once.
class Arena {
 public:
  Arena() = default;
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  ~Arena() { clear(); }

  /// Returns a piece of so many bytes, aligned to 16.
  void* take(std::size_t bytes) {
    bytes = rounded(bytes);
    if (bytes > left_) [[unlikely]]
      grow(bytes);
    void* piece = next_;
    next_ += bytes;
    left_ -= bytes;
    return piece;
  }
  /// Frees the piece that was handed out last, which has so many bytes.
  void untake(std::size_t bytes) {
    bytes = rounded(bytes);
    next_ -= bytes;
    left_ += bytes;
  }
  /// Frees all pieces.
  void clear() {
    for (const Block& block : blocks_) deallocate(block.begin, block.bytes);
    blocks_.clear();
    next_ = nullptr;
    left_ = 0;
  }

 private:
  struct Block {
    std::byte* begin;
    std::size_t bytes;
  };
  static std::size_t rounded(std::size_t bytes) { return (bytes + 15) & ~std::size_t{15}; }
  [[gnu::noinline]] void grow(std::size_t bytes) {
    // Small tapes take little, long ones few blocks.
    const std::size_t wanted = blocks_.empty() ? 4096 : 65536;
    const std::size_t size = bytes > wanted ? bytes : wanted;
    next_ = static_cast<std::byte*>(allocate(size));
    blocks_.push_back({next_, size});
    left_ = size;
  }

  PooledVector<Block> blocks_;
  std::byte* next_ = nullptr;
  std::size_t left_ = 0;
};

}  // namespace unspool
