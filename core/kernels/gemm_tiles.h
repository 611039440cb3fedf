#pragma once

#include <cstdint>

namespace unspool::kernels {

/// How the tiles of a block of C read A: each row's elements side by side, packed in panels of mr rows
/// (gemm_table.h), or each column's elements side by side.
enum class LeftLayout : std::uint8_t { rows, packed, columns };

/// How a block of C is cut into tiles, which are held in registers: the same for the kernels that are
/// compiled ahead and for those that are JIT-compiled.
///
/// From top to bottom there are tiles of two heights, count[0] of height[0] rows and count[1] of height[1].
/// From left to right there are panels of nr columns and one of `last` columns, 0 if there is none.
struct TileCut {
  std::int64_t height[2];
  std::int64_t count[2];
  std::int64_t panels;
  std::int64_t last;
};

/// Cuts m rows, at least 1, and n columns into tiles of at most mr rows and nr columns. Packed rows make
/// whole tiles and a rest. Others are cut evenly, since a low last tile has too few sums to hide the latency
/// of a multiply-add.
TileCut cut_tiles(std::int64_t m, std::int64_t n, std::int64_t mr, std::int64_t nr, LeftLayout layout);

}  // namespace unspool::kernels
