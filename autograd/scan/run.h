#pragma once

#include <span>

#include <unspool/autograd/scan/executor.h>

namespace unspool::scan_compiler {

/// One or several runs of an executable with the same captured inputs: what runs once is computed and weights
/// are packed at the first, and the reduced outputs go on from one run to the next.
class Run {
 public:
  /// For runs of at most so many steps, on so many threads. The executable has to outlive it. With several
  /// groups of rows: for one run.
  Run(const Executable& executable, Index most_steps, Index groups, Index threads);

  void operator()(std::span<const ScanArray> inputs, std::span<const ScanArray> outputs, Index steps);

 private:
  void prepare();
  void run_group(const Schedule& schedule, Index group) const;
  /// Calls visit(window) for the steps of each chunk.
  template <class F>
  void for_each_chunk(Index first_row, Index rows, F&& visit) const;
  Window last_window(Index first_row, Index rows) const;
  void run_region(const Region& region, const Executor& executor) const;
  /// Adds up what the groups have summed.
  void add_group_sums() const;

  const Executable& code_;
  Index threads_;
  RunMemory memory_;
  bool prepared_ = false;
};

}  // namespace unspool::scan_compiler
