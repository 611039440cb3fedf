#pragma once

#include <concepts>
#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <unspool/core/config.h>
#include <unspool/core/flag.h>
#include <unspool/core/mistake.h>

namespace unspool {

namespace detail {

template <class T>
concept Number = std::is_arithmetic_v<T> && !std::same_as<T, bool> && !std::same_as<T, char>;

/// The value of a required field until it is read from a config.
struct Unset {};

[[noreturn]] void fail_integer_range(IntegerRange range, const std::string& got);

}  // namespace detail

/// A field that cannot be left out: it has no default constructor, so a designated initializer without it
/// does not compile. The first line of the error says what is missing.
template <class T>
class required {
 public:
#ifdef __clang__
  __attribute__((unavailable("a required option, such as .units, is missing or not the first"))) required();
#else
  template <internal::Advice advice = "a required option, such as .units, is missing or not the first">
  required() = delete;
#endif
  ///@{
  /// Takes whatever converts to T. A number takes numbers of other types; throws ValueError if an integer is
  /// out of T's range.
  template <class U>
  requires(!detail::Number<T> && std::convertible_to<U, T>) constexpr required(U&& value)
      : value_(std::forward<U>(value)) {}
  template <detail::Number U>
  requires(detail::Number<T> && (std::integral<U> || std::floating_point<T>)) constexpr required(U value)
      : value_(static_cast<T>(value)) {
    if constexpr (std::integral<T>) {
      if (!std::in_range<T>(value)) {
        detail::fail_integer_range(detail::integer_range<T>(), std::to_string(value));
      }
    }
  }
  ///@}
  /// A list: {6, 5}.
  template <class L = T>
  constexpr required(std::initializer_list<typename L::value_type> values) : value_(values) {}
  /// A field whose value is read from a config next.
  constexpr required(detail::Unset) : value_() {}
  ///@{
  /// The value.
  constexpr operator const T&() const { return value_; }
  constexpr const T& value() const { return value_; }
  ///@}

 private:
  T value_;
};

///@{
/// Whether a type is required<T>.
template <class T>
inline constexpr bool is_required = false;
template <class T>
inline constexpr bool is_required<required<T>> = true;
///@}

template <class T>
struct ConfigValue<required<T>> {
  static Config to(const required<T>& value) { return ConfigValue<T>::to(value.value()); }
  static required<T> from(const Config& config) { return ConfigValue<T>::from(config); }
};

/// What is known of a field of an options struct, for printing.
struct FieldInfo {
  std::string name;       ///< As in a config.
  std::string type;       ///< For people: "Index", "list of string".
  bool required = false;  ///< Whether the field has no default.
  Config fallback = {};   ///< The default; null if the field is required.
  std::string what = {};  ///< What the field means.
};

/// When a field is written to a config.
enum class Written {
  always,          ///< In every config.
  unless_default,  ///< Where it differs from its default.
  never,           ///< In no config.
};

/// An entry of the list of fields of an options struct O; made by field().
template <class O, class T>
struct Field {
  std::string_view name;              ///< As in a config.
  T O::*member;                       ///< The member that holds the value.
  std::string_view what;              ///< What the field means.
  Written written = Written::always;  ///< When configs have it. It is read in any case.

  /// The field, left out of configs where it has its default value.
  constexpr Field unless_default() const { return {name, member, what, Written::unless_default}; }
  /// The field, left out of all configs.
  constexpr Field never_written() const { return {name, member, what, Written::never}; }
};
/// An entry of a list of fields; see the concept Options.
template <class O, class T>
constexpr Field<O, T> field(std::string_view name, T O::*member, std::string_view what = {}) {
  return {name, member, what};
}

/// The list of fields of an options struct, made by fields_of(). Programs use it through the functions at the
/// end of this header, which know the type of the struct; here a struct is a `void*`.
class Fields {
 public:
  /// What is common to all fields of one type.
  struct Type {
    /// What a field does with values.
    enum class Task { name, to_config, from_config, equal, copy };
    /// All tasks, as one function, since a struct of functions is twice as much code. It reads `from` and
    /// `config`, writes `to`, and returns a name, a config, or whether values are equal.
    Config (*run)(Task task, const void* from, void* to, const Config* config);
    bool required;  ///< Whether it is required<T>.

    ///@{
    /// The tasks: the type for people; by ConfigValue; by == or config; by assignment.
    std::string name() const;
    Config to_config(const void* value) const;
    void from_config(const Config& config, void* value) const;
    bool equal(const void* a, const void* b) const;
    void copy(const void* from, void* to) const;
    ///@}
  };
  /// One field of a struct.
  struct One {
    std::string_view name;  ///< As in a config.
    std::size_t offset;     ///< In the struct, in bytes.
    const Type* type;       ///< What it does with values.
    std::string_view what;  ///< What the field means.
    Written written;        ///< When configs have it.
  };

  /// The fields of a struct, in the order of their declaration.
  explicit Fields(std::vector<One> all);

  /// The names of all fields.
  std::vector<std::string> names() const;
  /// Whether there is a field of this name that configs may have.
  bool writes(std::string_view name) const;
  /// A map of the names and values of the fields; fields that are left out have the values of `defaults`.
  Config to_config(const void* options, const void* defaults) const;
  /// Sets the fields that are in the map `config`. Throws ValueError for a key that is neither a field nor in
  /// `also_allowed`, and for a required field that is missing.
  void from_config(const Config& config, void* options, const std::vector<std::string>& also_allowed) const;
  /// Whether all fields of two structs are equal.
  bool equal(const void* a, const void* b) const;
  /// "units=64, activation=\"tanh\"".
  std::string describe(const void* options) const;
  /// All fields with the values of `defaults`.
  std::vector<FieldInfo> table(const void* defaults) const;
  /// Copies to each field of `to` the value of the field of the same name in `from`, if there is one.
  void copy(const Fields& fields_of_from, const void* from, void* to) const;

 private:
  std::vector<One> all_;
};

/// An options struct is a flat aggregate whose fields all have defaults, except for required<T> ones, which
/// come first; the order is that of Keras' signature. It lists its fields in that order, once, in a source:
///   const Fields& MyOptions::fields() {  // Declared in MyOptions: static const Fields& fields();
///     using O = MyOptions;
///     static const Fields all = fields_of<O>(field("units", &O::units, "the size of the state"),
///                                            field("use_bias", &O::use_bias));
///     return all;
///   }
/// Config, equality and printing follow from the list. A list that lacks a field, or has the types in another
/// order, does not compile.
template <class O>
concept Options = std::is_aggregate_v<O> && requires {
  { O::fields() } -> std::same_as<const Fields&>;
};

namespace detail {

struct Anything {
  template <class T>
  operator T() const;
};

template <class O, class... T>
constexpr bool takes_exactly = requires {
  O{std::declval<T>()...};
}
&&!requires { O{std::declval<T>()..., {}}; }
&&!requires { O{std::declval<T>()..., Anything{}}; };

/// An O with its defaults; required fields are Unset.
template <class O>
O blank() {
  if constexpr (requires { O{}; }) {
    return O{};
  } else if constexpr (requires { O{Unset{}}; }) {
    return O{Unset{}};
  } else if constexpr (requires { O{Unset{}, Unset{}}; }) {
    return O{Unset{}, Unset{}};
  } else {
    return O{Unset{}, Unset{}, Unset{}};
  }
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
inline constexpr bool is_vector = false;
template <class T>
inline constexpr bool is_vector<std::vector<T>> = true;

template <class T>
bool equal_values(const T& a, const T& b) {
  if constexpr (is_required<T>) {
    return equal_values(a.value(), b.value());
  } else if constexpr (is_vector<T>) {
    using Element = typename T::value_type;
    if (a.size() != b.size()) return false;
    for (std::size_t i = 0; i < a.size(); ++i) {
      if (!equal_values<Element>(a[i], b[i])) return false;
    }
    return true;
  } else if constexpr (std::equality_comparable<T>) {
    return a == b;
  } else {
    return ConfigValue<T>::to(a) == ConfigValue<T>::to(b);
  }
}

template <class T>
Config run_field_task(Fields::Type::Task task, const void* from, void* to, const Config* config) {
  using Task = Fields::Type::Task;
  switch (task) {
    case Task::name:
      return type_name<T>();
    case Task::to_config:
      return ConfigValue<T>::to(*static_cast<const T*>(from));
    case Task::from_config:
      *static_cast<T*>(to) = ConfigValue<T>::from(*config);
      break;
    case Task::equal:
      return equal_values(*static_cast<const T*>(from), *static_cast<const T*>(to));
    case Task::copy:
      *static_cast<T*>(to) = *static_cast<const T*>(from);
      break;
  }
  return {};
}

template <class T>
inline constexpr Fields::Type field_type = {&run_field_task<T>, is_required<T>};

template <class O, class T>
std::size_t offset_of(T O::*member) {
  alignas(O) static const std::byte place[sizeof(O)] = {};
  const auto* options = reinterpret_cast<const O*>(place);
  return static_cast<std::size_t>(reinterpret_cast<const std::byte*>(&(options->*member)) - place);
}

}  // namespace detail

/// The list of fields of O: field("units", &O::units), ... Does not compile unless it lists every field, in
/// order.
template <class O, class... T>
Fields fields_of(const Field<O, T>&... field) {
  static_assert(detail::takes_exactly<O, T...>,
                "fields() must list every field of the struct, in their order");
  return Fields(
      {{field.name, detail::offset_of(field.member), &detail::field_type<T>, field.what, field.written}...});
}

template <Options O>
struct ConfigValue<O> {
  static Config to(const O& options) {
    const O defaults = detail::blank<O>();
    return O::fields().to_config(&options, &defaults);
  }
  static O from(const Config& config) {
    O options = detail::blank<O>();
    O::fields().from_config(config, &options, {});
    return options;
  }
};

/// The config of a value of any type that ConfigValue supports; options structs are among them.
template <class T>
Config to_config(const T& value) {
  return ConfigValue<T>::to(value);
}

///@{
/// The inverse of to_config(). For an options struct: a missing field keeps its default; throws ValueError
/// for a required field that is missing, and for a key that is neither a field nor in `also_allowed`.
template <class T>
T from_config(const Config& config) {
  return ConfigValue<T>::from(config);
}
template <Options O>
O from_config(const Config& config, const std::vector<std::string>& also_allowed) {
  O options = detail::blank<O>();
  O::fields().from_config(config, &options, also_allowed);
  return options;
}
///@}

/// Whether every field is equal, by its own == or, if it has none, by its config.
template <Options O>
bool equal(const O& a, const O& b) {
  return O::fields().equal(&a, &b);
}

/// "units=64, activation=\"tanh\", dropout=0.25".
template <Options O>
std::string describe(const O& options) {
  return O::fields().describe(&options);
}

/// All fields of O with their types and defaults.
template <Options O>
std::vector<FieldInfo> field_table() {
  const O defaults = detail::blank<O>();
  return O::fields().table(&defaults);
}

/// Gives the fields of `to` the values of the fields of the same names of another options struct.
template <Options From, Options To>
void copy_options(const From& from, To& to) {
  To::fields().copy(From::fields(), &from, &to);
}

/// An options struct with the values of another's fields of the same names; the remaining fields keep their
/// defaults.
template <Options To, Options From>
To options_from(const From& from) {
  To options = detail::blank<To>();
  copy_options(from, options);
  return options;
}

}  // namespace unspool
