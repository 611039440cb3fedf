#pragma once

#include <algorithm>
#include <cstring>
#include <doctest/doctest.h>
#include <limits>
#include <sstream>

#include "program_runs.h"

/// What is wrong with a random program, and the smallest one that has it.
namespace scan_programs {

/// The largest difference, over the largest value.
inline double distance(const Tensor& a, const Tensor& exact) {
  if (!(a.shape() == exact.shape())) return std::numeric_limits<double>::infinity();
  const std::vector<double> x = a.to_vector<double>();
  const std::vector<double> y = exact.to_vector<double>();
  double size = 0;
  double difference = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    size = std::max(size, std::fabs(y[i]));
    // Written so that NaN counts.
    if (!(std::fabs(x[i] - y[i]) <= difference)) difference = std::fabs(x[i] - y[i]);
  }
  return difference == 0 ? 0 : difference / size;
}

/// What is wrong with a program; empty if nothing is.
using Judge = std::string (*)(const Program&);

/// What is wrong with `made`, if it is to be `right` but for rounding.
inline std::string disagreement(const Results& made, const Results& right) {
  std::ostringstream wrong;
  const auto compare = [&](const std::vector<Tensor>& a, const std::vector<Tensor>& b, double most,
                           const char* what) {
    if (a.size() != b.size()) wrong << what << ": not as many\n";
    for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
      const double far = distance(a[i], b[i]);
      if (!(far <= most))
        wrong << what << ' ' << i << " is off by " << far << '\n' << a[i] << '\n' << b[i] << '\n';
    }
  };
  compare(made.values, right.values, 1e-11, "value");
  compare(made.first, right.first, 1e-11, "gradient");
  compare(made.second, right.second, 1e-8, "second gradient");
  return wrong.str();
}

/// Whether the bits of what a loop gives are the same for any number of threads.
inline std::string threads_matter(const Program& program, const Loop& loop) {
  const int outer = num_threads();
  std::vector<Tensor> first;
  std::ostringstream wrong;
  for (int threads : {1, 2, 4}) {
    set_num_threads(threads);
    const Results results = run(program, program.seed % 2 == 0 ? float32 : float64, loop);
    std::vector<Tensor> all = results.values;
    all.insert(all.end(), results.first.begin(), results.first.end());
    all.insert(all.end(), results.second.begin(), results.second.end());
    if (threads == 1) first = all;
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (std::memcmp(all[i].raw(), first[i].raw(), all[i].bytes()) != 0) {
        wrong << "result " << i << " differs with " << threads << " threads\n";
      }
    }
  }
  set_num_threads(outer);
  return wrong.str();
}

inline std::string outcome(Judge judge, const Program& program) {
  try {
    return judge(program);
  } catch (const std::exception& error) {
    return std::string("throws: ") + error.what() + '\n';
  }
}

/// Leaves out what a program can fail without.
inline Program smallest(Judge judge, Program program) {
  for (int i = program.operations - 1; i >= 0; --i) {
    Program less = program;
    less.left_out.insert(i);
    if (!outcome(judge, less).empty()) program = less;
  }
  return program;
}

inline void check(Judge judge, const Program& program) {
  const std::string wrong = outcome(judge, program);
  if (wrong.empty()) return;
  const Program least = smallest(judge, program);
  FAIL_CHECK(text_of(least) << outcome(judge, least));
}

}  // namespace scan_programs
