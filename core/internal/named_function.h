#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <typeinfo>
#include <utility>
#include <vector>

#include <unspool/core/callable.h>
#include <unspool/core/class_name.h>
#include <unspool/core/config.h>
#include <unspool/core/error.h>
#include <unspool/core/fields.h>
#include <unspool/core/make_shared_as.h>
#include <unspool/core/options_handle.h>
#include <unspool/core/registry.h>

/// How the functions of tensors that are found by name are declared: initializers, regularizers, constraints,
/// losses, metrics.
namespace unspool::internal {

/// The built-in class that a struct K declares:
///   static constexpr auto name = "MaxNorm";
///   using Options = MaxNormOptions;
///   static void check(Options&);                   // If some options are not allowed: throws.
///   static Tensor call(const Options&, A...);
template <class Base, class K, class Function = typename Base::Function>
class BuiltInFunction;

template <class Base, class K, class Result, class... A>
class BuiltInFunction<Base, K, Callable<Result(A...)>> final : public Base {
 public:
  using Options = typename K::Options;

  explicit BuiltInFunction(Options options) : BuiltInFunction(options, options) {}
  /// With other options for the config than for the calls.
  BuiltInFunction(Options of_config, Options of_calls)
      : of_config_(std::move(of_config)), of_calls_(std::move(of_calls)) {
    if constexpr (requires { K::check(of_config_); }) {
      K::check(of_config_);
      K::check(of_calls_);
    }
  }

  Result call(A... arguments) const override { return K::call(of_calls_, arguments...); }
  std::string class_name() const override { return K::name; }
  Config get_config() const override { return to_config(of_config_); }

 private:
  Options of_config_;
  Options of_calls_;
};

/// A user's function; `name` is empty unless it is registered.
template <class Base, class Function = typename Base::Function>
class UserFunction;

template <class Base, class Result, class... A>
class UserFunction<Base, Callable<Result(A...)>> final : public Base {
 public:
  UserFunction(std::string name, Callable<Result(A...)> function)
      : name_(std::move(name)), function_(std::move(function)) {
    if (!function_) throw ValueError("expected a function, got an empty one");
  }
  Result call(A... arguments) const override { return function_(arguments...); }
  std::string class_name() const override { return name_; }
  Config get_config() const override { return Config::map(); }

 private:
  std::string name_;
  Callable<Result(A...)> function_;
};

/// Registers a user's function, of which T(name, function) makes an object without state.
template <class T, class Base>
void add_function(Registry<Base>& registry, const std::string& name,
                  const typename Base::Function& function) {
  const std::shared_ptr<Base> made = make_shared_as<Base, T>(name, function);
  registry.template add<T>(name, [made](const Config&) { return made; });
}

/// Other names of a kind than its class name and that in snake case.
template <class Kind>
constexpr std::span<const std::string_view> aliases_of() {
  if constexpr (requires { Kind::aliases; }) return Kind::aliases;
  return {};
}

template <class Base>
void add_entries(std::vector<NameEntry>& entries, const char* name, std::span<const std::string_view> aliases,
                 const std::type_info& type, std::shared_ptr<Base> (*make)(const Config&)) {
  std::vector<std::string> names{name, to_snake_case(name)};
  names.insert(names.end(), aliases.begin(), aliases.end());
  for (std::string& each : names) entries.push_back({std::move(each), type, make});
}

/// The rows of the classes Class<Kind>: the name of each kind, that name in snake case, and its aliases.
template <class Base, template <class> class Class, class... Kind>
std::vector<NameEntry> entries_of() {
  std::vector<NameEntry> entries;
  (add_entries<Base>(entries, Kind::name, aliases_of<Kind>(), typeid(Class<Kind>),
                     &made_from_config<Base, Class<Kind>>),
   ...);
  return entries;
}

}  // namespace unspool::internal
