#include "cases.h"
#include "scan_cuts.h"

// The random programs of tests/autograd, by every way that a scan runs: chunks of time, groups of rows,
// segments that are computed again, and the plain loop.

namespace checksums {
namespace {

using scan_programs::Loop;
using scan_programs::Program;

void run_program(const std::string& way, const Program& program, DType dtype, const Loop& loop,
                 const ScanCuts& cuts = {}) {
  const std::string name =
      "scan/" + way + "/" + std::to_string(program.seed) + "/" + std::string(unspool::name_of(dtype));
  run_case(name, [&](ChecksumLines& lines) {
    const scan_programs::Results results = run_cut(program, dtype, loop, cuts);
    lines.add("value", results.values);
    lines.add("gradient", results.first);
    lines.add("second gradient", results.second);
  });
}

Loop recomputed(Index every) {
  return [every](const Program& program, const ScanFunction& step, const std::vector<Tensor>& carry,
                 const std::vector<Tensor>& sequences) {
    if (program.seed % 3 == 0) return scan_programs::scanned_by_rows(program, step, carry, sequences, every);
    const ScanOptions options = {
        .reverse = program.reverse, .steps = program.sizes.steps, .recompute_every = every};
    return scan(step, carry, sequences, cut_options(program, options));
  };
}

/// Segments shorter than the sequence, as long, and longer.
Loop recomputed_by_seed(const Program& program) {
  const Index choices[] = {1, 2, 3, program.sizes.steps, program.sizes.steps + 2};
  return recomputed(choices[program.seed % 5]);
}

}  // namespace

void run_random_scans() {
  using scan_programs::make_program;
  const Loop scanned = recomputed(0);
  const auto alternate = [](std::uint64_t seed) { return seed % 2 == 0 ? float32 : float64; };
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    for (const DType dtype : {float32, float64}) run_program("plain", make_program(seed), dtype, scanned);
  }
  for (std::uint64_t seed = 1; seed <= 60; ++seed)
    run_program("loop", make_program(seed), float32, scan_programs::looped);
  for (std::uint64_t seed = 2001; seed <= 2080; ++seed)
    run_program("many rows", make_program(seed, 24), alternate(seed), scanned);
  for (std::uint64_t seed = 3001; seed <= 3120; ++seed) {
    run_program("chunks", make_program(seed), float32, scanned,
                {.longest_chunk = static_cast<Index>(1 + seed % 3)});
  }
  for (std::uint64_t seed = 4001; seed <= 4150; ++seed) {
    const Program program = make_program(seed);
    run_program("recomputed", program, alternate(seed), recomputed_by_seed(program));
  }
  for (std::uint64_t seed = 5001; seed <= 5120; ++seed) {
    run_program("groups", make_program(seed, seed % 2 == 0 ? 17 : 33), float32, scanned,
                {.longest_chunk = static_cast<Index>(1 + seed % 4), .grouped_weights = 0});
  }
  for (std::uint64_t seed = 6001; seed <= 6060; ++seed) {
    const Program program = make_program(seed, 24);
    run_program("recomputed groups", program, float32, recomputed_by_seed(program), {.grouped_weights = 0});
  }
}

}  // namespace checksums
