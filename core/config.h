#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <iosfwd>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <unspool/core/dtype.h>
#include <unspool/core/mistake.h>
#include <unspool/core/shape.h>

namespace unspool {

namespace detail {

/// The range of an integer type.
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

/// How a C++ type is written to a Config and read back. Specialize it for a type of your own, with
///   static Config to(const T&);  static T from(const Config&);
template <class T>
struct ConfigValue;

/// A tree of plain values like that of JSON: null, bool, integer, real, string, list, map. A map keeps the
/// order of its keys. A Config is a handle on an immutable tree: copies are cheap, and threads may share
/// them. A value that was read from a tree remembers its path in the tree, and errors name that path.
class Config {
 public:
  /// The kinds of values.
  enum class Kind : std::uint8_t { null, boolean, integer, real, string, list, map };
  /// A key of a map and its value.
  using Entry = std::pair<std::string, Config>;

  /// How deep lists and maps may nest. Building a deeper tree throws ValueError.
  static constexpr int max_depth = 256;

  /// Null.
  Config() = default;
  ///@{
  /// Another handle on the same tree.
  Config(const Config&) = default;
  Config(Config&&) = default;
  Config& operator=(const Config&) & = default;
  Config& operator=(Config&&) & = default;
  ~Config() = default;
  ///@}
  /// A mistake: assignment to a temporary, as in `config["units"] = 3`.
  template <class T>
  UNSPOOL_MISTAKE("write config.set(key, value)", operator=(T&&) &&);
  ///@{
  /// One value. Throws ValueError for an unsigned integer above the range of std::int64_t.
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
  ///@}
  /// A map of these entries: Config config = {{"units", 3}, {"activation", "tanh"}};
  Config(std::initializer_list<Entry> entries) : Config(map(entries)) {}

  ///@{
  /// A list of these elements.
  static Config list(std::initializer_list<Config> elements = {});
  static Config list(std::vector<Config> elements);
  ///@}
  ///@{
  /// A map of these entries. Throws ValueError for a repeated key.
  static Config map(std::initializer_list<Entry> entries = {});
  static Config map(std::vector<Entry> entries);
  ///@}

  ///@{
  /// What kind of value this is.
  Kind kind() const;
  bool is_null() const { return kind() == Kind::null; }
  bool is_list() const { return kind() == Kind::list; }
  bool is_map() const { return kind() == Kind::map; }
  bool is_string() const { return kind() == Kind::string; }
  ///@}

  /// The value as a T that ConfigValue supports: bool, integers, floating types, strings, std::optional (null
  /// if empty), std::vector, Shape, DType, options structs. An integer converts to a floating type if that is
  /// exact; a real never converts to an integer. Throws TypeError if the value is of another kind, ValueError
  /// if it is out of T's range.
  template <class T>
  T as() const {
    return ConfigValue<T>::from(*this);
  }

  ///@{
  /// A number or a text as as() returns it: double(config["epsilon"]), std::string(config["mode"]).
  template <class T>
  requires(std::is_arithmetic_v<T> && !std::same_as<T, bool>) explicit operator T() const { return as<T>(); }
  explicit operator std::string() const;
  ///@}

  /// The value under a key. Throws KeyError if there is none, naming the nearest key; throws TypeError if
  /// this is not a map.
  Config operator[](std::string_view key) const;
  /// The element of a list. Throws IndexError if `index` is out of range; throws TypeError if this is not a
  /// list.
  Config operator[](std::size_t index) const;
  ///@{
  /// The operators above, for literals: without them config["units"] and config[0] would be ambiguous.
  Config operator[](const char* key) const { return (*this)[std::string_view(key)]; }
  template <std::integral I>
  Config operator[](I index) const {
    return (*this)[to_index(index)];
  }
  ///@}
  /// The value under a key if there is one. Throws TypeError if this is not a map.
  std::optional<Config> find(std::string_view key) const;
  /// Whether there is a value under a key. Throws TypeError if this is not a map.
  bool contains(std::string_view key) const;
  ///@{
  /// The value under a key, or `fallback` if there is none.
  template <class T>
  T get(std::string_view key, T fallback) const {
    return contains(key) ? (*this)[key].as<T>() : std::move(fallback);
  }
  std::string get(std::string_view key, const char* fallback) const;
  ///@}

  /// The number of elements of a list or entries of a map. Throws TypeError for other kinds.
  std::size_t size() const;
  /// Whether a list or a map is empty. Throws TypeError for other kinds.
  bool empty() const { return size() == 0; }
  /// The elements of a list. Throws TypeError for other kinds.
  std::vector<Config> elements() const;
  /// The entries of a map, in order. Throws TypeError for other kinds.
  std::vector<Entry> items() const;
  /// The keys of a map, in order. Throws TypeError for other kinds.
  std::vector<std::string> keys() const;

  /// Replaces the value under a key, or adds it at the end; null becomes a map. Other handles keep the old
  /// tree. Copies the handles of all entries, so build long maps with map().
  Config& set(std::string key, Config value);
  /// Removes a key if it exists.
  Config& erase(std::string_view key);
  /// Appends an element to a list; null becomes a list. Copies the handles of all elements, so build long
  /// lists with list().
  Config& push_back(Config value);

  /// The path that this value was read from: "config.layers[2].units"; "config" for a root.
  std::string path() const;
  /// This tree with another name for its root in paths: "model.keras/config.json".
  Config named(std::string root) const;
  /// The value in words, for errors: "the string \"tanh\"", "a list of 3".
  std::string describe() const;
  /// Throws TypeError with the message "PATH: expected EXPECTED, got DESCRIPTION".
  [[noreturn]] void fail(std::string_view expected) const;

  /// Whether two trees have equal kinds and values. The order of keys in a map does not matter; 1 and 1.0
  /// differ.
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
  /// Prints JSON, an entry a line.
  friend std::ostream& operator<<(std::ostream& stream, const Config& config);

  std::shared_ptr<const Value> value_;  // Empty: null.
  std::shared_ptr<const Trail> trail_;  // Empty for a root, and for a value inside of a tree.
};

/// JSON in UTF-8, formatted like Python's json.dumps: ", " and ": " as separators, reals as the shortest text
/// that reads back to the same bits. With `indent` >= 0 every entry has a line of its own. Throws ValueError
/// for a real that is not finite and for a string that is not UTF-8.
std::string to_json(const Config& config, int indent = -1);

/// Parses strict JSON. Throws ValueError with line and column for anything else, and for repeated keys, more
/// than Config::max_depth levels, more than a million values, integers outside of std::int64_t, NaN and text
/// that is not UTF-8.
Config from_json(std::string_view text);

/// The candidate most similar to `name` by edit distance (case counts less), or "" if none is similar.
std::string nearest(std::string_view name, const std::vector<std::string>& candidates);

/// The end of an error about an unknown name: ": did you mean \"units\"?", or else "; known: a, b, c".
std::string did_you_mean(std::string_view name, const std::vector<std::string>& candidates);

/// A string for an error message: in quotes, escaped, shortened if it is long.
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
template <>
struct ConfigValue<NamedDType> {
  static constexpr std::string_view name = "DType";
  static Config to(NamedDType dtype) { return ConfigValue<DType>::to(dtype); }
  static NamedDType from(const Config& config) { return ConfigValue<DType>::from(config); }
};

/// Null if empty.
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
