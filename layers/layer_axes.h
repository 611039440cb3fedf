#pragma once

#include <concepts>
#include <initializer_list>
#include <optional>
#include <utility>
#include <vector>

#include <unspool/core/config.h>
#include <unspool/core/shape.h>

namespace unspool {

/// One axis or several, as in Keras: -1, {1, 2}. Negative axes count from the end.
class LayerAxes {
 public:
  /// The type of an axis.
  using value_type = Index;

  ///@{
  /// No axis.
  LayerAxes();
  LayerAxes(NoneType);
  ///@}
  /// One axis.
  template <std::integral I>
  LayerAxes(I axis) : LayerAxes({static_cast<Index>(axis)}, true) {}
  /// Several axes, in this order.
  LayerAxes(std::initializer_list<Index> axes);
  /// Several axes, in this order.
  explicit LayerAxes(std::vector<Index> axes);
  ~LayerAxes();  // Defined in the source, since options structs copy it often.
  LayerAxes(const LayerAxes& other);
  LayerAxes(LayerAxes&& other) noexcept;
  LayerAxes& operator=(const LayerAxes& other);
  LayerAxes& operator=(LayerAxes&& other) noexcept;

  /// The axes as given.
  const std::vector<Index>& list() const& { return list_; }
  /// A copy, for temporaries.
  std::vector<Index> list() && { return std::move(list_); }
  /// Whether it was given as a number, not as a list.
  bool single() const { return single_; }
  /// The axes counted from the front, sorted. Throws ValueError if there are none, if one is out of range for
  /// a tensor of this shape, and if one is repeated.
  std::vector<Index> of(const Shape& shape) const;

  /// Whether both were given in the same form: -1 differs from {-1}.
  friend bool operator==(const LayerAxes& a, const LayerAxes& b);

 private:
  LayerAxes(std::initializer_list<Index> axes, bool single);

  std::vector<Index> list_;
  bool single_;
};

/// Converts to a number or a list, or null for no axis.
template <>
struct ConfigValue<LayerAxes> {
  static constexpr std::string_view name = "axis or axes";
  static Config to(const LayerAxes& axes);
  static LayerAxes from(const Config& config);
};

}  // namespace unspool
