#include <algorithm>

#include <unspool/core/internal/quotient.h>
#include <unspool/core/kernels/gemm_tiles.h>

namespace unspool::kernels {

TileCut cut_tiles(std::int64_t m, std::int64_t n, std::int64_t mr, std::int64_t nr, LeftLayout layout) {
  using internal::quotient;
  const std::int64_t panels = quotient(n, nr);
  const std::int64_t last = n - panels * nr;
  const std::int64_t tiles = quotient(m + mr - 1, mr);
  if (layout == LeftLayout::packed) {
    const std::int64_t high = std::min(m, mr);
    const std::int64_t count = quotient(m, high);
    return {{high, m - count * high}, {count, tiles - count}, panels, last};
  }
  const std::int64_t high = quotient(m + tiles - 1, tiles);
  const std::int64_t low_tiles = tiles * high - m;
  return {{high, low_tiles > 0 ? high - 1 : 0}, {tiles - low_tiles, low_tiles}, panels, last};
}

}  // namespace unspool::kernels
