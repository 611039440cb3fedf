#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <unspool/autograd/scan/phases.h>

namespace unspool::scan_compiler {

struct Executable;

/// One thing to do for a range of rows, for all steps of a chunk.
struct Task {
  enum class Kind : std::uint8_t {
    read_batch_major,   ///< copies the chunk's steps of sequences whose second axis is time
    run,                ///< runs segments [first, end) of a phase; those of the loop step by step
    reduce,             ///< adds the chunk's rows and steps to the reduced outputs
    write_batch_major,  ///< copies the chunk's steps of stacked outputs whose second axis is time
    finish_carries,     ///< copies carries of the last step that are not in the result's memory yet
  };
  Kind kind;
  Phase phase = Phase::loop;
  std::size_t first = 0;
  std::size_t end = 0;
};

/// Tasks between two points at which threads wait for one another.
struct Region {
  enum class Cut : std::uint8_t {
    within_tasks,  ///< one task after the other, each of which shares its work among threads
    by_rows,       ///< each thread does all tasks for its share of the rows
  };
  Cut cut;
  std::vector<Task> tasks;
};

/// What runs where: ranges of rows and steps, and where threads meet.
struct Schedule {
  /// Each group of rows goes through all chunks and the finish by itself; threads meet once, at the end.
  bool group_by_group = false;
  /// For each chunk of steps.
  std::vector<Region> chunk;
  /// After the last chunk.
  std::vector<Region> finish;
};
std::string to_string(const Schedule& schedule);

/// How the rows and steps of a program may be cut.
struct Cuts {
  /// Rows are cut into so many groups, whatever the number of threads: each sums its own contribution to the
  /// reduced outputs, and these are added at the end. So two threads need nothing of each other's rows.
  Index groups = 1;
  /// A group can run by itself from the first step to the last.
  bool groups_apart = false;
  /// A single thread, too, runs one group after the other.
  bool one_by_one = false;
  /// What a step costs, in multiply-adds.
  double step_work = 0;
  /// All that is before the loop is row-wise, so that a thread can take its rows from there through the loop.
  bool begins_by_rows = false;

  Schedule by_groups;
  /// Threads take their rows through all that is row-wise.
  Schedule by_rows;
  /// Threads share each task before and after the loop.
  Schedule by_tasks;
};

/// Sets Executable::cuts from all its other members.
void make_cuts(Executable& executable);

/// Of so many threads, those that a run of so many steps can keep busy.
Index useful_threads(const Executable& executable, Index steps, Index threads);
/// Of so many threads, those that make it faster on every machine.
Index sure_threads(const Executable& executable, Index steps, Index threads);
/// Whether a run on so many threads takes its groups one by one.
bool runs_group_by_group(const Cuts& cuts, Index groups, Index threads);
/// The schedule of a run on so many threads, whose rows are cut into so many groups.
const Schedule& schedule_for(const Executable& executable, Index groups, Index threads);
/// Threads that share the rows of a region.
Index row_shares(const Executable& executable, Index threads);
/// Steps of a chunk, in a run of so many steps.
Index chunk_steps(const Executable& executable, Index steps, Index groups, Index threads);

}  // namespace unspool::scan_compiler
