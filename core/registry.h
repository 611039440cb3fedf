#pragma once

#include <concepts>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <typeindex>
#include <typeinfo>
#include <utility>
#include <vector>

#include <unspool/core/config.h>
#include <unspool/core/fields.h>

namespace unspool {

namespace internal {

/// The part of Registry that does not depend on the type of the objects.
class NameTable {
 public:
  using Factory = std::function<std::shared_ptr<void>(const Config&)>;
  struct Entry {
    std::string name;
    std::type_index type;
    Factory factory;
    std::string module;
  };
  using BuiltIn = std::function<std::vector<Entry>()>;

  NameTable(std::string kind, BuiltIn built_in, std::string how_to_add, std::string module);
  ~NameTable();
  NameTable(const NameTable&) = delete;
  NameTable& operator=(const NameTable&) = delete;

  const std::string& kind() const;
  void add(Entry entry);
  Factory factory_of(std::string_view name, const Config& config) const;
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
  std::unique_ptr<State> state_;
};

}  // namespace internal

/// A table of classes derived from Base: makes objects from a name and a config, and finds the name of a
/// class. Classes do not register themselves, since static initializers are dropped from static libraries:
/// built-in classes come from a table that is read at the first use, and users add their own with add(). Safe
/// to use from several threads.
template <class Base>
class Registry {
 public:
  /// Makes an object from its arguments.
  using Factory = std::function<std::shared_ptr<Base>(const Config&)>;
  /// A row of the table. A class with several names has several rows.
  struct Entry {
    std::string name;      ///< What finds the class.
    std::type_index type;  ///< The class.
    Factory factory;       ///< Makes an object of the class.
    /// The module of a built-in class in Keras, if it differs from that of the registry.
    std::string module = {};
  };

  /// A row for a class with a factory.
  template <std::derived_from<Base> T>
  static Entry entry(std::string name, Factory factory) {
    return {std::move(name), typeid(T), std::move(factory)};
  }
  /// A row for a class that is made from T::Options.
  template <std::derived_from<Base> T>
  static Entry entry(std::string name) {
    return entry<T>(std::move(name), &from_options<T>);
  }

  /// `kind` is the word for a class in errors ("layer"), `how_to_add` the function that they suggest for an
  /// unknown class
  /// ("register_layer"). `module` is the module of the built-in classes in Keras ("keras.layers"), which
  /// serialized forms contain.
  explicit Registry(std::string kind, std::vector<Entry> (*built_in)() = nullptr, std::string how_to_add = {},
                    std::string module = {})
      : table_(
            std::move(kind),
            [built_in] {
              std::vector<internal::NameTable::Entry> entries;
              if (built_in == nullptr) return entries;
              for (Entry& entry : built_in()) entries.push_back(erased(std::move(entry)));
              return entries;
            },
            std::move(how_to_add), std::move(module)) {}

  /// Adds a class with a name. A class may have several names; the first one is written to configs. Adding a
  /// class again replaces the factory. Throws ValueError if the name is empty, a built-in one, or that of
  /// another class.
  template <std::derived_from<Base> T>
  void add(std::string name, Factory factory) {
    add(entry<T>(std::move(name), std::move(factory)));
  }
  /// Adds a class that is made from T::Options.
  template <std::derived_from<Base> T>
  void add(std::string name) {
    add(entry<T>(std::move(name)));
  }
  /// Adds a row.
  void add(Entry entry) { table_.add(erased(std::move(entry))); }

  /// A new object of the class with this name. Throws KeyError if there is none, with the nearest name.
  std::shared_ptr<Base> create(std::string_view name, const Config& config) const {
    return factory_of(name, config)(config);
  }

  /// The factory of the class with this name, for calling it without the lock. `config` is only used for its
  /// path in the KeyError.
  Factory factory_of(std::string_view name, const Config& config) const {
    return [make = table_.factory_of(name, config)](const Config& arguments) {
      return std::static_pointer_cast<Base>(make(arguments));
    };
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
  template <class T>
  static std::shared_ptr<Base> from_options(const Config& config) {
    return std::make_shared<T>(from_config<typename T::Options>(config));
  }

  static internal::NameTable::Entry erased(Entry entry) {
    return {std::move(entry.name), entry.type,
            [factory = std::move(entry.factory)](const Config& config) -> std::shared_ptr<void> {
              return factory(config);
            },
            std::move(entry.module)};
  }

  internal::NameTable table_;
};

}  // namespace unspool
