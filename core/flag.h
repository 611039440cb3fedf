#pragma once

#include <concepts>
#include <string_view>
#include <type_traits>

#include <unspool/core/config.h>
#include <unspool/core/mistake.h>

namespace unspool {

/// A bool in an options struct. A `bool` would take text and pointers, of which C++ makes true; this takes a
/// bool or an integer, and the error for anything else says so.
class Flag {
 public:
  /// This value.
  template <std::integral B>
  constexpr Flag(B value) : value_(value != 0) {}
  /// A mistake: `.use_bias = "no"`.
  UNSPOOL_MISTAKEN("expected true or false", class T,
                   Flag(const T&) requires(!std::integral<T> && !std::is_class_v<T>));

  /// The value.
  constexpr operator bool() const { return value_; }

 private:
  bool value_;
};

/// A Flag is a bool in configs.
template <>
struct ConfigValue<Flag> {
  static constexpr std::string_view name = "bool";
  static Config to(Flag flag) { return ConfigValue<bool>::to(flag); }
  static Flag from(const Config& config) { return ConfigValue<bool>::from(config); }
};

}  // namespace unspool
