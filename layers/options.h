#pragma once

#include <optional>
#include <string_view>
#include <tuple>
#include <type_traits>

#include <unspool/core/fields.h>

namespace unspool {

namespace detail {

/// The value of the field of this name as a T, if there is one.
template <class T, Options From>
std::optional<T> field_value(const From& from, std::string_view name) {
  std::optional<T> value;
  for_each_field<From>([&](const auto& field) {
    using V = typename std::remove_cvref_t<decltype(field)>::Type;
    if constexpr (std::is_convertible_v<const V&, T>) {
      if (field.name == name) value.emplace(from.*field.member);
    }
  });
  return value;
}

}  // namespace detail

/// An options struct made of another's fields of the same names; those that the other lacks keep their
/// defaults.
template <Options To, Options From>
To options_from(const From& from) {
  To options = detail::with_required<To>([&](const auto& field) {
    using T = typename std::remove_cvref_t<decltype(field)>::Type;
    return detail::field_value<T>(from, field.name).value();
  });
  detail::for_each_field<To>([&](const auto& field) {
    using T = typename std::remove_cvref_t<decltype(field)>::Type;
    if (auto value = detail::field_value<T>(from, field.name)) options.*field.member = *std::move(value);
  });
  return options;
}

}  // namespace unspool
