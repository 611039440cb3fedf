#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <unspool/autograd/scan/fusion.h>

namespace unspool::scan_compiler {

/// Bytes rounded up to whole cache lines.
inline std::size_t whole_lines(std::size_t bytes) { return (bytes + 63) / 64 * 64; }

/// Which memory a value is stored in.
enum class Storage : std::uint8_t {
  none,       ///< never stored
  sequence,   ///< sequence `index` of the scan
  captured,   ///< captured input `index`
  once,       ///< a buffer that is filled once per run
  stacked,    ///< stacked output `index`
  carry_in,   ///< carry `index`, as the step gets it
  carry_out,  ///< carry `index`, as the step hands it on
  chunk,      ///< a buffer for all steps of a chunk
  step,       ///< a buffer for all rows of one step
  block,      ///< a buffer for a block of rows, for each thread
  final,      ///< carry `index` of the scan's result
};

/// Where a value is stored.
struct Slot {
  Storage storage = Storage::none;
  int index = 0;
  /// The value that owns the memory, and the elements before this value in a row of it.
  Value root = no_value;
  Index offset = 0;
  /// Elements between rows of the root, and elements of a row of this value.
  Index stride = 0;
  Index columns = 0;
  /// False: it is a single row, which all rows of the batch share.
  bool has_rows = false;
  /// Of a root in a buffer: bytes from the beginning of the buffer; for a chunk, per step of the chunk.
  std::size_t buffer_offset = 0;

  /// It lies, for the whole run, at an address that follows from the time step alone.
  bool is_addressable() const {
    return storage == Storage::stacked || storage == Storage::sequence || storage == Storage::captured ||
           storage == Storage::once;
  }
};

/// A sequence or stacked output whose second axis is time. Its steps are copied from or to a buffer of the
/// chunk, where they follow one another.
struct BatchMajor {
  Value value;
  /// Which sequence, or which stacked output.
  std::size_t index;
};

/// The fifth stage: memory for each value. Holds for any number of steps.
struct Layout {
  std::vector<Slot> slots;
  std::vector<BatchMajor> batch_major_sequences;
  std::vector<BatchMajor> batch_major_outputs;
  /// For each carry, the stacked output that holds its values as steps get them, so that each step writes its
  /// carry there for the next one; -1: none.
  std::vector<int> trajectory;
  /// The copies of carries to their trajectories: they need no code.
  std::vector<Value> trajectory_copies;
  /// Rows of a block, for each segment; 0 for those that are not elementwise.
  PerPhase<std::vector<Index>> block_rows;
  /// Bytes of the buffers: per step of a chunk, per step, per block and thread, once.
  std::size_t chunk_bytes = 0;
  std::size_t step_bytes = 0;
  std::size_t block_bytes = 0;
  std::size_t once_bytes = 0;

  const Slot& operator[](Value value) const { return slots[index_of(value)]; }
  Slot& operator[](Value value) { return slots[index_of(value)]; }
  /// Whether it is one of trajectory_copies.
  bool is_trajectory(const Instruction& instruction) const;
};

Layout lay_out(const FusedProgram& program);

/// The values and where they are stored, a line each, then the buffers.
std::string to_string(const FusedProgram& program, const Layout& layout);

}  // namespace unspool::scan_compiler
