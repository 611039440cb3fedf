#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/layers/internal/check_mask.h>

namespace unspool::internal {

void check_mask(const Tensor& mask, const Shape& steps, const std::string& layer) {
  if (!mask || compatible(mask.shape(), steps)) return;
  throw ValueError(fmt::format("the layer {} expected a mask of shape {}, got {}", layer, to_string(steps),
                               describe(mask)));
}

}  // namespace unspool::internal
