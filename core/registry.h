#pragma once

#include <concepts>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <typeindex>
#include <typeinfo>
#include <utility>
#include <vector>

#include <unspool/core/callable.h>
#include <unspool/core/config.h>
#include <unspool/core/fields.h>
#include <unspool/core/make_shared_as.h>

namespace unspool {

namespace internal {

/// A row of a table of names. A class with several names has several rows.
struct NameEntry {
  std::string name;
  std::type_index type;
  Callable<std::shared_ptr<void>(const Config&)> factory;  // What it returns points to the base class.
  /// The module of a built-in class in Keras, if it differs from that of the registry.
  std::string module = {};
};

/// The part of Registry that does not depend on the type of the objects.
class NameTable {
 public:
  NameTable(std::string kind, std::vector<NameEntry> (*built_in)(), std::string how_to_add,
            std::string module);
  ~NameTable();
  NameTable(const NameTable&) = delete;
  NameTable& operator=(const NameTable&) = delete;

  const std::string& kind() const;
  void add(NameEntry entry);
  std::shared_ptr<void> create(std::string_view name, const Config& config) const;
  bool contains(std::string_view name) const;
  std::optional<std::string> name_of(std::type_index type) const;
  std::string name_of(const std::type_info& type) const;
  std::vector<std::string> names() const;
  std::string unknown(std::string_view name, const Config& config,
                      const std::vector<std::string>& also_known) const;
  Config serialize(const std::string& name, const Config& arguments) const;
  std::pair<std::string, Config> parse(const Config& config) const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

/// The class whose get_config() an object of T has.
template <class C>
C config_of(Config (C::*)() const);
/// Whether T, or a class between it and Base, overrides get_config().
template <class T, class Base>
concept OverridesConfig = !std::same_as<decltype(config_of(&T::get_config)), Base>;

template <class T>
concept HasOptions = requires {
  typename T::Options;
};
template <class T>
concept HasFromConfig = requires(const Config& config) {
  T::from_config(config);
};
/// Whether T is made with arguments when a file is read.
template <class T>
inline constexpr bool has_arguments = HasFromConfig<T>;
template <HasOptions T>
inline constexpr bool has_arguments<T> = HasFromConfig<T> || !std::is_empty_v<typename T::Options>;

/// The object of a handle on an object of Base, or of a pointer to one.
template <class Base, class Made>
std::shared_ptr<Base> object_in(const Made& made) {
  if constexpr (std::convertible_to<Made, std::shared_ptr<const Base>>) {
    return std::const_pointer_cast<Base>(std::shared_ptr<const Base>(made));
  } else {
    return std::const_pointer_cast<Base>(std::static_pointer_cast<const Base>(object_of(made)));
  }
}

/// Throws ValueError if the config that is read has other arguments than that of an object made without any.
void refuse_other(const Config& made, const Config& read);

/// An object of T, made by its from_config(), from its options struct, or without arguments.
template <class Base, class T>
std::shared_ptr<Base> made_from_config(const Config& config) {
  if constexpr (HasFromConfig<T>) {
    return object_in<Base>(T::from_config(config));
  } else if constexpr (HasOptions<T>) {
    return make_shared_as<Base, T>(from_config<typename T::Options>(config));
  } else {
    auto made = make_shared_as<Base, T>();
    refuse_other(made->get_config(), config);
    return made;
  }
}

}  // namespace internal

/// A table of classes derived from Base: makes objects from a name and a config, and finds the name of a
/// class. Classes do not register themselves, since static initializers are dropped from static libraries:
/// built-in classes come from a table that is read at the first use, and users add their own with add(). Safe
/// to use from several threads.
template <class Base>
class Registry {
 public:
  /// Makes an object from its arguments.
  using Factory = Callable<std::shared_ptr<Base>(const Config&)>;
  /// A row of the table: see entry().
  using Entry = internal::NameEntry;

  /// A row for a class with a factory.
  template <std::derived_from<Base> T>
  static Entry entry(std::string name, Factory factory) {
    return {std::move(name), typeid(T), std::move(factory)};
  }
  /// A row for a class that is made by T::from_config(config), else from T::Options, else without arguments.
  template <std::derived_from<Base> T>
  static Entry entry(std::string name) {
    static_assert(internal::HasFromConfig<T> || internal::HasOptions<T> || std::default_initializable<T>,
                  "give the class `static auto from_config(const Config& config)`, which makes it when a "
                  "file is read: return make<...>(...);");
    static_assert(!internal::HasFromConfig<T> || internal::OverridesConfig<T, Base>,
                  "override get_config(), which returns for files what from_config() reads");
    return {std::move(name), typeid(T), &internal::made_from_config<Base, T>};
  }

  /// `kind` is the word for a class in errors ("layer"), `how_to_add` the function that they suggest for an
  /// unknown class ("register_layer"). `module` is the module of the built-in classes in Keras
  /// ("keras.layers"), which serialized forms contain. The rows of `built_in` are made by entry() of this
  /// registry.
  explicit Registry(std::string kind, std::vector<Entry> (*built_in)() = nullptr, std::string how_to_add = {},
                    std::string module = {})
      : table_(std::move(kind), built_in, std::move(how_to_add), std::move(module)) {}

  /// Adds a class with a name. A class may have several names; the first one is written to configs. Adding a
  /// class again replaces the factory. Throws ValueError if the name is empty, a built-in one, or that of
  /// another class.
  template <std::derived_from<Base> T>
  void add(std::string name, Factory factory) {
    table_.add(entry<T>(std::move(name), std::move(factory)));
  }
  /// Adds a class that is made by T::from_config(config), else from T::Options, else without arguments.
  template <std::derived_from<Base> T>
  void add(std::string name) {
    table_.add(entry<T>(std::move(name)));
  }

  /// A new object of the class with this name. Throws KeyError if there is none, with the nearest name and
  /// the path of the config.
  std::shared_ptr<Base> create(std::string_view name, const Config& config) const {
    return std::static_pointer_cast<Base>(table_.create(name, config));
  }

  /// Whether a class has this name.
  bool contains(std::string_view name) const { return table_.contains(name); }

  /// The first name of a class, if it has one.
  std::optional<std::string> name_of(std::type_index type) const { return table_.name_of(type); }
  /// The first name of an object's class. Throws KeyError if it is not registered.
  std::string name_of(const Base& object) const { return table_.name_of(typeid(object)); }

  /// All names, in the order of registration.
  std::vector<std::string> names() const { return table_.names(); }

  /// The word for a class in errors: "layer".
  const std::string& kind() const { return table_.kind(); }

  /// The message of an error about an unknown name: the path of the config, the nearest names of this
  /// registry and of `also_known`, and what to do.
  std::string unknown(std::string_view name, const Config& config,
                      const std::vector<std::string>& also_known = {}) const {
    return table_.unknown(name, config, also_known);
  }

  /// The serialized form of an object: Keras' {"module", "class_name", "config", "registered_name"} if this
  /// registry has a module, else {"class_name", "config"}. Throws ValueError for a function without a name.
  Config serialize(const std::string& name, const Config& arguments) const {
    return table_.serialize(name, arguments);
  }

  /// The name and the arguments in a serialized form, or in a name alone. Throws TypeError for anything else.
  std::pair<std::string, Config> parse(const Config& config) const { return table_.parse(config); }

 private:
  internal::NameTable table_;
};

}  // namespace unspool
