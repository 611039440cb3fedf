#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <typeindex>
#include <typeinfo>
#include <utility>
#include <vector>

#include <unspool/core/config.h>
#include <unspool/core/error.h>

namespace unspool {

/// Classes derived from Base, found by name to be made from a config, and by type to be named. Static
/// initializers vanish from static libraries, so nothing registers itself: the built-in classes come as a
/// table, read at the first use, a user's own by add(). Safe to use from several threads.
template <class Base>
class Registry {
 public:
  using Factory = std::function<std::shared_ptr<Base>(const Config&)>;
  struct Entry {
    std::string name;
    std::type_index type;
    Factory factory;
  };

  template <class T>
  static Entry entry(std::string name, Factory factory) {
    return {std::move(name), typeid(T), std::move(factory)};
  }

  /// `kind` is what an error calls a member ("layer"); `how_to_add` what it advises for a class that is not
  /// there ("register_layer").
  explicit Registry(std::string kind, std::vector<Entry> (*built_in)() = nullptr, std::string how_to_add = {})
      : kind_(std::move(kind)), how_to_add_(std::move(how_to_add)), built_in_(built_in) {}

  /// Adds a class under a name; a class may have several, and is written under its first. Adding the same
  /// again replaces the factory. ValueError if the name belongs to another class.
  template <class T>
  void add(std::string name, Factory factory) {
    add(entry<T>(std::move(name), std::move(factory)));
  }
  void add(Entry entry) {
    load();
    const std::unique_lock lock(mutex_);
    insert(std::move(entry));
  }

  /// A new object of the class with this name. KeyError that names the nearest known name.
  std::shared_ptr<Base> create(std::string_view name, const Config& config) const {
    return factory_of(name, config)(config);
  }

  /// What makes it, to be called without the lock: a class may be made of others. The config, which is not
  /// read, says in the KeyError where the name stood.
  Factory factory_of(std::string_view name, const Config& config) const {
    load();
    {
      const std::shared_lock lock(mutex_);
      if (const Entry* found = find(name)) return found->factory;
    }
    fail_unknown(name, config);
  }

  bool contains(std::string_view name) const {
    load();
    const std::shared_lock lock(mutex_);
    return find(name) != nullptr;
  }

  /// The first name of a class, if it has one.
  std::optional<std::string> name_of(std::type_index type) const {
    load();
    const std::shared_lock lock(mutex_);
    for (const Entry& entry : entries_) {
      if (entry.type == type) return entry.name;
    }
    return std::nullopt;
  }
  /// The first name of an object's class. KeyError if it is not registered.
  std::string name_of(const Base& object) const {
    const std::type_info& type = typeid(object);
    if (std::optional<std::string> name = name_of(std::type_index(type))) return *std::move(name);
    throw KeyError("this class of " + kind_ + " (" + type.name() + ") has no name" + advice());
  }

  /// All names, in the order of registration.
  std::vector<std::string> names() const {
    load();
    const std::shared_lock lock(mutex_);
    std::vector<std::string> names;
    for (const Entry& entry : entries_) names.push_back(entry.name);
    return names;
  }

 private:
  void load() const {
    std::call_once(loaded_, [this] {
      if (built_in_ == nullptr) return;
      for (Entry& entry : built_in_()) insert(std::move(entry));
    });
  }

  const Entry* find(std::string_view name) const {
    const auto found =
        std::find_if(entries_.begin(), entries_.end(), [&](const Entry& e) { return e.name == name; });
    return found == entries_.end() ? nullptr : &*found;
  }

  void insert(Entry entry) const {
    if (const Entry* known = find(entry.name)) {
      if (known->type != entry.type) {
        throw ValueError("the name " + in_quotes(entry.name) + " belongs to another class of " + kind_);
      }
      entries_[static_cast<std::size_t>(known - entries_.data())] = std::move(entry);
    } else {
      entries_.push_back(std::move(entry));
    }
  }

  std::string advice() const {
    return how_to_add_.empty() ? std::string() : "; a class of your own is made known by " + how_to_add_;
  }

  [[noreturn]] void fail_unknown(std::string_view name, const Config& config) const {
    throw KeyError(config.path() + ": no " + kind_ + " is called " + in_quotes(name) +
                   did_you_mean(name, names()) + advice());
  }

  std::string kind_;
  std::string how_to_add_;
  std::vector<Entry> (*built_in_)();
  mutable std::once_flag loaded_;
  mutable std::shared_mutex mutex_;
  mutable std::vector<Entry> entries_;
};

}  // namespace unspool
