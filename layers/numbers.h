#pragma once

#include <concepts>
#include <initializer_list>
#include <string_view>
#include <utility>
#include <vector>

#include <unspool/core/config.h>
#include <unspool/core/tensor.h>

namespace unspool {

/// Numbers that a layer or a metric is given: one, a list or a tensor of them. They are part of its config.
class Numbers {
 public:
  /// The type of an element of a list.
  using value_type = double;

  /// None.
  Numbers() = default;
  ///@{
  /// One number.
  Numbers(double value);
  template <std::integral I>
  Numbers(I value) : Numbers(static_cast<double>(value)) {}
  ///@}
  ///@{
  /// A list.
  Numbers(std::initializer_list<double> values);
  Numbers(const std::vector<double>& values);
  ///@}
  /// A tensor of any shape.
  Numbers(const Tensor& values);

  /// As float64; empty if there are none.
  const Tensor& tensor() const& { return values_; }
  /// A copy, for temporaries.
  Tensor tensor() && { return std::move(values_); }
  /// The numbers of a list, or the only one. Throws ValueError, which begins with `what`, for a tensor of a
  /// higher rank; empty if there are none.
  std::vector<double> list(std::string_view what) const;
  /// Whether there are numbers.
  explicit operator bool() const { return static_cast<bool>(values_); }
  /// Whether both have equal numbers and shapes.
  friend bool operator==(const Numbers& a, const Numbers& b);

 private:
  Tensor values_;
};

/// A number, or nested lists of them. An array or tensor that Keras has serialized is read as well.
template <>
struct ConfigValue<Numbers> {
  static constexpr std::string_view name = "number or list of numbers";
  static Config to(const Numbers& numbers);
  static Numbers from(const Config& config);
};

}  // namespace unspool
