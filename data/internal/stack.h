#pragma once

#include <span>
#include <string_view>

#include <unspool/data/batch.h>

namespace unspool::internal {

/// The list with each tensor replaced by f(tensor).
template <class F>
NamedList<Tensor> transformed(const NamedList<Tensor>& list, F&& f) {
  if (list.alone()) return f(list[0]);
  std::vector<NamedList<Tensor>::Entry> entries = list.entries();
  for (auto& entry : entries) entry.value = f(entry.value);
  return entries;
}

/// The batch with each tensor replaced by f(tensor).
template <class F>
Batch transformed(const Batch& batch, F&& f) {
  return {transformed(batch.x, f), transformed(batch.y, f), transformed(batch.sample_weight, f)};
}

/// The only sample of a batch of one, without its batch axis.
Batch first_of(const Batch& batch);

/// How first axes of different sizes become equal.
struct Padding {
  double value = 0;
  std::optional<Index> length = {};
  bool mask = false;
  bool weights = false;
};

/// Samples stacked along a new first axis. Throws ValueError for samples whose shapes, dtypes, numbers or
/// names of tensors differ.
Batch stack(std::span<const Batch> samples);
/// Samples padded to the longest first axis, and stacked along a new one.
Batch stack_padded(std::span<const Batch> samples, const Padding& padding);

}  // namespace unspool::internal
