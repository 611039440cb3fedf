#include <algorithm>

#include <unspool/autograd/scan/run_memory.h>
#include <unspool/core/kernels/gemm.h>
#include <unspool/core/memory.h>

namespace unspool::scan_compiler {
namespace {

/// Elements between rows of a group's sum: rows that lie a multiple of the stride apart at which addresses
/// share a set of the L1 cache get a line between them.
Index padded_stride(Index columns, DType dtype) {
  const auto element = static_cast<Index>(size_of(dtype));
  return columns * element % machine::l1_alias_stride == 0 ? columns + machine::cache_line_bytes / element
                                                           : columns;
}

std::size_t packed_bytes(const Executable& code, const Matrix& matrix) {
  const DType dtype = code.specs[index_of(matrix.value)].dtype;
  return visit_floating(dtype, [&]<class T>(T) {
    return static_cast<std::size_t>(kernels::packed_size<T>(matrix.columns, matrix.depth)) * sizeof(T);
  });
}

}  // namespace

RunMemory::RunMemory(const Executable& executable, Index groups, Index chunk_steps)
    : code_(executable), program_(*executable.program), chunk_steps_(chunk_steps), groups_(groups) {
  const auto take = [&](std::size_t size) {
    const std::size_t offset = bytes_;
    bytes_ += whole_lines(size);
    return offset;
  };
  const Layout& layout = code_.layout;
  const std::size_t once = take(layout.once_bytes);
  SmallVector<std::size_t, 8> packed(code_.matrices.size());
  for (std::size_t m = 0; m < packed.size(); ++m) packed[m] = take(packed_bytes(code_, code_.matrices[m]));
  const std::size_t step = take(layout.step_bytes);
  const std::size_t chunk =
      take(layout.chunk_bytes * static_cast<std::size_t>(std::max<Index>(1, chunk_steps)));
  SmallVector<std::size_t, 8> carries(2 * program_.carries.size());
  for (std::size_t i = 0; i < carries.size(); ++i) carries[i] = take(code_.bytes(program_.carries[i / 2]));
  sum_shapes_.resize(program_.reduced_outputs.size());
  group_sums_.resize(program_.reduced_outputs.size());
  SmallVector<std::size_t, 16> sums(program_.reduced_outputs.size());
  const auto add_sum = [&](int output, Index rows, Value columns_of) {
    SumShape& shape = sum_shapes_[static_cast<std::size_t>(output)];
    shape = {rows, code_.slot(columns_of).columns, code_.specs[index_of(columns_of)].dtype};
    if (groups_ == 1) return;
    const Index elements = groups_ * rows * padded_stride(shape.columns, shape.dtype);
    sums[static_cast<std::size_t>(output)] = take(static_cast<std::size_t>(elements) * size_of(shape.dtype));
  };
  for (const Reduction& reduction : code_.reductions) {
    if (const auto* const products = std::get_if<ProductReductions>(&reduction)) {
      for (const auto& term : products->terms)
        add_sum(term.output, code_.slot(term.left).columns, term.right);
    } else if (const auto* const rows = std::get_if<RowReduction>(&reduction)) {
      add_sum(rows->output, 1, rows->value);
    }
  }
  memory_ = static_cast<std::byte*>(allocate(bytes_));
  once_ = memory_ + once;
  step_ = memory_ + step;
  chunk_ = memory_ + chunk;
  for (std::size_t offset : packed) packed_.push_back(memory_ + offset);
  for (std::size_t offset : carries) carry_buffers_.push_back(memory_ + offset);
  for (std::size_t s = 0; s < sums.size(); ++s) group_sums_[s] = memory_ + sums[s];
}

RunMemory::~RunMemory() { deallocate(memory_, bytes_); }

void RunMemory::bind(std::span<const ScanArray> inputs, std::span<const ScanArray> outputs, Index steps) {
  inputs_ = inputs;
  outputs_ = outputs;
  steps_ = steps;
}

std::byte* RunMemory::locate(Value value, Index time, const Window& window) const {
  const Slot& slot = code_.slot(value);
  const std::size_t inside = static_cast<std::size_t>(slot.offset) * code_.element_bytes(slot.root);
  const auto i = static_cast<std::size_t>(slot.index);
  const auto at_time = [&](std::byte* base, Index by) {
    return base + static_cast<std::size_t>(by) * time_bytes(slot.root, window) + inside;
  };
  switch (slot.storage) {
    case Storage::sequence:
      return at_time(data(sequence(i)), time);
    case Storage::captured:
      return data(inputs_[program_.carries.size() + program_.sequences.size() + i]) + inside;
    case Storage::once:
      return once_ + code_.slot(slot.root).buffer_offset + inside;
    case Storage::stacked:
      return at_time(data(stacked(i)), time);
    case Storage::chunk:
      // A group's part begins where as many rows before it would end if they had all steps of the chunk, too.
      return at_time(
          chunk_ + code_.slot(slot.root).buffer_offset * static_cast<std::size_t>(chunk_steps_) +
              static_cast<std::size_t>(window.first_row * (chunk_steps_ - 1)) * row_bytes(slot.root),
          time - first_time(window));
    case Storage::step:
      return step_ + code_.slot(slot.root).buffer_offset + inside;
    case Storage::final:
      return carry_out(i) + inside;
    default:
      return nullptr;
  }
}

std::byte* RunMemory::carry_after(std::size_t k, Index step, const Window& window) const {
  const Slot& slot = code_.slot(code_.next_carry[k]);
  if (slot.is_addressable()) return locate(code_.next_carry[k], time_of(step), window);
  if (slot.storage == Storage::chunk) {
    return step < window.first_step ? carry_between_chunks(k)
                                    : locate(code_.next_carry[k], time_of(step), window);
  }
  if (step + 1 == steps_) return carry_out(k);
  if (code_.layout.trajectory[k] >= 0) {
    const auto e = static_cast<std::size_t>(code_.layout.trajectory[k]);
    return data(stacked(e)) + static_cast<std::size_t>(time_of(step + 1)) * code_.bytes(program_.carries[k]);
  }
  return carry_buffers_[2 * k + static_cast<std::size_t>(step & 1)];
}

std::byte* RunMemory::locate_in_loop(Value value, Index step, const Window& window) const {
  const Slot& slot = code_.slot(value);
  if (slot.storage != Storage::carry_in && slot.storage != Storage::carry_out) {
    return locate(value, time_of(step), window);
  }
  const auto k = static_cast<std::size_t>(slot.index);
  std::byte* const base = slot.storage == Storage::carry_out ? carry_after(k, step, window)
                          : step == 0                        ? carry_in(k)
                                                             : carry_after(k, step - 1, window);
  return base + static_cast<std::size_t>(slot.offset) * code_.element_bytes(slot.root);
}

RunMemory::Sum RunMemory::sum(int output, Index group) const {
  const SumShape& shape = sum_shape(output);
  if (groups_ == 1) return {reduced(output), shape.columns};
  const Index stride = padded_stride(shape.columns, shape.dtype);
  const Index elements = group * shape.rows * stride;
  return {group_sums_[static_cast<std::size_t>(output)] +
              static_cast<std::size_t>(elements) * size_of(shape.dtype),
          stride};
}

}  // namespace unspool::scan_compiler
