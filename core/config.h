#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <unspool/core/dtype.h>
#include <unspool/core/shape.h>

namespace unspool {

namespace detail {

/// The range of a type of integers.
struct IntegerRange {
  int bytes;
  bool negative;
};
template <class I>
constexpr IntegerRange integer_range() {
  return {sizeof(I), std::is_signed_v<I>};
}
/// "from -128 to 127".
std::string to_string(IntegerRange range);

}  // namespace detail

/// How a C++ type is written to a Config and read back: specialise it with
///   static Config to(const T&);  static T from(const Config&);
template <class T>
struct ConfigValue;

/// A tree of plain values, as JSON has it: null, bool, integer, real, string, list, map. Maps keep the order
/// of their keys. A Config is a handle on an immutable tree, so copies are cheap and shared between threads
/// at will; a part read from a tree remembers its path in it, and errors name that path.
class Config {
 public:
  enum class Kind : std::uint8_t { null, logical, integer, real, string, list, map };
  using Entry = std::pair<std::string, Config>;

  /// Lists and maps nest no deeper than this. Building a deeper tree is a ValueError.
  static constexpr int max_depth = 256;

  Config() = default;
  Config(std::nullptr_t) {}
  template <std::same_as<bool> B>
  Config(B value) : Config(Exact{}, static_cast<bool>(value)) {}
  template <std::integral I>
  requires(!std::same_as<I, bool> && !std::same_as<I, char> && !std::same_as<I, wchar_t>) Config(I value)
      : Config(Exact{}, to_integer(value)) {}
  template <std::floating_point F>
  Config(F value) : Config(Exact{}, static_cast<double>(value)) {}
  Config(std::string value);
  Config(std::string_view value);
  Config(const char* value);

  static Config list(std::initializer_list<Config> elements = {});
  static Config list(std::vector<Config> elements);
  /// ValueError if a key comes twice.
  static Config map(std::initializer_list<Entry> entries = {});
  static Config map(std::vector<Entry> entries);

  Kind kind() const;
  bool is_null() const { return kind() == Kind::null; }
  bool is_list() const { return kind() == Kind::list; }
  bool is_map() const { return kind() == Kind::map; }
  bool is_string() const { return kind() == Kind::string; }

  /// The value as T, whatever ConfigValue<T> knows: bool, integers and floating types (an integer serves as a
  /// real where it is exact, never the reverse), strings, std::optional (null), std::vector, Shape, DType.
  /// TypeError on another kind, ValueError on a number out of T's range.
  template <class T>
  T as() const {
    return ConfigValue<T>::from(*this);
  }

  /// The value under a key. KeyError that names the nearest known key; TypeError if this is no map.
  Config operator[](std::string_view key) const;
  /// The element of a list. IndexError out of range; TypeError if this is no list.
  Config operator[](std::size_t index) const;
  // Without these, config["units"] could mean the index and config[0] the null pointer.
  Config operator[](const char* key) const { return (*this)[std::string_view(key)]; }
  template <std::integral I>
  Config operator[](I index) const {
    return (*this)[to_index(index)];
  }
  /// The value under a key if there is one. TypeError if this is no map.
  std::optional<Config> find(std::string_view key) const;
  bool contains(std::string_view key) const;
  /// The value under a key, or `fallback` if there is none.
  template <class T>
  T get(std::string_view key, T fallback) const {
    return contains(key) ? (*this)[key].as<T>() : std::move(fallback);
  }
  std::string get(std::string_view key, const char* fallback) const;

  /// The number of elements of a list or entries of a map; TypeError otherwise.
  std::size_t size() const;
  bool empty() const { return size() == 0; }
  /// The elements of a list; TypeError otherwise.
  std::vector<Config> elements() const;
  /// The entries of a map in order; TypeError otherwise.
  std::vector<Entry> items() const;
  std::vector<std::string> keys() const;

  /// Replaces the value under a key in its place, or adds it at the end; null becomes a map. Other handles on
  /// the tree keep what they had. Copies the entries (not what is under them): build long maps by map().
  Config& set(std::string key, Config value);
  /// Takes a key away if it is there.
  Config& erase(std::string_view key);
  /// Adds an element to a list; null becomes a list. Copies the elements: build long lists by list().
  Config& push_back(Config value);

  /// Where this value was read from: "config.layers[2].units"; "config" at the root.
  std::string path() const;
  /// The same tree under another name, for errors: "model.keras/config.json".
  Config named(std::string root) const;
  /// What is here, for errors: "the string \"tanh\"", "a list of 3".
  std::string describe() const;
  /// Throws a TypeError: "PATH: expected EXPECTED, got WHAT IS HERE".
  [[noreturn]] void fail(std::string_view expected) const;

  /// Same kinds and values; the order of keys in a map does not count. 1 and 1.0 differ.
  friend bool operator==(const Config& a, const Config& b);

 private:
  struct Value;
  struct List;
  struct Map;
  struct Trail;
  struct Exact {};

  Config(Exact, bool value);
  Config(Exact, std::int64_t value);
  Config(Exact, double value);

  template <std::integral I>
  static std::int64_t to_integer(I value) {
    if (!std::in_range<std::int64_t>(value)) fail_integer(static_cast<std::uint64_t>(value));
    return static_cast<std::int64_t>(value);
  }
  template <std::integral I>
  std::size_t to_index(I index) const {
    if (!std::in_range<std::size_t>(index)) fail_index(static_cast<std::int64_t>(index));
    return static_cast<std::size_t>(index);
  }
  [[noreturn]] static void fail_integer(std::uint64_t value);
  [[noreturn]] void fail_index(std::int64_t index) const;
  const std::vector<Config>& list_here() const;
  const std::vector<Entry>& map_here() const;
  void make_list(std::vector<Config> elements);
  void make_map(std::vector<Entry> entries);
  int depth() const;
  Config below(std::string step, const Config& value) const;

  template <class T>
  friend struct ConfigValue;

  std::shared_ptr<const Value> value_;  // None: null.
  std::shared_ptr<const Trail> trail_;  // None in a value that stands within a tree.
};

/// JSON, written as Python's json.dumps writes it (", " and ": " between, reals as their shortest text that
/// reads back to the same bits), in UTF-8; with `indent` >= 0 one entry a line. ValueError on a real that is
/// not finite or a string that is not UTF-8: JSON has neither.
std::string to_json(const Config& config, int indent = -1);

/// Strict JSON. ValueError with line and column on anything else, also on keys that come twice, more than
/// Config::max_depth levels, more than a million values, integers beyond 64 bits, NaN, text that is not
/// UTF-8.
Config from_json(std::string_view text);

/// The candidate most like `name` (edits of letters; case counts less), or "" if none is like it.
std::string nearest(std::string_view name, const std::vector<std::string>& candidates);

/// How an error about an unknown name goes on: ": did you mean \"units\"?", else "; known: a, b, c".
std::string did_you_mean(std::string_view name, const std::vector<std::string>& candidates);

/// A string from outside as an error message shows it: in quotes, escaped, cut if it is long.
std::string in_quotes(std::string_view text);

template <>
struct ConfigValue<Config> {
  static Config to(const Config& value) { return value; }
  static Config from(const Config& config) { return config; }
};

template <>
struct ConfigValue<bool> {
  static Config to(bool value) { return value; }
  static bool from(const Config& config);
};

template <>
struct ConfigValue<std::int64_t> {
  static Config to(std::int64_t value) { return value; }
  static std::int64_t from(const Config& config);
  [[noreturn]] static void fail_range(const Config& config, detail::IntegerRange range);
};

template <std::integral I>
requires(!std::same_as<I, char> && !std::same_as<I, wchar_t>) struct ConfigValue<I> {
  static Config to(I value) { return value; }
  static I from(const Config& config) {
    const std::int64_t value = ConfigValue<std::int64_t>::from(config);
    if (!std::in_range<I>(value)) {
      ConfigValue<std::int64_t>::fail_range(config, detail::integer_range<I>());
    }
    return static_cast<I>(value);
  }
};

template <>
struct ConfigValue<double> {
  static Config to(double value) { return value; }
  static double from(const Config& config);
};

/// Written as the double of the same value, as Keras does: 0.1f is 0.10000000149011612.
template <>
struct ConfigValue<float> {
  static Config to(float value) { return value; }
  static float from(const Config& config);
};

template <>
struct ConfigValue<std::string> {
  static Config to(const std::string& value) { return value; }
  static std::string from(const Config& config);
};

/// A list; an unknown dimension is null, as in Keras.
template <>
struct ConfigValue<Shape> {
  static Config to(const Shape& shape);
  static Shape from(const Config& config);
};

/// Its name.
template <>
struct ConfigValue<DType> {
  static Config to(DType dtype) { return name_of(dtype); }
  static DType from(const Config& config);
};

/// Nothing is null.
template <class T>
struct ConfigValue<std::optional<T>> {
  static Config to(const std::optional<T>& value) { return value ? ConfigValue<T>::to(*value) : Config(); }
  static std::optional<T> from(const Config& config) {
    if (config.is_null()) return std::nullopt;
    return ConfigValue<T>::from(config);
  }
};

template <class T>
struct ConfigValue<std::vector<T>> {
  static Config to(const std::vector<T>& values) {
    std::vector<Config> elements;
    elements.reserve(values.size());
    for (const T& value : values) elements.push_back(ConfigValue<T>::to(value));
    return Config::list(std::move(elements));
  }
  static std::vector<T> from(const Config& config) {
    std::vector<T> values;
    for (const Config& element : config.elements()) values.push_back(ConfigValue<T>::from(element));
    return values;
  }
};

}  // namespace unspool
