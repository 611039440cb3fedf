#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include <unspool/autograd/operation.h>

/// What operations say of the axes that they are about.
namespace unspool {

/// How many axes lead the others, by the attribute of that name.
inline int leading_axes(const Attributes& attributes) {
  return static_cast<int>(attributes.get_or("leading", Index{0}));
}

inline std::vector<Index> as_indices(const std::vector<int>& axes) { return {axes.begin(), axes.end()}; }

/// Whether the axis of rows is among those named.
inline bool names_rows(const Call& call) {
  const std::vector<int> axes = call.axes();
  return call.rank() == 0 || (!axes.empty() && axes[0] == 0);
}

inline void rows_if(bool same, std::span<Rows> operands) {
  std::fill(operands.begin(), operands.end(), same ? Rows::same : Rows::all);
}

/// Rows stay if their axis is not named.
inline void rows_unless_named(const Call& call, std::span<Rows> operands) {
  rows_if(!names_rows(call), operands);
}

}  // namespace unspool
