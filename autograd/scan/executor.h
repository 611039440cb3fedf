#pragma once

#include <span>

#include <unspool/autograd/scan/run_memory.h>
#include <unspool/core/kernels/runs.h>
#include <unspool/core/pooled.h>

namespace unspool::scan_compiler {

/// Rows, groups of rows, or steps: from `begin` to before `end`.
struct Interval {
  Index begin;
  Index end;
  Index size() const { return end - begin; }
};

/// Runs the code of an executable over a range of rows and a range of steps. Steps and rows in the chunk's
/// buffers are those of its window.
class Executor {
 public:
  Executor(const Executable& executable, const RunMemory& memory) : code_(executable), memory_(memory) {}

  void set_window(const Window& window) { window_ = window; }
  const Window& window() const { return window_; }

  /// Runs a task for some rows, for all steps of the window; a reduction for some groups of rows. With
  /// `share` the rows are those of the window, and the task shares its work among threads.
  void run(const Task& task, Interval rows, Interval groups, bool share) const;
  /// What runs once, on whole values.
  void run_once() const;

 private:
  /// For one thread at one step, where row 0 of each value lies.
  class Frame {
   public:
    explicit Frame(const Executable& code)
        : block_(code.layout.block_bytes), rows_(code.layout.slots.size()) {}
    std::byte*& operator[](Value value) { return rows_[index_of(value)]; }
    std::byte* block() const { return block_.data(); }

   private:
    PooledBuffer<std::byte> block_;
    SmallVector<std::byte*, 64> rows_;
  };
  class LoopCursor;

  // Segments over steps (executor.cpp).

  /// Segments that do not depend on the carry, one after the other, each at all of these steps.
  void run_segments(std::span<const CodeSegment> segments, Interval steps, Interval rows, bool share) const;
  /// The loop: all its segments at each step.
  void run_loop(Interval rows) const;
  void locate(Frame& frame, const CodeSegment& segment, Index time) const;
  void copy_batch_major(const BatchMajor& each, const ScanArray& whole, bool to_chunk, Interval rows) const;
  void finish_carries(Interval rows) const;
  void copy_carry(std::byte* to, const std::byte* from, std::size_t k, Interval rows) const;

  // Rows of one step (execute_rows.cpp).

  void run_rows(const CodeSegment& segment, Frame& frame, Interval rows) const;
  void run_code(const ElementwiseCode& code, Frame& frame, Interval rows) const;
  void run_code(const CopyCode& code, Frame& frame, Interval rows) const;
  void run_code(const MachineLoop& code, Frame& frame, Interval rows) const;
  void run_code(const ProductCode& code, Frame& frame, Interval rows) const;
  void run_code(const KernelCode& code, Frame& frame, Interval rows) const;

  // Sums over rows and steps (execute_reductions.cpp).

  void reduce(Interval groups) const;
  void reduce(const ProductReductions& reductions, Interval groups) const;
  void reduce(const RowReduction& reduction, Interval groups) const;
  void reduce(const ValueReduction& reduction, Interval groups) const;
  template <class T>
  void reduce_columns(const ProductReductions& reductions, Frame& frame, Index group, Index left,
                      Index columns) const;
  /// Moves `data` to row `row` of a group's rows in the window, counted over all steps, and tells how the
  /// rows from there on lie.
  kernels::Runs runs_from(Value value, Index group, Index row, std::byte*& data) const;
  bool continues_sums() const { return memory_.sums_begun() || window_.first_step > 0; }

  const Executable& code_;
  const RunMemory& memory_;
  Window window_;
};

}  // namespace unspool::scan_compiler
