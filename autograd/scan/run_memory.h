#pragma once

#include <cstddef>
#include <span>

#include <unspool/autograd/scan/executable.h>

namespace unspool::scan_compiler {

/// An operand or a result of a run: where it begins, and for a stacked one the steps that it has in all.
struct ScanArray {
  void* data;
  Index steps = 0;
};

/// The steps of a chunk, in the order of the loop, and the rows in its buffers: all rows, or those of one
/// group, which then lie there without gaps.
struct Window {
  Index first_step = 0;
  Index end_step = 0;
  Index first_row = 0;
  Index rows = 0;

  Index steps() const { return end_step - first_step; }
  Index end_row() const { return first_row + rows; }
};

/// The memory of a run: its buffers, which it owns as one block of pooled memory, and its operands and
/// results. Tells where every value lies at a step.
class RunMemory {
 public:
  RunMemory(const Executable& executable, Index groups, Index chunk_steps);
  ~RunMemory();
  RunMemory(const RunMemory&) = delete;
  RunMemory& operator=(const RunMemory&) = delete;

  void bind(std::span<const ScanArray> inputs, std::span<const ScanArray> outputs, Index steps);

  /// From here on sums over rows add to what is there.
  void begin_sums() { sums_begun_ = true; }
  bool sums_begun() const { return sums_begun_; }

  Index steps() const { return steps_; }
  Index chunk_steps() const { return chunk_steps_; }
  Index groups() const { return groups_; }
  Index time_of(Index step) const { return program_.reverse ? steps_ - 1 - step : step; }
  /// The least time of a window, and the time after its greatest.
  Index first_time(const Window& window) const {
    return program_.reverse ? steps_ - window.end_step : window.first_step;
  }

  const ScanArray& sequence(std::size_t i) const { return inputs_[program_.carries.size() + i]; }
  const ScanArray& stacked(std::size_t e) const { return outputs_[program_.next_carry.size() + e]; }
  std::byte* carry_in(std::size_t k) const { return data(inputs_[k]); }
  std::byte* carry_out(std::size_t k) const { return data(outputs_[k]); }
  std::byte* reduced(int output) const {
    return data(outputs_[program_.next_carry.size() + program_.stacked_outputs.size() +
                         static_cast<std::size_t>(output)]);
  }

  /// Rows between consecutive steps of a value, and bytes.
  Index step_rows(Value root, const Window& window) const {
    return code_.slot(root).storage == Storage::chunk ? window.rows : code_.rows;
  }
  std::size_t time_bytes(Value root, const Window& window) const {
    if (step_rows(root, window) == code_.rows) return code_.bytes(root);
    return static_cast<std::size_t>(window.rows) * row_bytes(root);
  }
  std::size_t row_bytes(Value root) const {
    return static_cast<std::size_t>(code_.slot(root).stride) * code_.element_bytes(root);
  }

  /// Row 0 of a value at a time; null for carries and values of a block.
  std::byte* locate(Value value, Index time, const Window& window) const;
  /// Row 0 of a value at a step of the loop, carries included.
  std::byte* locate_in_loop(Value value, Index step, const Window& window) const;
  /// Row 0 of carry k after a step of the window, or after the step just before it.
  std::byte* carry_after(std::size_t k, Index step, const Window& window) const;
  /// Where carry k is kept between two chunks whose buffers hold it.
  std::byte* carry_between_chunks(std::size_t k) const { return carry_buffers_[2 * k]; }
  /// The packed matrix.
  std::byte* packed(int matrix) const { return packed_[static_cast<std::size_t>(matrix)]; }

  // Sums over rows and steps. With several groups each adds to a sum of its own.

  Index group_rows() const { return (code_.rows + groups_ - 1) / groups_; }
  Index group_begin(Index group) const { return std::min(code_.rows, group * group_rows()); }
  struct Sum {
    std::byte* data;
    /// Elements between rows.
    Index stride;
  };
  Sum sum(int output, Index group) const;
  /// Rows and columns of a sum, and its dtype.
  struct SumShape {
    Index rows;
    Index columns;
    DType dtype;
  };
  const SumShape& sum_shape(int output) const { return sum_shapes_[static_cast<std::size_t>(output)]; }

 private:
  static std::byte* data(const ScanArray& array) { return static_cast<std::byte*>(array.data); }

  const Executable& code_;
  const Program& program_;
  std::span<const ScanArray> inputs_;
  std::span<const ScanArray> outputs_;
  Index steps_ = 0;
  Index chunk_steps_;
  Index groups_;
  bool sums_begun_ = false;
  std::size_t bytes_ = 0;
  std::byte* memory_ = nullptr;
  std::byte* once_ = nullptr;
  std::byte* step_ = nullptr;
  std::byte* chunk_ = nullptr;
  /// Two for each carry, by turns.
  SmallVector<std::byte*, 8> carry_buffers_;
  SmallVector<std::byte*, 8> packed_;
  SmallVector<std::byte*, 16> group_sums_;
  SmallVector<SumShape, 16> sum_shapes_;
};

}  // namespace unspool::scan_compiler
