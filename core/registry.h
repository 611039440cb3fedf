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

/// What Registry does that does not depend on the type of the objects, compiled once.
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

/// The classes derived from Base that are found by name: an object is made from a name and a config, and a
/// class is named by its type. Static initializers vanish from static libraries, so nothing registers itself:
/// the built-in classes come as a table, which is read at the first use; a user's own come by add(). Safe to
/// use from several threads.
template <class Base>
class Registry {
 public:
  /// Makes an object from its arguments.
  using Factory = std::function<std::shared_ptr<Base>(const Config&)>;
  /// A row of the table. A class that has several names stands in several rows.
  struct Entry {
    std::string name;      ///< What finds the class.
    std::type_index type;  ///< The class.
    Factory factory;       ///< Makes an object of the class.
    /// Where Keras has a built-in class, if not where the rest of the table is.
    std::string module = {};
  };

  /// A row for a class that this factory makes.
  template <std::derived_from<Base> T>
  static Entry entry(std::string name, Factory factory) {
    return {std::move(name), typeid(T), std::move(factory)};
  }
  /// The same, made from T::Options.
  template <std::derived_from<Base> T>
  static Entry entry(std::string name) {
    return entry<T>(std::move(name), &from_options<T>);
  }

  /// `kind` is what errors call a member ("layer"), `how_to_add` what they advise for a class that is not
  /// there ("register_layer"). `module` is where Keras has the built-in classes ("keras.layers"), which
  /// serialized forms then name.
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

  /// Adds a class under a name; a class may have several, and is written under its first. Adding the same
  /// again replaces the factory. Throws ValueError if the name is empty, a built-in one, or another class's.
  template <std::derived_from<Base> T>
  void add(std::string name, Factory factory) {
    add(entry<T>(std::move(name), std::move(factory)));
  }
  /// The same for a class that is made from T::Options.
  template <std::derived_from<Base> T>
  void add(std::string name) {
    add(entry<T>(std::move(name)));
  }
  /// Adds a row.
  void add(Entry entry) { table_.add(erased(std::move(entry))); }

  /// A new object of the class with this name. Throws KeyError that names the nearest known name.
  std::shared_ptr<Base> create(std::string_view name, const Config& config) const {
    return factory_of(name, config)(config);
  }

  /// What makes it, to be called without the lock: a class may be made of others. The config, which is not
  /// read, says in the KeyError where the name stood.
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

  /// What errors call a member: "layer".
  const std::string& kind() const { return table_.kind(); }

  /// The message of an error about an unknown name: where it stood (the config's path), the nearest names
  /// that are known, here or among `also_known`, and what to do.
  std::string unknown(std::string_view name, const Config& config,
                      const std::vector<std::string>& also_known = {}) const {
    return table_.unknown(name, config, also_known);
  }

  /// The serialized form of a member: {"module", "class_name", "config", "registered_name"}, as Keras has it,
  /// if this registry has a module, else {"class_name", "config"}. Throws ValueError for a function without a name.
  Config serialize(const std::string& name, const Config& arguments) const {
    return table_.serialize(name, arguments);
  }

  /// The inverse: the name and the arguments that stand in a serialized form or in a name alone. TypeError
  /// for anything else.
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
