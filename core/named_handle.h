#pragma once

#include <concepts>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include <unspool/core/callable.h>
#include <unspool/core/config.h>
#include <unspool/core/error.h>
#include <unspool/core/registry.h>

namespace unspool {

/// An object whose class is found by name: the base class of initializers, losses, optimizers ...
class NamedObject {
 public:
  virtual ~NamedObject();
  NamedObject(const NamedObject&) = delete;
  NamedObject& operator=(const NamedObject&) = delete;

  /// The name of the class in configs: "GlorotUniform". Empty for a function without a name.
  virtual std::string class_name() const = 0;
  /// The arguments of this object; null if configs have only the name.
  virtual Config get_config() const = 0;

 protected:
  NamedObject() = default;
};

namespace internal {

/// The part of NamedHandle that does not depend on the kind.
class HandleBase {
 public:
  HandleBase() = default;
  ~HandleBase();
  HandleBase(const HandleBase& other);
  HandleBase(HandleBase&& other) noexcept;
  HandleBase& operator=(const HandleBase& other);
  HandleBase& operator=(HandleBase&& other) noexcept;

  /// Whether there is an object.
  explicit operator bool() const { return object_ != nullptr; }
  /// The name of the class of the object: "GlorotUniform". Empty for an empty handle and for a function
  /// without a name.
  std::string class_name() const;

  /// The object, null if there is none.
  friend std::shared_ptr<const NamedObject> object_of(const HandleBase& handle) { return handle.object_; }
  /// "L2(l2=0.01)", only the name if there are no arguments, or "none" for an empty handle.
  friend std::string to_string(const HandleBase& handle) { return handle.text(); }

 protected:
  explicit HandleBase(std::shared_ptr<NamedObject> object);
  NamedObject* pointer() const { return object_.get(); }
  bool equals(const HandleBase& other) const;

 private:
  std::string text() const;

  std::shared_ptr<NamedObject> object_;
};

template <class F, class Function>
inline constexpr bool is_callable_as = false;
template <class F, class Result, class... Arguments>
inline constexpr bool is_callable_as<F, Callable<Result(Arguments...)>> = CallableAs<F, Result, Arguments...>;

/// A function that converts to an object of Base, and is neither a handle of another kind nor an object.
template <class F, class Base>
concept FunctionFor = requires {
  typename Base::Function;
}
&&is_callable_as<F, typename Base::Function> && !std::derived_from<F, HandleBase> &&
    !std::derived_from<F, NamedObject>;

}  // namespace internal

/// A handle on a shared object whose class is found by name: an initializer, a loss, an optimizer, ... Copies
/// share the object; a default-constructed handle is empty. Each kind of handle derives from this, with the
/// base class of its objects (const if they have no state) and its registry:
///   class Loss : public NamedHandle<Loss, const LossBase, loss_registry>
/// If objects are functions of tensors, the base class has a type Function, and the handle a static
/// of_function(Function) that makes an object of one.
template <class Handle, class Object, auto& registry>
class NamedHandle : public internal::HandleBase {
  using Base = std::remove_const_t<Object>;

 public:
  /// An empty handle.
  NamedHandle() = default;
  /// From a name in the registry, with default arguments. Throws ValueError for an unknown name, with the
  /// nearest one.
  NamedHandle(const char* name);
  /// From a name. Throws ValueError for an unknown name, with the nearest one.
  NamedHandle(const std::string& name);
  /// From a function. It needs a name for configs: see register_loss() and similar functions.
  template <internal::FunctionFor<Base> F>
  NamedHandle(F function) : NamedHandle(Handle::of_function(std::move(function))) {}
  /// From an object.
  explicit NamedHandle(std::shared_ptr<Object> object)
      : HandleBase(std::const_pointer_cast<Base>(std::move(object))) {}

  /// The object. Throws ValueError if there is none.
  Object* operator->() const { return &object(); }

  /// The serialized form (see Registry::serialize), only the name if the class has no arguments, or null for
  /// an empty handle. Throws ValueError for a function without a name.
  Config config() const;
  /// From a serialized form, a name, or null. Throws ValueError for an unknown name, with the nearest one.
  static Handle from_config(const Config& config);

  /// Whether both share one object, or have objects with equal names and arguments.
  friend bool operator==(const Handle& a, const Handle& b) { return a.equals(b); }

 protected:
  /// The object. Throws ValueError if there is none.
  Object& object() const {
    if (!*this) fail_empty();
    return static_cast<Object&>(*pointer());
  }
  /// Makes an object by name; errors have the path of `arguments`. A kind with further names hides this
  /// function by its own.
  static std::shared_ptr<Object> make(const std::string& name, const Config& arguments);

 private:
  [[noreturn]] static void fail_empty();
};

// The functions below are compiled once for each kind: its header says `extern template class
// NamedHandle<...>`, its source `template class NamedHandle<...>`.

template <class Handle, class Object, auto& registry>
NamedHandle<Handle, Object, registry>::NamedHandle(const char* name) : NamedHandle(std::string(name)) {}

template <class Handle, class Object, auto& registry>
NamedHandle<Handle, Object, registry>::NamedHandle(const std::string& name)
    : NamedHandle(Handle::make(name, Config::map().named("the " + registry().kind()))) {}

template <class Handle, class Object, auto& registry>
Config NamedHandle<Handle, Object, registry>::config() const {
  if (!*this) return {};
  const std::string name = object().class_name();
  const Config arguments = object().get_config();
  Config form = registry().serialize(name, arguments);
  return arguments.is_null() ? Config(name) : form;
}

template <class Handle, class Object, auto& registry>
Handle NamedHandle<Handle, Object, registry>::from_config(const Config& config) {
  if (config.is_null()) return {};
  const auto [name, arguments] = registry().parse(config);
  return Handle(Handle::make(name, arguments));
}

template <class Handle, class Object, auto& registry>
std::shared_ptr<Object> NamedHandle<Handle, Object, registry>::make(const std::string& name,
                                                                    const Config& arguments) {
  // An argument that is wrong, not a key that is missing.
  if (!registry().contains(name)) throw ValueError(registry().unknown(name, arguments));
  return registry().create(name, arguments);
}

template <class Handle, class Object, auto& registry>
void NamedHandle<Handle, Object, registry>::fail_empty() {
  throw ValueError("this " + registry().kind() +
                   " is empty: expected one that is made from a name, a function or an object");
}

/// Converts handles to configs and back.
template <std::derived_from<internal::HandleBase> T>
struct ConfigValue<T> {
  static Config to(const T& value) { return value.config(); }
  static T from(const Config& config) { return T::from_config(config); }
};

}  // namespace unspool
