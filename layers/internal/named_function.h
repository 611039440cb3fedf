#pragma once

#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <unspool/core/class_name.h>
#include <unspool/core/config.h>
#include <unspool/core/error.h>
#include <unspool/core/fields.h>
#include <unspool/core/tensor.h>

/// What initializers, regularizers and constraints have in common: a function of tensors that has a class
/// name and arguments, so that it can be written to a config and read back.
namespace unspool::internal {

template <class... A>
struct NamedFunction {
  virtual ~NamedFunction() = default;
  virtual Tensor operator()(A... arguments) const = 0;
  /// As configs have it; empty: a user's function without a name.
  virtual std::string class_name() const = 0;
  virtual Config arguments() const = 0;
  virtual bool built_in() const = 0;
};

/// Of classes without arguments.
struct NoOptions {
  static const Fields& fields() {
    static const Fields none = fields_of<NoOptions>();
    return none;
  }
};

/// One built-in class of them, declared by a Kind:
///   static constexpr std::string_view name;       the class name
///   using Options = ...;                          its arguments
///   static void check(const Options&);            throws on what is not allowed
///   static Tensor call(const Options&, A...);
template <class Implementation, class Kind, class... A>
class KindFunction : public Implementation {
 public:
  explicit KindFunction(typename Kind::Options options) : options_(std::move(options)) {
    Kind::check(options_);
  }
  Tensor operator()(A... arguments) const override { return Kind::call(options_, arguments...); }
  std::string class_name() const override { return std::string(Kind::name); }
  Config arguments() const override { return to_config(options_); }
  bool built_in() const override { return true; }

 protected:
  const typename Kind::Options& options() const { return options_; }

 private:
  typename Kind::Options options_;
};

/// A user's function.
template <class Implementation, class... A>
class UserFunction final : public Implementation {
 public:
  UserFunction(std::string name, std::function<Tensor(A...)> function)
      : name_(std::move(name)), function_(std::move(function)) {
    if (!function_) throw ValueError("expected a function, got an empty one");
  }
  Tensor operator()(A... arguments) const override { return function_(arguments...); }
  std::string class_name() const override { return name_; }
  Config arguments() const override { return Config::map(); }
  bool built_in() const override { return false; }

 private:
  std::string name_;
  std::function<Tensor(A...)> function_;
};

/// All classes of one sort, found by name.
template <class Implementation, class... A>
class NamedFunctions {
 public:
  using Pointer = std::shared_ptr<const Implementation>;
  struct Entry {
    std::string_view name;
    Pointer (*make)(const Config&);
  };

  template <class Kind>
  static Entry entry() {
    return {Kind::name, [](const Config& config) -> Pointer {
              return std::make_shared<KindFunction<Implementation, Kind, A...>>(
                  from_config<typename Kind::Options>(config));
            }};
  }

  /// `sort`: "initializer". Aliases are further names of the built-in classes.
  NamedFunctions(std::string sort, std::vector<Entry> entries,
                 std::vector<std::pair<std::string_view, std::string_view>> aliases = {})
      : sort_(std::move(sort)), entries_(std::move(entries)), aliases_(std::move(aliases)) {}

  Pointer by_name(const std::string& name) const { return make(name, Config::map(), "the " + sort_); }

  void add(const std::string& name, std::function<Tensor(A...)> function) {
    auto made = std::make_shared<UserFunction<Implementation, A...>>(name, std::move(function));
    if (find(name) != nullptr)
      throw ValueError("the name " + in_quotes(name) + " belongs to another " + sort_);
    const std::lock_guard lock(mutex_);
    users_[name] = std::move(made);
  }

  /// Keras' serialized form: {"module", "class_name", "config", "registered_name"}; null for none.
  Config serialize(const Pointer& function) const {
    if (function == nullptr) return {};
    const std::string name = function->class_name();
    if (name.empty()) {
      throw ValueError("this " + sort_ +
                       " is a function without a name, which a config cannot hold: make it known by "
                       "register_" +
                       sort_ + "() and use it by its name");
    }
    return Config::map({{"module", function->built_in() ? Config("keras." + sort_ + "s") : Config()},
                        {"class_name", name.substr(name.find('>') + 1)},
                        {"config", function->arguments()},
                        {"registered_name", function->built_in() ? Config() : Config(name)}});
  }

  /// From that form, or from a name alone.
  Pointer deserialize(const Config& config) const {
    if (config.is_null()) return nullptr;
    if (config.is_string()) return make(config.as<std::string>(), Config::map(), config.path());
    if (!config.is_map())
      config.fail("the name of a known " + sort_ + ", or null, or a map with \"class_name\"");
    std::string name = config["class_name"].template as<std::string>();
    const std::optional<Config> registered = config.find("registered_name");
    if (registered && registered->is_string()) {
      const std::string own = registered->template as<std::string>();
      if (user(own) != nullptr || find(name) == nullptr) name = own;
    }
    const std::optional<Config> arguments = config.find("config");
    return make(name, arguments && !arguments->is_null() ? *arguments : Config::map(), config.path());
  }

 private:
  const Entry* find(std::string_view name) const {
    for (const auto& [alias, of] : aliases_) {
      if (alias == name) name = of;
    }
    for (const Entry& entry : entries_) {
      if (entry.name == name || to_snake_case(entry.name) == name) return &entry;
    }
    return nullptr;
  }
  Pointer user(const std::string& name) const {
    const std::lock_guard lock(mutex_);
    const auto found = users_.find(name);
    return found == users_.end() ? nullptr : found->second;
  }
  Pointer make(const std::string& name, const Config& arguments, const std::string& where) const {
    if (Pointer found = user(name)) return found;
    if (const Entry* found = find(name)) return found->make(arguments);
    std::vector<std::string> known;
    for (const Entry& entry : entries_) known.push_back(to_snake_case(entry.name));
    {
      const std::lock_guard lock(mutex_);
      for (const auto& [own, function] : users_) known.push_back(own);
    }
    throw ValueError(where + ": no " + sort_ + " is called " + in_quotes(name) + did_you_mean(name, known));
  }

  std::string sort_;
  std::vector<Entry> entries_;
  std::vector<std::pair<std::string_view, std::string_view>> aliases_;
  mutable std::mutex mutex_;
  std::map<std::string, Pointer> users_;
};

/// Equal if they are one object, or have one name and equal arguments.
template <class Pointer>
bool same_function(const Pointer& a, const Pointer& b) {
  if (a == b) return true;
  if (a == nullptr || b == nullptr || a->class_name().empty()) return false;
  return a->class_name() == b->class_name() && a->arguments() == b->arguments();
}

}  // namespace unspool::internal
