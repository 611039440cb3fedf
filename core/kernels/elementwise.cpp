#include <algorithm>
#include <array>

#include <unspool/core/kernels/elementwise.h>
#include <unspool/core/kernels/machine.h>
#include <unspool/core/threads.h>

namespace unspool::kernels {
namespace {

constexpr std::size_t max_inputs = 8;

/// The loop nest of a broadcast. Neighbouring axes are joined where the strides of all operands allow it.
struct Nest {
  int rank = 0;
  // Of axes up to the rank; to set all of it to 0 takes longer than a small operation.
  std::array<Index, Shape::max_rank> sizes;
  /// Element strides of each input along each axis; 0 where it is broadcast.
  std::array<std::array<Index, Shape::max_rank>, max_inputs> strides;
};

/// The output has at least two elements.
Nest make_nest(std::span<const Array> inputs, const Shape& shape) {
  Nest nest;
  std::array<Index, max_inputs> next{};
  next.fill(1);
  // From the innermost axis outwards; axis 0 of the nest is the innermost.
  for (int axis = shape.rank() - 1; axis >= 0; --axis) {
    const Index size = shape[axis];
    if (size == 1) continue;
    std::array<Index, max_inputs> strides{};
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const int own = axis - (shape.rank() - inputs[i].shape->rank());
      if (own < 0 || (*inputs[i].shape)[own] == 1) continue;
      strides[i] = next[i];
      next[i] *= size;
    }
    bool joins = nest.rank > 0;
    const auto last = static_cast<std::size_t>(std::max(nest.rank - 1, 0));
    for (std::size_t i = 0; i < inputs.size() && joins; ++i) {
      joins = strides[i] == nest.strides[i][last] * nest.sizes[last];
    }
    if (joins) {
      nest.sizes[last] *= size;
    } else {
      const auto outer = static_cast<std::size_t>(nest.rank++);
      nest.sizes[outer] = size;
      for (std::size_t i = 0; i < inputs.size(); ++i) nest.strides[i][outer] = strides[i];
    }
  }
  return nest;
}

}  // namespace

void broadcast(BlockFunction block, std::span<const Array> inputs, const Array& output) {
  const DType input_dtype = inputs.back().dtype;
  const Index count = output.shape->elements();
  if (count == 0) return;
  if (count == 1) {
    std::array<const void*, max_inputs> data{};
    constexpr std::array<Index, max_inputs> steps{};
    for (std::size_t i = 0; i < inputs.size(); ++i) data[i] = inputs[i].data;
    return block({data.data(), steps.data(), output.data, 1, input_dtype, output.dtype});
  }
  const Nest nest = make_nest(inputs, *output.shape);
  const Index inner = nest.sizes[0];
  std::array<Index, max_inputs> steps{};
  for (std::size_t i = 0; i < inputs.size(); ++i) steps[i] = nest.strides[i][0];

  // Runs elements [begin, end) of the output.
  const auto run = [&](Index begin, Index end) {
    Index at = begin;
    while (at < end) {
      const Index within = at % inner;
      const Index length = std::min(inner - within, end - at);
      std::array<const void*, max_inputs> data{};
      for (std::size_t i = 0; i < inputs.size(); ++i) {
        Index offset = within * steps[i];
        Index rest = at / inner;
        for (std::size_t axis = 1; axis < static_cast<std::size_t>(nest.rank); ++axis) {
          offset += rest % nest.sizes[axis] * nest.strides[i][axis];
          rest /= nest.sizes[axis];
        }
        data[i] = static_cast<const std::byte*>(inputs[i].data) +
                  static_cast<std::size_t>(offset) * size_of(inputs[i].dtype);
      }
      auto* out = static_cast<std::byte*>(output.data) + static_cast<std::size_t>(at) * size_of(output.dtype);
      block({data.data(), steps.data(), out, length, input_dtype, output.dtype});
      at += length;
    }
  };
  if (count <= machine::elementwise_task_elements) return run(0, count);
  parallel_for(count, machine::elementwise_task_elements, run);
}

}  // namespace unspool::kernels
