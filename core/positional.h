#pragma once

#include <concepts>
#include <type_traits>
#include <utility>

#include <unspool/core/fields.h>

namespace unspool {

namespace detail {

/// A number that becomes what a field needs, where a list in braces would refuse to narrow it: -1 for a field
/// of type double.
template <class N>
struct FieldNumber {
  N value;
  template <Number T>
  requires(std::floating_point<T> || std::integral<N>) constexpr operator T() const {
    return static_cast<T>(value);
  }
};

template <class T>
constexpr decltype(auto) field_number(T&& value) {
  if constexpr (Number<std::remove_cvref_t<T>>) {
    return FieldNumber<std::remove_cvref_t<T>>{value};
  } else {
    return std::forward<T>(value);
  }
}

template <class O, class... Values>
concept TakesAsTheyAre = requires(Values&&... values) {
  O{std::forward<Values>(values)...};
};
template <class O, class... Values>
concept TakesNumbers = requires(Values&&... values) {
  O{field_number(std::forward<Values>(values))...};
};

}  // namespace detail

/// Whether an options struct O can be made from values for its first fields, in their order.
template <class O, class... Values>
concept PositionalFor = sizeof...(Values) > 0 && (!std::same_as<std::remove_cvref_t<Values>, O> && ...) &&
                        (detail::TakesAsTheyAre<O, Values...> || detail::TakesNumbers<O, Values...>);

/// Whether values, or none, neither make an options struct O nor are one.
template <class O, class... Values>
concept MisfitFor =
    !PositionalFor<O, Values...> && (sizeof...(Values) > 0 || !std::default_initializable<O>)&&(
                                        !std::same_as<std::remove_cvref_t<Values>, O> && ...);

/// An options struct from values for its first fields, in their order, as with Keras' positional arguments.
template <class O, class... Values>
requires PositionalFor<O, Values...> O from_positional(Values&&... values) {
  if constexpr (detail::TakesAsTheyAre<O, Values...>) {
    return O{std::forward<Values>(values)...};
  } else {
    return O{detail::field_number(std::forward<Values>(values))...};
  }
}

}  // namespace unspool
