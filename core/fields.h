#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <unspool/core/config.h>
#include <unspool/core/error.h>

namespace unspool {

namespace detail {
template <class T>
concept Number = std::is_arithmetic_v<T> && !std::same_as<T, bool> && !std::same_as<T, char>;
}

/// An argument that cannot be left out: it has no default constructor, so a designated initializer that
/// forgets it does not compile. A number takes numbers of other types; an integer out of T's range is a
/// ValueError.
template <class T>
class required {
 public:
  template <class U>
  requires(!detail::Number<T> && std::convertible_to<U, T>) constexpr required(U&& value)
      : value_(std::forward<U>(value)) {}
  template <detail::Number U>
  requires(detail::Number<T> && (std::integral<U> || std::floating_point<T>)) constexpr required(U value)
      : value_(static_cast<T>(value)) {
    if constexpr (std::integral<T>) {
      if (!std::in_range<T>(value)) {
        throw ValueError("expected an integer from " + std::to_string(std::numeric_limits<T>::min()) +
                         " to " + std::to_string(std::numeric_limits<T>::max()) + ", came " +
                         std::to_string(value));
      }
    }
  }
  constexpr operator const T&() const { return value_; }
  constexpr const T& value() const { return value_; }

 private:
  T value_;
};

template <class T>
inline constexpr bool is_required = false;
template <class T>
inline constexpr bool is_required<required<T>> = true;

template <class T>
struct ConfigValue<required<T>> {
  static Config to(const required<T>& value) { return ConfigValue<T>::to(value.value()); }
  static required<T> from(const Config& config) { return ConfigValue<T>::from(config); }
};

/// One argument of an options struct.
template <class O, class T>
struct Field {
  using Type = T;
  std::string_view name;
  T O::*member;
  std::string_view what;  // For the manual.
};

/// An options struct is a flat aggregate whose every field has a default or is required<T>, the required ones
/// first, in the order of Keras' signature. It lists its fields once, in the same order:
///   static constexpr auto fields() {
///     return std::tuple(field("units", &O::units, "the size of the state"), field("use_bias",
///     &O::use_bias));
///   }
/// Reading and writing configs, equality, printing and the manual's table follow from the list. A list that
/// lacks a field, or has another order of types, does not compile where it is used.
template <class O, class T>
constexpr Field<O, T> field(std::string_view name, T O::*member, std::string_view what = {}) {
  return {name, member, what};
}

template <class O>
concept Options = std::is_aggregate_v<O> && requires {
  O::fields();
};

namespace detail {

struct Anything {
  template <class T>
  operator T() const;
};

template <class O, class... T>
constexpr bool takes_exactly(const std::tuple<Field<O, T>...>*) {
  return requires { O{std::declval<T>()...}; }
  &&!requires { O{std::declval<T>()..., {}}; }
  &&!requires { O{std::declval<T>()..., Anything{}}; };
}

template <Options O>
constexpr bool lists_every_field() {
  return takes_exactly<O>(static_cast<decltype(O::fields())*>(nullptr));
}

template <Options O, class F>
void for_each_field(F&& f) {
  static_assert(lists_every_field<O>(), "fields() must list every field of the struct, in their order");
  std::apply([&](const auto&... field) { (f(field), ...); }, O::fields());
}

// An O whose required fields are what make(field) returns, and whose others have their defaults.
template <Options O, class F>
O with_required(F&& make) {
  static_assert(lists_every_field<O>(), "fields() must list every field of the struct, in their order");
  const auto one = [&](const auto& field) {
    using T = typename std::remove_cvref_t<decltype(field)>::Type;
    if constexpr (is_required<T>) {
      return std::tuple<T>(make(field));
    } else {
      return std::tuple<>();
    }
  };
  const auto make_all = [&](const auto&... field) { return std::tuple_cat(one(field)...); };
  return std::apply([](auto&&... value) { return O{std::move(value)...}; },
                    std::apply(make_all, O::fields()));
}

template <class T>
std::string type_name() {
  if constexpr (requires { ConfigValue<T>::name; }) {
    return std::string(ConfigValue<T>::name);
  } else if constexpr (is_required<T>) {
    return type_name<std::remove_cvref_t<decltype(std::declval<T>().value())>>();
  } else if constexpr (std::same_as<T, bool>) {
    return "bool";
  } else if constexpr (std::same_as<T, Index>) {
    return "Index";
  } else if constexpr (std::same_as<T, int>) {
    return "int";
  } else if constexpr (std::same_as<T, float>) {
    return "float";
  } else if constexpr (std::same_as<T, double>) {
    return "double";
  } else if constexpr (std::same_as<T, std::string>) {
    return "string";
  } else if constexpr (std::same_as<T, Shape>) {
    return "Shape";
  } else if constexpr (std::same_as<T, DType>) {
    return "DType";
  } else if constexpr (requires(T value) {
                         *value;
                         value.has_value();
                       }) {
    return type_name<typename T::value_type>() + " or nothing";
  } else if constexpr (requires(T value) { value.push_back(value.front()); }) {
    return "list of " + type_name<typename T::value_type>();
  } else {
    std::string_view name = __PRETTY_FUNCTION__;  // "... [with T = unspool::Initializer; ...]"
    name.remove_prefix(name.find("T = ") + 4);
    name = name.substr(0, name.find_first_of(";]"));
    if (name.starts_with("unspool::")) name.remove_prefix(9);
    return std::string(name);
  }
}

template <class T>
bool equal_values(const T& a, const T& b) {
  if constexpr (is_required<T>) {
    return equal_values(a.value(), b.value());
  } else if constexpr (std::equality_comparable<T>) {
    return a == b;
  } else {
    return ConfigValue<T>::to(a) == ConfigValue<T>::to(b);
  }
}

template <Options O>
std::vector<std::string> field_names() {
  std::vector<std::string> names;
  for_each_field<O>([&](const auto& field) { names.emplace_back(field.name); });
  return names;
}

// JSON, or what else tells a reader most.
std::string text_of(const Config& config);
[[noreturn]] void fail_missing(const Config& config, std::string_view name);
void refuse_unknown(const Config& config, const std::vector<std::string>& known,
                    const std::vector<std::string>& also_allowed);

}  // namespace detail

/// Anything that ConfigValue knows, options structs among it, as a config.
template <class T>
Config to_config(const T& value) {
  return ConfigValue<T>::to(value);
}

/// The inverse. Of an options struct: ValueError on a key that is neither a field nor in `also_allowed`, and
/// on a required field that is missing; other fields that are missing keep their defaults.
template <class T>
T from_config(const Config& config) {
  return ConfigValue<T>::from(config);
}
template <Options O>
O from_config(const Config& config, const std::vector<std::string>& also_allowed) {
  detail::refuse_unknown(config, detail::field_names<O>(), also_allowed);
  O options = detail::with_required<O>([&](const auto& field) {
    using T = typename std::remove_cvref_t<decltype(field)>::Type;
    const std::optional<Config> value = config.find(field.name);
    if (!value) detail::fail_missing(config, field.name);
    return ConfigValue<T>::from(*value);
  });
  detail::for_each_field<O>([&](const auto& field) {
    using T = typename std::remove_cvref_t<decltype(field)>::Type;
    if (const auto value = config.find(field.name)) options.*field.member = ConfigValue<T>::from(*value);
  });
  return options;
}

template <Options O>
struct ConfigValue<O> {
  static Config to(const O& options) {
    std::vector<Config::Entry> entries;
    detail::for_each_field<O>([&](const auto& field) {
      using T = typename std::remove_cvref_t<decltype(field)>::Type;
      entries.emplace_back(field.name, ConfigValue<T>::to(options.*field.member));
    });
    return Config::map(std::move(entries));
  }
  static O from(const Config& config) { return from_config<O>(config, {}); }
};

/// Every field equal, by its own == or, if it has none, by its config.
template <Options O>
bool equal(const O& a, const O& b) {
  bool all = true;
  detail::for_each_field<O>(
      [&](const auto& field) { all = all && detail::equal_values(a.*field.member, b.*field.member); });
  return all;
}

/// "units=64, activation=\"tanh\", dropout=0.25".
template <Options O>
std::string describe(const O& options) {
  std::string text;
  detail::for_each_field<O>([&](const auto& field) {
    if (!text.empty()) text += ", ";
    text += std::string(field.name) + "=" + detail::text_of(to_config(options.*field.member));
  });
  return text;
}

/// A row of the manual's table.
struct FieldInfo {
  std::string name;
  std::string type;
  std::optional<Config> fallback;  // The default; none if the field is required.
  std::string what;
};

template <Options O>
std::vector<FieldInfo> field_table() {
  std::vector<FieldInfo> table;
  const O defaults = detail::with_required<O>([](const auto& field) {
    using T = typename std::remove_cvref_t<decltype(field)>::Type;
    return T(std::remove_cvref_t<decltype(std::declval<T>().value())>());
  });
  detail::for_each_field<O>([&](const auto& field) {
    using T = typename std::remove_cvref_t<decltype(field)>::Type;
    FieldInfo info{std::string(field.name), detail::type_name<T>(), std::nullopt, std::string(field.what)};
    if constexpr (!is_required<T>) info.fallback = to_config(defaults.*field.member);
    table.push_back(std::move(info));
  });
  return table;
}

}  // namespace unspool
