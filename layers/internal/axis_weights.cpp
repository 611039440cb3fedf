#include <algorithm>

#include <unspool/autograd/shaping.h>
#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>
#include <unspool/layers/internal/axis_weights.h>

namespace unspool::internal {

Shape sizes_of_axes(const Shape& input, const std::vector<Index>& axes, const std::string& layer) {
  Shape sizes;
  for (const Index axis : axes) {
    const Index size = input[static_cast<int>(axis)];
    if (size == unknown) {
      throw ValueError(
          fmt::format("the layer {} expected a known size of the axis {} that it normalizes, got {}", layer,
                      axis, to_string(input)));
    }
    sizes.push_back(size);
  }
  return sizes;
}

Tensor along_axes(const Tensor& weight, const std::vector<Index>& axes, int rank) {
  if (axes.empty() || axes.front() == rank - static_cast<Index>(axes.size())) return weight;
  Shape shape;
  for (int axis = 0; axis < rank; ++axis) {
    const auto found = std::find(axes.begin(), axes.end(), axis);
    shape.push_back(found == axes.end() ? 1 : weight.shape()[static_cast<int>(found - axes.begin())]);
  }
  return reshape(weight, shape);
}

}  // namespace unspool::internal
