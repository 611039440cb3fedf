#pragma once

#include <map>
#include <optional>
#include <utility>
#include <vector>

#include <unspool/autograd/internal/scan_plan.h>

namespace unspool::internal {

/// Writes the plan for one program, in passes over its values and uses. Each pass has a source of its own.
class PlanWriter {
 public:
  PlanWriter(ScanPlan& plan, const StepProgram& program) : plan_(plan), program_(program) {}

  void write();

 private:
  using Value = StepProgram::Value;
  using Phase = ScanPlan::Phase;
  using Place = ScanPlan::Place;
  using Kind = ScanPlan::Kind;
  using Walk = ScanPlan::Walk;
  using Slot = ScanPlan::Slot;
  using Instruction = ScanPlan::Instruction;
  using Segment = ScanPlan::Segment;
  using Use = StepProgram::Use;
  using Stacked = StepProgram::Stacked;
  enum Depends : std::uint8_t { on_nothing = 0, on_sequence = 1, on_carry = 2 };

  const Spec& spec(Value value) const { return values_[at(value)]; }
  bool whole() const { return !plan_.why_whole_.empty(); }
  bool has_rows(const Shape& shape) const { return !whole() && shape.rank() > 0 && shape[0] == plan_.rows_; }
  bool is_input(Value value) const { return producer_[at(value)] == -1; }
  static std::size_t index(Phase phase) { return static_cast<std::size_t>(phase); }
  static Index columns_of(const Shape& shape) {
    Index columns = 1;
    for (int axis = 1; axis < shape.rank(); ++axis) columns *= shape[axis];
    return columns;
  }
  /// Whether its place is among the outputs of the scan.
  bool is_output(Value value) const {
    return each_of_[at(value)] >= 0 || next_of_[at(value)] >= 0 || final_of_[at(value)] >= 0;
  }

  // plan_phases.cpp: what each value depends on, and when each use runs.

  void find_rows();
  /// What each value depends on, whether it has rows, and when each use runs.
  void classify();
  void classify(std::size_t u);
  void find_phases();
  Phase phase_of(Value value) const;

  // plan_values.cpp: which values show others, and which are written where they end up. From here on there
  // are values that are copies of those of the program.

  Instruction copy_to_new(Value value, Phase phase);
  Value copy_of(Value value, Phase phase, bool first = false);
  bool is_carry(Value value) const;
  /// A sequence whose steps lie one after the other.
  bool is_plain_sequence(Value value) const;
  /// Whole in memory, and the same at all steps.
  bool is_fixed(Value value) const;
  /// The value whose memory a view shows; itself if it is none.
  Value root_of(Value value) const;
  void find_views();
  /// The range of axis 1, if all other axes are whole and it is taken in steps of one.
  std::optional<std::pair<Index, Index>> columns_of_slice(const Use& use) const;
  /// Which outputs of the scan are written where they are made.
  void find_owners();
  /// A view that is taken after the loop.
  bool is_late_view(Value value) const;
  /// After the loop a carry is not there any more. Views that are taken there show what is kept of it.
  void keep_carry(Value value);
  /// The value that an instruction of this phase reads.
  Value seen(Value value, Phase phase) const;

  // plan_instructions.cpp: what is done.

  void make_instructions();
  Instruction sum_of(std::size_t s);
  Instruction instruction_of(std::size_t u);
  bool is_product(std::size_t u) const;
  int matrix(Value value, bool transpose, Index columns, Index depth);
  bool find_walks(const Use& use, Instruction& made) const;
  void order();
  void append(std::size_t phase, Instruction instruction);

  // plan_fusion.cpp: what is done in one instead of two.

  /// A product whose result is only added to other rows goes on from those by itself. One row for all, a
  /// bias, it adds in the end: sums that begin with it would be rounded at its size at each step.
  void fuse_products();
  bool fuse_product(std::vector<Instruction>& list, std::size_t sum);
  /// Where nobody else wants what a sum goes on from, the sum grows in its memory.
  void share_memory(const std::vector<Instruction>& list, Value result, Value other);
  /// Parts of a concat along the columns are written where they end up, or else copied there while they are
  /// near.
  void place_parts();
  void place_parts(Phase phase, std::size_t& concat);
  /// Whether it may lie in another value's memory.
  bool is_free(Value value) const;
  /// Whether an instruction of this phase, or of one before it that runs at the same steps, makes it by rows.
  bool made_by_rows(Value value, Phase phase) const;

  // plan_memory.cpp: where values lie.

  void place();
  std::size_t packed_bytes(const ScanPlan::Matrix& matrix) const;
  /// The memory that a value lies in: its view's root, or what it shares memory with.
  Value memory_of(Value value) const;
  /// Where each value is made and used: the phase and the segment.
  void find_spans();
  void base_slot(Value value);
  /// Where steps do not lie one after the other, they are in a buffer of a chunk while it runs.
  bool turned(const Stacked& stacked) const;
  void in_chunk(Value value);
  void turn(Value value, std::size_t index, std::vector<ScanPlan::Turned>& list);
  /// Decides the place of what owns its memory, by all that lies in it.
  void shared_slot(Value value);
  std::size_t bytes_of(Value value) const;
  /// Blocks share the thread's memory as they come and go; then all views are resolved.
  void blocks();
  void share_blocks(const Segment& segment);
  void resolve(Value value);
  Index offset_in(Value part, Value from) const;
  Index offset_of_part(Value part, Value all) const;

  // plan_rows.cpp: how instructions step through rows.

  /// A carry that is stacked as it comes needs no copy where the one before may be written there at once.
  void find_trajectories();
  /// Whether the rows of a step follow those of the one before in memory.
  bool folds(Value value) const;
  /// Whether it is the same for all steps.
  bool still(Value value) const;
  /// Bytes from a row to the next; 0 for what all rows share.
  std::ptrdiff_t row_bytes(Value value, bool by_row) const;
  void contiguity();
  void touch(Segment& segment, Value value) const;
  /// What a call of an elementwise operation needs, so that nothing is looked up for each block.
  void prepare(Instruction& instruction) const;

  // plan_loops.cpp: what becomes machine code.

  class LoopWriter;
  void make_loops();
  /// Finds again what a segment touches, now that some values live in registers only.
  void touch_anew(Segment& segment) const;

  static constexpr int copied = -2;

  ScanPlan& plan_;
  const StepProgram& program_;

  // Of each value.
  std::vector<Spec> values_;
  std::vector<std::uint8_t> depends_;
  /// It has the rows that are dealt out.
  std::vector<bool> rows_;
  /// The use that makes it; -1: an input; `copied`: a copy.
  std::vector<int> producer_;
  /// What it shows, what it grows in, and what it is a part of; -1: nothing.
  std::vector<Value> view_;
  std::vector<Value> same_memory_;
  std::vector<Value> part_of_;
  /// The stacked output, the carry that goes on, and the carry after the last step that it is; -1: none.
  std::vector<int> each_of_;
  std::vector<int> next_of_;
  std::vector<int> final_of_;
  std::vector<int> consumers_;
  /// Only a sum over the steps reads it, which is made without it.
  std::vector<bool> folded_;
  /// The phase and the segment that first write its memory.
  std::vector<std::pair<std::size_t, std::size_t>> made_in_;

  // Of each use.
  std::vector<bool> rowwise_;
  std::vector<SmallVector<Rows, 8>> kinds_;
  std::vector<Phase> phase_;

  /// Of each carry: whether a step reads it.
  std::vector<bool> read_;
  /// What is kept of carries for after the loop.
  std::map<Value, Value> kept_;
  /// The parts of what is made of them in place.
  std::map<Value, SmallVector<Value, 4>> concat_;
  std::vector<Instruction> first_copies_;
  std::vector<Instruction> last_copies_;
  std::vector<Instruction> lists_[ScanPlan::phases];
};

}  // namespace unspool::internal
