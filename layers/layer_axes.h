#pragma once

#include <concepts>
#include <initializer_list>
#include <optional>
#include <vector>

#include <unspool/core/config.h>
#include <unspool/core/shape.h>

namespace unspool {

/// One axis or several, as Keras takes them: -1, {1, 2}. Negative ones count from the end.
class LayerAxes {
 public:
  /// The type of an element, as in a list.
  using value_type = Index;

  /// None.
  LayerAxes();
  /// One axis.
  template <std::integral I>
  LayerAxes(I axis) : LayerAxes({static_cast<Index>(axis)}, true) {}
  /// Several axes, in this order.
  LayerAxes(std::initializer_list<Index> axes);
  /// Several axes, in this order.
  explicit LayerAxes(std::vector<Index> axes);
  ~LayerAxes();  // What is copied in options structs is compiled once.
  LayerAxes(const LayerAxes& other);
  LayerAxes(LayerAxes&& other) noexcept;
  LayerAxes& operator=(const LayerAxes& other);
  LayerAxes& operator=(LayerAxes&& other) noexcept;

  /// The axes as they were given.
  const std::vector<Index>& list() const { return list_; }
  /// Given as a number, not as a list.
  bool single() const { return single_; }
  /// Counted from the front and in order. Throws ValueError if there is none, for an axis that a tensor of this
  /// shape has not, or one that comes twice.
  std::vector<Index> of(const Shape& shape) const;

  /// Whether both were given alike: -1 differs from {-1}.
  friend bool operator==(const LayerAxes& a, const LayerAxes& b);

 private:
  LayerAxes(std::initializer_list<Index> axes, bool single);

  std::vector<Index> list_;
  bool single_;
};

/// A number or a list; null for none.
template <>
struct ConfigValue<LayerAxes> {
  static constexpr std::string_view name = "axis or axes";
  static Config to(const LayerAxes& axes);
  static LayerAxes from(const Config& config);
};

}  // namespace unspool
