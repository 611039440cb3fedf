#pragma once

#include <concepts>
#include <optional>

#include <unspool/core/shape.h>

namespace unspool {

/// A bool that may be left out. `if (flag)` is true where the flag is true, and false where it is false or
/// was not given; that of a std::optional<bool> would ask whether it was given.
class OptionalBool {
 public:
  ///@{
  /// Not given.
  constexpr OptionalBool() = default;
  constexpr OptionalBool(std::nullopt_t) {}
  constexpr OptionalBool(NoneType) {}
  ///@}
  ///@{
  /// This value.
  template <std::integral B>
  constexpr OptionalBool(B value) : given_(true), value_(value != 0) {}
  template <std::same_as<bool> B>
  constexpr OptionalBool(std::optional<B> value) : given_(value.has_value()), value_(value.value_or(false)) {}
  ///@}

  /// The value; false if it was not given. Converts to bool alone, so that it is not a number.
  template <std::same_as<bool> B>
  constexpr operator B() const {
    return value_;
  }
  /// Whether the flag, which is false if it was not given, is `value`.
  template <std::same_as<bool> B>
  friend constexpr bool operator==(const OptionalBool& flag, B value) {
    return flag.value_ == value;
  }
  /// Whether a value was given.
  constexpr bool has_value() const { return given_; }
  /// The value, or `otherwise` if it was not given.
  constexpr bool value_or(bool otherwise) const { return given_ ? value_ : otherwise; }

 private:
  bool given_ = false;
  bool value_ = false;  // False if not given.
};

}  // namespace unspool
