#pragma once

#include <algorithm>
#include <atomic>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <unspool/autograd/internal/step_program.h>
#include <unspool/core/kernels/vector_loop.h>

namespace unspool::internal {

class ScanRun;

/// Bytes in whole lines of the cache.
inline std::size_t whole_lines(std::size_t bytes) { return (bytes + 63) / 64 * 64; }

/// An operand or a result of a run: from where on, and of a stacked one how many steps it has in all.
struct ScanArray {
  void* data;
  Index steps = 0;
};

/// How a step is run (docs/design/scan.md): what runs once, over chunks of time before the loop, in it, after
/// it, and at the last step only; and where each value lies. Holds for any number of steps.
class ScanPlan {
 public:
  using Value = StepProgram::Value;

  /// The program has to outlive the plan.
  explicit ScanPlan(const StepProgram& program);

  void run(std::span<const Array> inputs, std::span<const Array> outputs, Index steps) const;
  std::string describe(Index steps) const;

  /// Chunks of no more steps than this. For tests: their programs are small enough for one chunk.
  static std::atomic<Index> longest_chunk;
  /// Rows make several groups if weights have as many elements. For tests, too.
  static std::atomic<Index> grouped_weights;

 private:
  friend class PlanWriter;
  friend class ScanRun;

  enum class Phase : std::uint8_t { once, before, loop, after, last };
  static constexpr std::size_t phases = 5;

  /// Where a value lies.
  enum class Place : std::uint8_t {
    nowhere,   ///< never stored: only a folded sum reads what it is made of
    sequence,  ///< the scan's sequence `index`
    captured,  ///< its captured input `index`
    once,      ///< made once
    each,      ///< its stacked output `index`
    carry,     ///< the carry `index` as it came
    next,      ///< the carry `index` as it goes on
    chunk,     ///< all steps of a chunk of time
    step,      ///< all rows of one step
    block,     ///< some rows, in the nearest cache
    final,     ///< the scan's carry `index` after the last step
  };
  struct Slot {
    Place place = Place::nowhere;
    int index = 0;
    /// The value whose memory this one lies in (itself: its own), and where in a row of it.
    Value root = -1;
    Index offset = 0;
    /// Elements of a row of the root, and of this value.
    Index stride = 0;
    Index columns = 0;
    /// It has the rows that are dealt out; otherwise it is one row.
    bool rows = false;

    /// For all of a run at an address that follows from time alone.
    bool lies_apart() const {
      return place == Place::each || place == Place::sequence || place == Place::captured ||
             place == Place::once;
    }
  };

  enum class Kind : std::uint8_t {
    elementwise,  ///< rows, in blocks
    product,      ///< rows times a matrix that is packed once
    copy,         ///< rows
    call,         ///< rows, by the operation's own kernel
    whole,        ///< one step, by the operation's own kernel
    sum_product,  ///< adds a_t^T b_t of all steps to a sum
    sum_rows,     ///< adds the rows of all steps to a sum
    sum_values,   ///< adds each step's value to a sum
    nothing,      ///< a view
  };
  /// How an elementwise operation steps through an operand.
  enum class Walk : std::uint8_t { same, column, row, one };
  struct Instruction {
    Kind kind = Kind::call;
    Phase phase = Phase::loop;
    int use = -1;
    /// Of a product: rows, the matrix, what the sums go on from, if not from 0, and the row that is added in
    /// the end, if there is one.
    SmallVector<Value, 4> inputs;
    SmallVector<Value, 2> outputs;
    SmallVector<Walk, 4> walks;
    /// Of operands of calls: whether row i is read by row i.
    SmallVector<bool, 4> by_row;
    /// For each operand, then each output, the bytes from a row to the next.
    SmallVector<std::ptrdiff_t, 4> row_bytes;
    /// Of a product: its packed matrix; of a sum: which.
    int index = -1;
    /// Of a product: its last input is a row that is added to all rows.
    bool plus = false;
    /// Of an elementwise operation: its function, of which dtypes, and whether it steps along each operand.
    BlockFunction block = nullptr;
    DType input_dtype = float32;
    DType output_dtype = float32;
    SmallVector<Index, 4> steps;
    /// Elements of a row, and whether the rows of a block are one run in memory.
    Index columns = 0;
    bool contiguous = false;

    bool sums_by_rows() const { return kind == Kind::sum_product || kind == Kind::sum_rows; }
    bool has_start() const { return inputs.size() - static_cast<std::size_t>(plus) > 2; }
  };
  /// Instructions of a segment, from `first` to before `end`, as one piece of machine code.
  struct Loop {
    struct Pointer {
      Value value;
      std::ptrdiff_t row_bytes;
    };
    std::size_t first = 0;
    std::size_t end = 0;
    /// Elements of a row, and whether rows follow each other in memory everywhere.
    Index columns = 0;
    bool contiguous = false;
    std::vector<Pointer> pointers;
    std::unique_ptr<kernels::VectorLoop> code;
  };
  /// Neighbouring instructions that run together on blocks of rows, or one that does not.
  struct Segment {
    std::vector<Instruction> instructions;
    std::vector<Loop> loops;
    bool blocks = false;
    Index block_rows = 1;
    /// The steps of a chunk are rows of one run in memory.
    bool folds = false;
    /// What it touches, each once: values that move with the steps or lie still, and those in the block.
    std::vector<Value> values;
    struct InBlock {
      Value value;
      /// Bytes from the begin of the block to its first row, and from a row to the next.
      std::ptrdiff_t offset;
      std::ptrdiff_t row_bytes;
    };
    std::vector<InBlock> in_block;

    /// Row i of what it makes follows from row i of what it reads.
    bool by_rows() const { return blocks || instructions[0].kind == Kind::product; }
    bool sums_by_rows() const { return instructions[0].sums_by_rows(); }
    bool sums() const { return sums_by_rows() || instructions[0].kind == Kind::sum_values; }
  };
  /// A sequence, or a stacked output, whose second axis is time: its steps of a chunk are copied to or from
  /// rows of one run.
  struct Turned {
    Value value;
    /// Which sequence, or which stacked output.
    std::size_t index;
  };
  struct Matrix {
    Value value;
    bool transpose;
    Index columns;
    Index depth;
  };

  const Slot& slot(Value value) const { return slots_[static_cast<std::size_t>(value)]; }
  std::size_t element(Value value) const { return size_of(values_[static_cast<std::size_t>(value)].dtype); }
  void find_groups();
  /// Whether a run of this plan takes groups by themselves.
  bool runs_groups_apart() const;
  /// Of a run that cuts rows into so many groups.
  Index chunk_steps(Index steps, Index groups) const;
  std::string name(Value value) const;
  std::string text(const Instruction& instruction) const;

  const StepProgram* program_;
  std::vector<Spec> values_;  ///< Those of the program, then copies.
  std::vector<std::size_t> value_bytes_;
  /// Rows are dealt to threads, and the loop needs no barrier.
  bool dealt_ = false;
  std::string why_whole_;
  Index rows_ = 1;
  /// Rows are cut into so many groups, whatever the number of threads. Each adds up its own sums, and those
  /// of all groups are added in the end: so two threads need nothing of each other's rows.
  Index groups_ = 1;
  /// A group can run by itself from the first step to the last one; and one thread, too, had better take one
  /// group after the other.
  bool groups_apart_ = false;
  bool one_by_one_ = false;
  /// What a row of the loop reads follows from that row of the sequences; and all that comes after the loop
  /// and not row by row is sums, so that rows of the outputs are there before those.
  bool begins_by_rows_ = false;
  bool ends_by_rows_ = false;
  std::vector<Slot> slots_;
  std::vector<Segment> segments_[phases];
  std::vector<Matrix> matrices_;
  std::vector<Turned> turned_sequences_;
  std::vector<Turned> turned_each_;
  /// For each carry the value that goes on.
  std::vector<Value> next_;
  /// For each carry the stacked output that its values on the way in are; -1: none.
  std::vector<int> trajectory_;
  /// Bytes of the buffers: for a step of a chunk, for a step, for a block and a thread, and once.
  std::size_t chunk_bytes_ = 0;
  std::size_t step_bytes_ = 0;
  std::size_t block_bytes_ = 0;
  std::size_t once_bytes_ = 0;
  std::size_t packed_bytes_ = 0;
  std::vector<std::size_t> offsets_;  ///< Of each value in its buffer.
};

/// Runs of one plan on the segments of a sequence, one after the other, with the same captured inputs: what
/// runs once is run once, weights are packed once, and sums go on. Rows make one group: who cuts a sequence
/// would rather have the memory of the others' sums.
class ScanRuns {
 public:
  /// The plan has to outlive the runs, of which none has more steps than this.
  ScanRuns(const ScanPlan& plan, Index most_steps);
  ~ScanRuns();
  ScanRuns(const ScanRuns&) = delete;
  ScanRuns& operator=(const ScanRuns&) = delete;

  void run(std::span<const ScanArray> inputs, std::span<const ScanArray> outputs, Index steps);

 private:
  std::unique_ptr<ScanRun> run_;
};

}  // namespace unspool::internal
