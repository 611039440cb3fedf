#pragma once

#include <concepts>
#include <initializer_list>
#include <utility>
#include <vector>

#include <unspool/core/shape.h>

namespace unspool {

/// Axes as an argument: one, `sum(x, 1)`; several, `sum(x, {0, 1})`; none, which stands for all of them,
/// `sum(x)` or `sum(x, None)`. Negative ones count from the end.
class Axes {
 public:
  ///@{
  /// All axes.
  Axes() = default;
  Axes(NoneType) {}
  ///@}
  /// One axis.
  template <std::integral I>
  requires(!std::same_as<I, bool>) Axes(I axis) : Axes({static_cast<Index>(axis)}) {}
  /// A mistake, which does not compile.
  template <std::same_as<bool> B>
  Axes(B) {
    static_assert(!std::same_as<B, bool>, "write sum(x, axis, keepdims), with None for all axes");
  }
  ///@{
  /// Several axes.
  Axes(std::initializer_list<Index> axes);
  Axes(std::vector<Index> axes);
  ///@}

  /// Whether none are named, which stands for all of them.
  bool empty() const { return list_.empty(); }
  ///@{
  /// The axes as they were given.
  const std::vector<Index>& list() const& { return list_; }
  std::vector<Index> list() && { return std::move(list_); }
  ///@}

 private:
  std::vector<Index> list_;
};

}  // namespace unspool
