#include <algorithm>

#include <unspool/core/error.h>
#include <unspool/core/fields.h>
#include <unspool/core/internal/format.h>
#include <unspool/layers/layer_axes.h>

namespace unspool {

LayerAxes::LayerAxes() : LayerAxes({}, false) {}
LayerAxes::LayerAxes(NoneType) : LayerAxes() {}
LayerAxes::LayerAxes(std::initializer_list<Index> axes, bool single) : list_(axes), single_(single) {}
LayerAxes::LayerAxes(std::initializer_list<Index> axes) : LayerAxes(axes, false) {}
LayerAxes::LayerAxes(std::vector<Index> axes) : list_(std::move(axes)), single_(false) {}
LayerAxes::~LayerAxes() = default;
LayerAxes::LayerAxes(const LayerAxes& other) = default;
LayerAxes::LayerAxes(LayerAxes&& other) noexcept = default;
LayerAxes& LayerAxes::operator=(const LayerAxes& other) = default;
LayerAxes& LayerAxes::operator=(LayerAxes&& other) noexcept = default;

std::vector<Index> LayerAxes::of(const Shape& shape) const {
  if (list_.empty()) throw ValueError("expected an axis or several, got none");
  std::vector<Index> axes;
  for (const Index axis : list_) {
    const Index from_front = axis < 0 ? axis + shape.rank() : axis;
    if (from_front < 0 || from_front >= shape.rank()) {
      throw ValueError(
          fmt::format("expected an axis of the input's shape {1}, got {0}", axis, to_string(shape)));
    }
    if (std::find(axes.begin(), axes.end(), from_front) != axes.end()) {
      throw ValueError(fmt::format("expected each axis of the input's shape {1} once, got {0} twice", axis,
                                   to_string(shape)));
    }
    axes.push_back(from_front);
  }
  std::sort(axes.begin(), axes.end());
  return axes;
}

bool operator==(const LayerAxes& a, const LayerAxes& b) {
  return a.list_ == b.list_ && a.single_ == b.single_;
}

Config ConfigValue<LayerAxes>::to(const LayerAxes& axes) {
  if (axes.list().empty()) return {};
  return axes.single() ? Config(axes.list().front()) : to_config(axes.list());
}

LayerAxes ConfigValue<LayerAxes>::from(const Config& config) {
  if (config.is_null()) return {};
  if (config.is_list()) return LayerAxes(config.as<std::vector<Index>>());
  return config.as<Index>();
}

}  // namespace unspool
