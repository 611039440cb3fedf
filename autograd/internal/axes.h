#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include <unspool/autograd/operation.h>

// Rules of operations that have attributes about axes.

namespace unspool {

/// The attribute "leading": the number of leading axes.
inline int leading_axes(const Attributes& attributes) {
  return static_cast<int>(attributes.get_or("leading", Index{0}));
}

/// Axes as an attribute.
inline std::vector<Index> as_indices(const std::vector<int>& axes) { return {axes.begin(), axes.end()}; }

/// The shape without the axes of size 1 in front, which come and go by broadcasting.
inline Shape without_leading_ones(Shape shape) {
  while (shape.rank() > 0 && shape[0] == 1) shape.erase(0);
  return shape;
}

/// Whether the attribute "axes" names the first axis, that of rows.
inline bool names_rows(const Call& call) {
  const std::vector<int> axes = call.axes();
  return call.rank() == 0 || (!axes.empty() && axes[0] == 0);
}

/// Fills a rows rule: `same` or `all` for all operands.
inline void rows_if(bool same, std::span<Rows> operands) {
  std::fill(operands.begin(), operands.end(), same ? Rows::same : Rows::all);
}

/// A rows rule: rows stay if the attribute "axes" does not name the first axis.
inline void rows_unless_named(const Call& call, std::span<Rows> operands) {
  rows_if(!names_rows(call), operands);
}

}  // namespace unspool
