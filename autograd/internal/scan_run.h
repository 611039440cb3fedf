#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include <unspool/autograd/internal/scan_plan.h>
#include <unspool/core/kernels/runs.h>
#include <unspool/core/pooled.h>
#include <unspool/core/threads.h>

namespace unspool::internal {

/// One run of a plan, or several, one after the other.
class ScanRun {
 public:
  /// If there is more than one group, for one run.
  ScanRun(const ScanPlan& plan, Index most_steps, Index groups);
  ~ScanRun();
  ScanRun(const ScanRun&) = delete;
  ScanRun& operator=(const ScanRun&) = delete;

  void run(std::span<const ScanArray> inputs, std::span<const ScanArray> outputs, Index steps);

 private:
  using Phase = ScanPlan::Phase;
  using Place = ScanPlan::Place;
  using Kind = ScanPlan::Kind;
  using Slot = ScanPlan::Slot;
  using Instruction = ScanPlan::Instruction;
  using Segment = ScanPlan::Segment;
  using Value = StepProgram::Value;

  /// Elements that a thread takes at a time.
  static constexpr Index grain = 1 << 15;

  /// Where values lie for one thread at one step: row 0 of each.
  class Frame {
   public:
    explicit Frame(const ScanRun& run) : blocks_(run.plan_.block_bytes_), rows_(run.plan_.slots_.size()) {}
    std::byte*& operator[](Value value) { return rows_[at(value)]; }
    std::byte* blocks() const { return blocks_.data(); }

   private:
    PooledBuffer<std::byte> blocks_;
    SmallVector<std::byte*, 64> rows_;
  };

  /// For the chunks of one group, in the memory of `whole`, which has to outlive it.
  ScanRun(const ScanRun& whole, Index group);

  /// From a step to the next, of what moves with time: rows, if it has them, and bytes.
  Index step_rows(Value root) const { return plan_.slot(root).place == Place::chunk ? chunk_rows_ : rows_; }
  std::size_t time_bytes(Value root) const {
    if (step_rows(root) == rows_) return step_bytes(root);
    return static_cast<std::size_t>(step_rows(root)) * row_bytes(root);
  }
  std::size_t row_bytes(Value root) const {
    return static_cast<std::size_t>(plan_.slot(root).stride) * plan_.element(root);
  }
  std::size_t step_bytes(Value value) const { return plan_.value_bytes_[at(value)]; }
  Index time_of(Index step) const { return program_.reverse ? steps_ - 1 - step : step; }
  Index lowest() const { return program_.reverse ? steps_ - end_ : first_; }
  Index highest() const { return program_.reverse ? steps_ - first_ : end_; }
  std::byte* input(std::size_t i) const { return static_cast<std::byte*>(inputs_[i].data); }
  std::byte* output(std::size_t i) const { return static_cast<std::byte*>(outputs_[i].data); }
  std::byte* each(std::size_t e) const { return output(program_.next.size() + e); }

  const std::vector<Segment>& segments(Phase phase) const {
    return plan_.segments_[static_cast<std::size_t>(phase)];
  }

  /// Row 0 of what lies still, or moves with time. Carries and blocks are not known here.
  std::byte* locate(Value value, Index time) const;
  /// Row 0 of carry k after a step that lies in this chunk, or just before it.
  std::byte* after_step(std::size_t k, Index step) const;
  /// Where a value lies at a step of the loop.
  std::byte* find(Value value, Index step) const;

  void prepare();
  /// Of some rows, in a group of its own, or of all: what comes after the last step.
  void finish(Index begin, Index end);
  /// Calls run() with first_ and end_ at each chunk.
  template <class F>
  void each_chunk(const F& run);
  void run_chunk();
  /// All chunks of a group: a thread of its own waits for nobody.
  void run_group(Index group);
  void run_group_steps(std::span<const Segment> segments) const;
  /// Each thread takes its rows all the way, and waits for others only before what reads other rows, too: the
  /// rest of what comes after the loop, most often sums alone. `share`: how many rows.
  void run_chunk_by_rows(Index share);
  /// Between arrays whose second axis is time and the buffers of the chunk.
  void turn_sequences(Index begin, Index end) const;
  void turn_outputs(Index begin, Index end) const;
  void turn(Value value, const ScanArray& whole, bool to_chunk, Index begin, Index end) const;

  // Some rows (scan_rows.cpp).

  class Path;
  void copy_rows(std::byte* to, const std::byte* from, Value like, Index begin, Index end) const;
  void loop_rows(Index begin, Index end) const;
  /// Segments of before or after the loop, at each of some steps.
  void run_steps(std::span<const Segment> segments, Index low, Index high, Index begin, Index end) const;
  void run_segment(const Segment& segment, Frame& frame, Index begin, Index end) const;
  void run_loop(const ScanPlan::Loop& loop, Frame& frame, Index begin, Index end) const;
  void run_rows(const Instruction& instruction, Frame& frame, Index begin, Index end) const;
  void elementwise(const Instruction& instruction, Frame& frame, Index begin, Index end) const;
  void copy(const Instruction& instruction, Frame& frame, Index begin, Index end) const;
  void product(const Instruction& instruction, Frame& frame, Index begin, Index end) const;
  /// The operation's own kernel, on some rows or on all of the step.
  void call(const Instruction& instruction, Frame& frame, Index begin, Index end, bool whole) const;

  // Before and after the loop: the steps of a chunk, [low, high) in time, at once where they are rows of one
  // run.

  void fold(Phase phase, std::size_t from, Index low, Index high);
  void fold_blocks(const Segment& segment, Index low, Index high) const;
  void place(Frame& frame, const Segment& segment, Index time) const;
  void fold(const Segment& segment, const Instruction& instruction, Index low, Index high);

  // What is added up over all steps and rows (scan_sums.cpp).

  std::byte* summed(const Instruction& instruction) const {
    return output(program_.next.size() + program_.each.size() + static_cast<std::size_t>(instruction.index));
  }
  /// What a group of rows adds to, elements from a row to the next: the output itself if there is but one
  /// group.
  struct Sum {
    std::byte* data;
    Index ld;
  };
  Sum sum(const Instruction& instruction, Index group) const;
  /// Rows and columns of what is added.
  Index sum_rows_of(const Instruction& instruction) const {
    return instruction.kind == Kind::sum_product ? plan_.slot(instruction.inputs[0]).columns : 1;
  }
  Index sum_columns_of(const Instruction& instruction) const {
    return plan_.slot(instruction.inputs.back()).columns;
  }
  /// In a group's own sum, whose rows are kept from crowding each other in the nearest cache.
  Index sum_stride(const Instruction& instruction) const;
  Index group_rows() const { return (rows_ + groups_ - 1) / groups_; }
  Index group_begin(Index group) const { return std::min(rows_, group * group_rows()); }
  bool goes_on() const { return sums_begun_ || first_ > 0; }
  /// Adds up what the groups have added up.
  void finish_sums() const;
  /// Sums by rows over this chunk, of some groups.
  void add_sums(std::span<const Segment> segments, Index group, Index end) const;
  /// How many of them, from the first on, have its right side or parts of it.
  std::size_t sharing(std::span<const Segment> segments) const;
  /// Those that share a right side. It is packed once for all of them, a part of the rows at a time; each
  /// thread has columns of it in a group, packs them, and waits for nobody.
  void sum_products(std::span<const Segment> segments, Index group, Index end) const;
  /// Row `row` of a group's rows in the chunk, of all steps, and how those after it lie.
  kernels::Runs runs_from(Value value, Index group, Index row, std::byte*& data) const;
  template <class T>
  void sum_columns(std::span<const Segment> segments, Frame& frame, Index group, Index left,
                   Index columns) const;
  /// In two levels, since one long chain of sums loses digits.
  void sum_rows(const Instruction& instruction, Frame& frame, Index group, Index end) const;
  void sum_values(const Instruction& instruction, Frame& frame) const;

  const ScanPlan& plan_;
  const StepProgram& program_;
  std::span<const ScanArray> inputs_;
  std::span<const ScanArray> outputs_;
  Index steps_ = 0;
  Index chunk_steps_;
  Index rows_;
  Index groups_;
  /// The rows in the buffers of the chunk: all, or those of a group, which lie without gaps for all of its
  /// steps.
  Index first_row_ = 0;
  Index chunk_rows_;
  bool prepared_ = false;
  /// By a run before this one.
  bool sums_begun_ = false;
  /// The steps of the chunk that runs, in the order of the loop.
  Index first_ = 0;
  Index end_ = 0;
  std::size_t bytes_ = 0;
  std::byte* memory_ = nullptr;
  std::byte* once_ = nullptr;
  std::byte* packed_ = nullptr;
  std::byte* step_ = nullptr;
  std::byte* chunk_ = nullptr;
  SmallVector<std::byte*, 8> holds_;
  /// For each sum those of all groups, if there are several.
  SmallVector<std::byte*, 16> sums_apart_;
  SmallVector<std::byte*, 8> packed_matrices_;
};

}  // namespace unspool::internal
