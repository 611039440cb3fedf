#pragma once

#include <cstdint>

namespace unspool::kernels {

/// Rows in memory: runs of `length` of them, one after the other, each of which begins `apart` rows after the
/// one before it. The first row is row `begun` of its run.
struct Runs {
  std::int64_t length;
  std::int64_t apart;
  std::int64_t begun = 0;
};

/// All rows follow one another. Not inline: the kernels of several instruction sets share no symbol.
constexpr Runs one_run{INT64_MAX, INT64_MAX};

}  // namespace unspool::kernels
