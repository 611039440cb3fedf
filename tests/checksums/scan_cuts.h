#pragma once

#include "../autograd/program_runs.h"

/// How the scans of a random program are cut into chunks of time and groups of rows.
#if !__has_include(<unspool/autograd/internal/scan_plan.h>)

namespace checksums {

using ScanCuts = unspool::ScanTuning;

/// A version that gives small scans to one thread is told not to.
template <class Tuning>
void share_all(Tuning& tuning) {
  if constexpr (requires { tuning.task_multiply_adds; }) tuning.task_multiply_adds = 0;
}

/// Runs a program with its scans cut so.
inline scan_programs::Results run_cut(scan_programs::Program program, unspool::DType dtype,
                                      const scan_programs::Loop& loop, const ScanCuts& cuts) {
  program.tuning = cuts;
  share_all(program.tuning);
  return scan_programs::run(program, dtype, loop);
}

/// Options of a scan that is cut as the program says.
inline unspool::ScanOptions cut_options(const scan_programs::Program& program, unspool::ScanOptions options) {
  options.tuning = program.tuning;
  share_all(options.tuning);
  return options;
}

}  // namespace checksums

#else  // Up to commit 19d15d0 chunks and groups were settings of the process.

#include <unspool/autograd/internal/scan_plan.h>

namespace checksums {

struct ScanCuts {
  unspool::Index longest_chunk = 0;
  unspool::Index grouped_weights = -1;
};

inline scan_programs::Results run_cut(const scan_programs::Program& program, unspool::DType dtype,
                                      const scan_programs::Loop& loop, const ScanCuts& cuts) {
  using unspool::internal::ScanPlan;
  const unspool::Index chunk = ScanPlan::longest_chunk;
  const unspool::Index weights = ScanPlan::grouped_weights;
  if (cuts.longest_chunk > 0) ScanPlan::longest_chunk = cuts.longest_chunk;
  if (cuts.grouped_weights >= 0) ScanPlan::grouped_weights = cuts.grouped_weights;
  scan_programs::Results results = scan_programs::run(program, dtype, loop);
  ScanPlan::longest_chunk = chunk;
  ScanPlan::grouped_weights = weights;
  return results;
}

inline unspool::ScanOptions cut_options(const scan_programs::Program&, unspool::ScanOptions options) {
  return options;
}

}  // namespace checksums

#endif
