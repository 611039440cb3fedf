#include <doctest/doctest.h>
#include <initializer_list>

#include <unspool/core/kernels/gemm_tiles.h>

using unspool::kernels::cut_tiles;
using unspool::kernels::LeftLayout;
using unspool::kernels::TileCut;

namespace {

bool same(const TileCut& a, const TileCut& b) {
  return a.height[0] == b.height[0] && a.height[1] == b.height[1] && a.count[0] == b.count[0] &&
         a.count[1] == b.count[1] && a.panels == b.panels && a.last == b.last;
}

}  // namespace

TEST_CASE("gemm_tiles: rows that are not packed are cut evenly") {
  // 32 rows in tiles of at most 6: two of 6 rows and four of 5, not five of 6 and one of 2.
  CHECK(same(cut_tiles(32, 64, 6, 16, LeftLayout::rows), {{6, 5}, {2, 4}, 4, 0}));
  CHECK(same(cut_tiles(32, 70, 6, 16, LeftLayout::columns), {{6, 5}, {2, 4}, 4, 6}));
  CHECK(same(cut_tiles(12, 16, 6, 16, LeftLayout::rows), {{6, 0}, {2, 0}, 1, 0}));
  CHECK(same(cut_tiles(1, 3, 6, 16, LeftLayout::rows), {{1, 0}, {1, 0}, 0, 3}));
}

TEST_CASE("gemm_tiles: packed rows make whole tiles and a rest") {
  CHECK(same(cut_tiles(32, 64, 6, 16, LeftLayout::packed), {{6, 2}, {5, 1}, 4, 0}));
  CHECK(same(cut_tiles(12, 64, 6, 16, LeftLayout::packed), {{6, 0}, {2, 0}, 4, 0}));
  CHECK(same(cut_tiles(4, 64, 6, 16, LeftLayout::packed), {{4, 0}, {1, 0}, 4, 0}));
}

TEST_CASE("gemm_tiles: tiles cover all rows and columns and are no higher than a tile may be") {
  for (const LeftLayout layout : {LeftLayout::rows, LeftLayout::packed, LeftLayout::columns}) {
    for (const std::int64_t mr : {4, 6, 14}) {
      for (std::int64_t m = 1; m < 100; ++m) {
        for (std::int64_t n = 1; n < 70; n += 7) {
          const TileCut cut = cut_tiles(m, n, mr, 16, layout);
          CHECK(cut.height[0] * cut.count[0] + cut.height[1] * cut.count[1] == m);
          CHECK(cut.panels * 16 + cut.last == n);
          CHECK(cut.height[0] <= mr);
          CHECK(cut.height[1] < cut.height[0]);
          CHECK((cut.height[1] == 0) == (cut.count[1] == 0));
        }
      }
    }
  }
}
