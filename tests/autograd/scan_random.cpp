#include "../support/threads.h"
#include "program_judges.h"

// Steps put together at random, each run by scan and by the loop that it stands for.

using namespace unspool;
using namespace scan_programs;

namespace {

std::string judge_double(const Program& program) {
  return disagreement(run(program, float64, scanned), run(program, float64, looped));
}

std::string judge_float(const Program& program) {
  const Results exact = run(program, float64, looped);
  const Results scanned = run(program, float32, scan_programs::scanned);
  const Results plain = run(program, float32, looped);
  std::ostringstream wrong;
  const auto compare = [&](const std::vector<Tensor>& a, const std::vector<Tensor>& b,
                           const std::vector<Tensor>& right, const char* what) {
    for (std::size_t i = 0; i < right.size(); ++i) {
      const double mine = distance(a[i], right[i]);
      const double loops = distance(b[i], right[i]);
      if (!(mine <= 2 * loops + 1e-6))
        wrong << what << ' ' << i << ": " << mine << ", the loop " << loops << '\n';
    }
  };
  compare(scanned.values, plain.values, exact.values, "value");
  compare(scanned.first, plain.first, exact.first, "gradient");
  compare(scanned.second, plain.second, exact.second, "second gradient");
  return wrong.str();
}

Program cut(Program program, const ScanTuning& tuning) {
  program.tuning = tuning;
  program.tuning.task_multiply_adds = 0;
  return program;
}

std::string judge_threads(const Program& program) { return threads_matter(program, scanned); }

}  // namespace

TEST_CASE("random steps in float64: values, gradients, second gradients") {
  for (std::uint64_t seed = 1; seed <= 500; ++seed) check(judge_double, make_program(seed));
}

TEST_CASE("random steps in float32: as near to float64 as the loop") {
  for (std::uint64_t seed = 1001; seed <= 1100; ++seed) check(judge_float, make_program(seed));
}

TEST_CASE("random steps have the same bits whatever the number of threads") {
  for (std::uint64_t seed = 2001; seed <= 2080; ++seed) check(judge_threads, make_program(seed, 24));
}

TEST_CASE("random steps whose rows make two groups, of unlike size") {
  for (std::uint64_t seed = 4101; seed <= 4190; ++seed) {
    const testing::Threads threads(static_cast<int>(1 + seed % 3));
    check(judge_double, cut(make_program(seed, 17),
                            {.longest_chunk = static_cast<Index>(1 + seed % 4), .grouped_weights = 0}));
  }
  for (std::uint64_t seed = 5001; seed <= 5060; ++seed) {
    check(judge_threads, cut(make_program(seed, 33), {.grouped_weights = 0}));
  }
}

TEST_CASE("random steps in short chunks of time") {
  for (std::uint64_t seed = 3001; seed <= 3120; ++seed) {
    check(judge_double, cut(make_program(seed), {.longest_chunk = static_cast<Index>(1 + seed % 3)}));
  }
}
