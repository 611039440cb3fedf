#pragma once

#include <cstddef>
#include <type_traits>

// A program of a user compiles this in place of <functional>, which takes four times as long as the rest of
// the standard headers that are needed for the types of arguments.

namespace unspool {

template <class Signature>
class Callable;

namespace internal {

/// A value that converts to Result, or any value if a function returns nothing.
template <class Value, class Result>
concept ReturnedAs = std::is_void_v<Result> || std::is_convertible_v<Value, Result>;

/// What can be called with these arguments and returns a Result.
template <class F, class Result, class... Arguments>
concept CallableAs = requires(F& function, Arguments (*... argument)()) {
  { function(argument()...) } -> ReturnedAs<Result>;
};

/// A function object that may be empty: another Callable, a std::function, a handle.
template <class F>
concept Nullable =
    std::is_class_v<F> && std::is_constructible_v<bool, const F&> && !requires(const F& function) {
  +function;
};

/// The part of Callable that does not depend on the signature: a copy of a function object.
class CallableBase {
 public:
  ///@{
  /// Copies copy the function object.
  CallableBase() = default;
  CallableBase(const CallableBase& other);
  CallableBase(CallableBase&& other) noexcept;
  CallableBase& operator=(const CallableBase& other);
  CallableBase& operator=(CallableBase&& other) noexcept;
  ~CallableBase();
  ///@}

  /// Whether there is a function.
  explicit operator bool() const { return manage_ != nullptr; }
  /// Whether there is no function.
  bool operator==(std::nullptr_t) const { return manage_ == nullptr; }

 protected:
  template <class F>
  void set(F&& function) {
    object_ = new F(static_cast<F&&>(function));
    manage_ = &manage<F>;
  }
  /// The function object. Throws RuntimeError if there is none.
  void* object() const {
    if (manage_ == nullptr) fail_empty();
    return object_;
  }

 private:
  /// Returns a copy, or destroys the object.
  template <class F>
  static void* manage(void* object, bool copy) {
    if (copy) return new F(*static_cast<F*>(object));
    delete static_cast<F*>(object);
    return nullptr;
  }
  [[noreturn]] static void fail_empty();

  void* object_ = nullptr;
  void* (*manage_)(void* object, bool copy) = nullptr;
};

}  // namespace internal

/// A function, a lambda or another function object that takes Arguments and returns a Result; or nothing.
/// Made from whatever can be called, a std::function among them, and converts to a std::function.
template <class Result, class... Arguments>
class Callable<Result(Arguments...)> : public internal::CallableBase {
 public:
  ///@{
  /// Empty.
  Callable() = default;
  Callable(std::nullptr_t) {}
  ///@}
  /// A copy of a function object; empty for a null pointer and for an empty std::function.
  template <class F>
  requires(!std::is_same_v<F, Callable> && internal::CallableAs<F, Result, Arguments...>)
      Callable(F function) {
    if constexpr (std::is_pointer_v<F> || internal::Nullable<F>) {
      if (!static_cast<bool>(function)) return;
    }
    set(static_cast<F&&>(function));
    call_ = &call<F>;
  }

  /// Calls it. Throws RuntimeError if it is empty.
  Result operator()(Arguments... arguments) const {
    void* const function = object();
    return call_(function, static_cast<Arguments&&>(arguments)...);
  }

 private:
  template <class F>
  static Result call(void* object, Arguments&&... arguments) {
    if constexpr (std::is_void_v<Result>) {
      (*static_cast<F*>(object))(static_cast<Arguments&&>(arguments)...);
    } else {
      return (*static_cast<F*>(object))(static_cast<Arguments&&>(arguments)...);
    }
  }

  Result (*call_)(void* object, Arguments&&... arguments) = nullptr;
};

}  // namespace unspool
