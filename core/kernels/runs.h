#pragma once

#include <cstdint>

namespace unspool::kernels {

/// How the rows of a matrix follow one another in memory: runs of `length` consecutive rows, each of which
/// begins `stride` rows after the one before it. The matrix begins with row `first` of a run.
struct Runs {
  std::int64_t length;
  std::int64_t stride;
  std::int64_t first = 0;
};

/// All rows are consecutive. Not inline: the kernels of different instruction sets share no symbol.
constexpr Runs one_run{INT64_MAX, INT64_MAX};

}  // namespace unspool::kernels
