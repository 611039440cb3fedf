#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include <unspool/autograd/internal/scan_plan.h>
#include <unspool/core/pooled.h>
#include <unspool/core/threads.h>

namespace unspool::internal {

/// One run of a plan, or several, one after the other.
class ScanRun {
 public:
  ScanRun(const ScanPlan& plan, Index most_steps);
  ~ScanRun();
  ScanRun(const ScanRun&) = delete;
  ScanRun& operator=(const ScanRun&) = delete;

  void run(std::span<const ScanArray> inputs, std::span<const ScanArray> outputs, Index steps);

 private:
  using Phase = ScanPlan::Phase;
  using Place = ScanPlan::Place;
  using Kind = ScanPlan::Kind;
  using Walk = ScanPlan::Walk;
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
  void finish();
  void run_chunk();
  /// Whether what a row of the loop reads follows from that row of the sequences.
  bool begins_by_rows() const;
  bool have_rows(const std::vector<ScanPlan::Turned>& list) const;
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
  /// Segments of before or after the loop, at each step of the chunk.
  void run_steps(std::span<const Segment> segments, Index begin, Index end) const;
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

  std::byte* sum(const Instruction& instruction) const;
  /// Those from `first` on whose right sides are its own or parts of it. It is packed once for all of them, a
  /// part of the rows at a time; each thread has columns of it, packs them, and waits for nobody. Returns the
  /// last one.
  std::size_t sum_products(const std::vector<Segment>& segments, std::size_t first, Index low,
                           Index high) const;
  /// In two levels, since one long chain of sums loses digits.
  void sum_rows(const Instruction& instruction, Frame& frame, Index rows) const;
  void sum_values(const Instruction& instruction, Frame& frame) const;

  const ScanPlan& plan_;
  const StepProgram& program_;
  std::span<const ScanArray> inputs_;
  std::span<const ScanArray> outputs_;
  Index steps_ = 0;
  Index chunk_steps_;
  Index rows_;
  bool prepared_ = false;
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
  SmallVector<std::byte*, 8> packed_matrices_;
};

}  // namespace unspool::internal
