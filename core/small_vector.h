#pragma once

#include <cstddef>
#include <initializer_list>
#include <memory>
#include <new>
#include <span>
#include <utility>

namespace unspool {

/// A std::vector with room for `inline_capacity` elements inside of the object: short lists on hot paths
/// allocate no memory. Its members are those of std::vector.
template <class T, std::size_t inline_capacity>
class SmallVector {
 public:
  /// Empty.
  SmallVector() = default;
  ///@{
  /// These elements, or `count` value-initialized ones.
  SmallVector(std::initializer_list<T> values) {
    reserve(values.size());
    for (const T& value : values) push_back(value);
  }
  explicit SmallVector(std::span<const T> values) {
    reserve(values.size());
    for (const T& value : values) push_back(value);
  }
  explicit SmallVector(std::size_t count) {
    reserve(count);
    for (; size_ < count; ++size_) std::construct_at(data_ + size_);
  }
  ///@}
  SmallVector(const SmallVector& other) : SmallVector(std::span<const T>(other.data_, other.size_)) {}
  SmallVector(SmallVector&& other) noexcept { take(other); }
  SmallVector& operator=(const SmallVector& other) {
    if (this != &other) *this = SmallVector(other);
    return *this;
  }
  SmallVector& operator=(SmallVector&& other) noexcept {
    if (this != &other) {
      reset();
      take(other);
    }
    return *this;
  }
  ~SmallVector() {
    std::destroy_n(data_, size_);
    release();
  }

  ///@{
  /// As in std::vector; no index is checked.
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  T* data() { return data_; }
  const T* data() const { return data_; }
  T* begin() { return data_; }
  T* end() { return data_ + size_; }
  const T* begin() const { return data_; }
  const T* end() const { return data_ + size_; }
  T& operator[](std::size_t i) & { return data_[i]; }
  const T& operator[](std::size_t i) const& { return data_[i]; }
  T operator[](std::size_t i) && { return std::move(data_[i]); }
  T& front() & { return data_[0]; }
  const T& front() const& { return data_[0]; }
  T front() && { return std::move(data_[0]); }
  T& back() & { return data_[size_ - 1]; }
  const T& back() const& { return data_[size_ - 1]; }
  T back() && { return std::move(data_[size_ - 1]); }

  void push_back(T value) {
    if (size_ == capacity_) reserve(2 * capacity_);
    std::construct_at(data_ + size_, std::move(value));
    ++size_;
  }
  void resize(std::size_t count) {
    reserve(count);
    while (size_ < count) std::construct_at(data_ + size_++);
    while (size_ > count) std::destroy_at(data_ + --size_);
  }
  void clear() { resize(0); }
  void reserve(std::size_t capacity) {
    if (capacity <= capacity_) return;
    T* moved = static_cast<T*>(::operator new(capacity * sizeof(T), std::align_val_t(alignof(T))));
    std::uninitialized_move_n(data_, size_, moved);
    std::destroy_n(data_, size_);
    release();
    data_ = moved;
    capacity_ = capacity;
  }
  ///@}

 private:
  T* in_place() { return reinterpret_cast<T*>(storage_); }
  void release() {
    if (data_ != in_place()) ::operator delete(data_, std::align_val_t(alignof(T)));
  }
  void reset() {
    std::destroy_n(data_, size_);
    release();
    data_ = in_place();
    size_ = 0;
    capacity_ = inline_capacity;
  }
  void take(SmallVector& other) {
    if (other.data_ == other.in_place()) {
      std::uninitialized_move_n(other.data_, other.size_, data_);
      size_ = other.size_;
      other.clear();
    } else {
      data_ = std::exchange(other.data_, other.in_place());
      size_ = std::exchange(other.size_, 0);
      capacity_ = std::exchange(other.capacity_, inline_capacity);
    }
  }

  alignas(T) std::byte storage_[inline_capacity * sizeof(T)];
  T* data_ = in_place();
  std::size_t size_ = 0;
  std::size_t capacity_ = inline_capacity;
};

}  // namespace unspool
