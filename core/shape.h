#pragma once

#include <array>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <iosfwd>
#include <optional>
#include <span>
#include <string>

#include <unspool/core/mistake.h>

namespace unspool {

/// The type of sizes and indices.
using Index = std::int64_t;

/// The size of a dimension that is not known yet, such as a batch or the length of a sequence. Keras' None.
inline constexpr Index unknown = -1;

/// The type of None.
struct NoneType {
  /// Nothing: `.seed = None`.
  template <class T>
  constexpr operator std::optional<T>() const {
    return std::nullopt;
  }
  /// Whether a size is unknown: `x.shape()[0] == None`.
  friend constexpr bool operator==(Index size, NoneType) { return size == unknown; }
};
// Xlib has a macro of this name.
#ifndef None
/// Keras' None: an unknown size in a shape, `{None, 16}`; all axes; an optional value that is not there.
inline constexpr NoneType None{};
#endif

namespace detail {

/// A size as it is written in the list of a shape.
struct Dimension {
  template <std::convertible_to<Index> I>
  requires(!std::floating_point<I>) constexpr Dimension(I number) : size(static_cast<Index>(number)) {}
  constexpr Dimension(NoneType) : size(unknown) {}
  Index size;
};

}  // namespace detail

/// The sizes of a tensor, outermost first. A scalar has rank 0.
class Shape {
 public:
  /// The largest rank. Shapes allocate no memory.
  static constexpr int max_rank = 8;

  /// The shape of a scalar.
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
  ///@{
  /// A shape of these sizes. Throws ValueError if a size is below -1 or there are more than 8.
  Shape(std::initializer_list<detail::Dimension> sizes);
  explicit Shape(std::span<const Index> sizes);
  ///@}

  /// The number of dimensions.
  int rank() const { return rank_; }
  /// Whether the rank is 0.
  bool empty() const { return rank_ == 0; }
  /// The size along `axis`, which counts from the end if negative. Throws IndexError if it is out of range.
  Index operator[](int axis) const { return sizes_[static_cast<std::size_t>(normalize(axis))]; }
  ///@{
  /// The first and the last size. Throws IndexError for rank 0.
  Index front() const { return (*this)[0]; }
  Index back() const { return (*this)[-1]; }
  ///@}
  ///@{
  /// The sizes in order.
  const Index* begin() const& { return sizes_.data(); }
  const Index* end() const& { return sizes_.data() + rank_; }
  UNSPOOL_MISTAKE("the shape is a temporary: name it first", begin() const&&);
  UNSPOOL_MISTAKE("the shape is a temporary: name it first", end() const&&);
  operator std::span<const Index>() const { return {sizes_.data(), static_cast<std::size_t>(rank_)}; }
  ///@}

  /// Whether no size is unknown.
  bool known() const;
  /// The product of the sizes. Throws ValueError if a size is unknown or the product overflows.
  Index elements() const {
    Index product = 1;
    for (int i = 0; i < rank_; ++i) {
      const Index size = sizes_[static_cast<std::size_t>(i)];
      if (size < 0 || __builtin_mul_overflow(product, size, &product)) return elements_or_fail();
    }
    return product;
  }
  /// `axis` counted from the front. Throws IndexError unless -rank <= axis < rank.
  int normalize(int axis) const {
    const int from_front = axis < 0 ? axis + rank_ : axis;
    if (from_front < 0 || from_front >= rank_) fail_axis(axis);
    return from_front;
  }

  /// Appends a dimension. Throws ValueError for a size below -1 or a ninth dimension.
  void push_back(Index size);
  /// Inserts a dimension before number `axis`, which must be from 0 to the rank. Throws ValueError as
  /// push_back() does.
  void insert(int axis, Index size);
  /// Removes a dimension. Throws IndexError if `axis` is out of range.
  void erase(int axis);
  /// Replaces one size. Throws IndexError if `axis` is out of range.
  void set(int axis, Index size);
  /// The dimensions from `first` up to, not including, `last`.
  Shape sub(int first, int last) const;

  /// Whether rank and sizes are equal; an unknown size equals only an unknown size.
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
  // Not initialized for rank 0, so that copying a scalar's shape reads and writes nothing.
  std::array<Index, max_rank> sizes_;
};

/// The sizes of `a` followed by those of `b`. Throws ValueError if there are more than 8.
Shape operator+(const Shape& a, const Shape& b);

///@{
/// "[2, 3, ?]"; "[]" for a scalar.
std::string to_string(const Shape& shape);
std::ostream& operator<<(std::ostream& stream, const Shape& shape);
///@}

/// Whether two shapes have one rank and equal sizes wherever both are known.
bool compatible(const Shape& a, const Shape& b);

/// Broadcasts two shapes as NumPy does. An unknown size with 1 or unknown gives unknown, with n > 1 gives n.
/// Returns false if the shapes do not broadcast.
bool broadcast(const Shape& a, const Shape& b, Shape& result);

}  // namespace unspool
