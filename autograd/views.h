#pragma once

#include <array>
#include <optional>
#include <vector>

#include <unspool/core/scalar.h>
#include <unspool/core/tensor.h>

/// \file
/// Parts of tensors. x[i] is a part along the first axis. A compiled loop reads and writes ranges of columns
/// where they lie; elsewhere a part is a copy.

namespace unspool {

/// A range of indices: begin, begin + step, ... up to, not including, end. As in Python, negative bounds
/// count from the end and bounds out of range are clipped.
struct Slice {
  std::optional<Index> begin = std::nullopt;  ///< Default: the first index, or the last if step < 0.
  /// Default: past the last index, or before the first if step < 0.
  std::optional<Index> end = std::nullopt;
  Index step = 1;  ///< Not 0.
};
/// One range for each leading axis; the other axes stay whole. Throws ValueError for a step of 0.
Tensor slice(const Tensor& x, const std::vector<Slice>& ranges);
/// The range [begin, end) along one axis; without an end, all from `begin` on.
Tensor slice(const Tensor& x, int axis, Index begin, std::optional<Index> end = std::nullopt);

///@{
/// x with `part` in place of slice(x, ranges), to which it is broadcast. For single indices see
/// Tensor::with().
[[nodiscard]] Tensor slice_update(const Tensor& x, const std::vector<Slice>& ranges, const Tensor& part);
[[nodiscard]] Tensor slice_update(const Tensor& x, const std::vector<Slice>& ranges, Scalar value);
///@}

/// Adds elements equal to `value` around x: one pair {before, after} for each axis.
Tensor pad(const Tensor& x, const std::vector<std::array<Index, 2>>& widths, Scalar value = 0);

}  // namespace unspool
