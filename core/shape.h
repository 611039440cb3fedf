#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>

namespace unspool {

/// Sizes, indices and axes.
using Index = std::int64_t;

/// A dimension that is not known yet (a batch, a sequence's length); -1, as in Keras' None.
inline constexpr Index unknown = -1;

/// The sizes of a tensor, outermost first; of rank 0 for a scalar. Row-major everywhere.
/// Holds up to 8 dimensions in place.
class Shape {
 public:
  static constexpr int max_rank = 8;

  constexpr Shape() : sizes_{} {}
  Shape(const Shape& other) noexcept : rank_(other.rank_) {
    if (rank_ != 0) sizes_ = other.sizes_;
  }
  Shape& operator=(const Shape& other) noexcept {
    rank_ = other.rank_;
    if (rank_ != 0) sizes_ = other.sizes_;
    return *this;
  }
  ~Shape() = default;
  /// ValueError if a size is below -1 or there are more than 8 of them.
  Shape(std::initializer_list<Index> sizes) : Shape(std::span<const Index>(sizes.begin(), sizes.size())) {}
  explicit Shape(std::span<const Index> sizes);

  int rank() const { return rank_; }
  bool empty() const { return rank_ == 0; }
  /// The size along `axis`; a negative axis counts from the end. IndexError if out of range.
  Index operator[](int axis) const { return sizes_[static_cast<std::size_t>(normalize(axis))]; }
  Index front() const { return (*this)[0]; }
  Index back() const { return (*this)[-1]; }
  const Index* begin() const { return sizes_.data(); }
  const Index* end() const { return sizes_.data() + rank_; }
  operator std::span<const Index>() const { return {begin(), end()}; }

  /// True if no dimension is unknown.
  bool known() const;
  /// The number of elements. ValueError if a dimension is unknown or the product overflows.
  Index elements() const {
    Index product = 1;
    for (int i = 0; i < rank_; ++i) {
      const Index size = sizes_[static_cast<std::size_t>(i)];
      if (size < 0 || __builtin_mul_overflow(product, size, &product)) return elements_or_fail();
    }
    return product;
  }
  /// `axis` counted from the front. IndexError unless -rank <= axis < rank.
  int normalize(int axis) const {
    const int from_front = axis < 0 ? axis + rank_ : axis;
    if (from_front < 0 || from_front >= rank_) fail_axis(axis);
    return from_front;
  }

  void push_back(Index size);
  void insert(int axis, Index size);
  void erase(int axis);
  /// Replaces one size.
  void set(int axis, Index size);
  /// The dimensions [first, last).
  Shape sub(int first, int last) const;

  friend bool operator==(const Shape& a, const Shape& b) {
    if (a.rank_ != b.rank_) return false;
    for (int i = 0; i < a.rank_; ++i) {
      if (a.sizes_[static_cast<std::size_t>(i)] != b.sizes_[static_cast<std::size_t>(i)]) return false;
    }
    return true;
  }

 private:
  [[noreturn]] void fail_axis(int axis) const;
  Index elements_or_fail() const;

  int rank_ = 0;
  // Those of a scalar need not be set: a copy of it does not touch them.
  std::array<Index, max_rank> sizes_;
};

/// The two joined.
Shape operator+(const Shape& a, const Shape& b);

/// "[2, 3, ?]"; "[]" for a scalar.
std::string to_string(const Shape& shape);

/// True if the two are equal wherever both are known.
bool compatible(const Shape& a, const Shape& b);

/// NumPy's broadcasting of two shapes; an unknown size against 1 or unknown is unknown, against n > 1 is n.
/// Returns false if they do not broadcast.
bool broadcast(const Shape& a, const Shape& b, Shape& result);

}  // namespace unspool
