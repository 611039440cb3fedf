#pragma once

#include <cstddef>

/// \file
/// Declarations that only say what to write instead.

namespace unspool::internal {

/// A literal as an argument of a template.
template <std::size_t size>
struct Advice {
  consteval Advice(const char (&literal)[size]) {
    for (std::size_t i = 0; i < size; ++i) text[i] = literal[i];
  }
  char text[size];
};

/// The result of a function that must not be called.
template <Advice advice>
struct Mistake;

#ifdef __clang__
/// What a list of options that fits no struct converts to in clang, whose errors name it.
template <class O>
struct MisspeltOptionOrWrongTypeOfValueFor {
  MisspeltOptionOrWrongTypeOfValueFor(...) = delete;
  MisspeltOptionOrWrongTypeOfValueFor(const MisspeltOptionOrWrongTypeOfValueFor&) = delete;
};
#else
/// An element of a list of options in g++.
struct AnyOption {
  AnyOption(...);
};
#endif

/// A result that fits everywhere, so that it is no mistake of its own.
struct AnyResult {
  template <class T>
  operator T() const;
};

}  // namespace unspool::internal

/// The parameter of a deleted template with a parameter `std::size_t n`, which takes the lists of options in
/// braces that do not fit the struct O, in place of an error that no function takes them:
/// docs/design/compile_errors.md.
#ifdef __clang__
#define UNSPOOL_MISFIT_LIST(O) const ::unspool::internal::MisspeltOptionOrWrongTypeOfValueFor<O>&
#else
#define UNSPOOL_MISFIT_LIST(O) const ::unspool::internal::AnyOption(&)[n]
#endif

/// Declares a function that a first guess would choose and that would not do what is meant:
/// UNSPOOL_MISTAKE("write equal(a, b)", operator==(const Tensor& a, const Tensor& b)). A call does not
/// compile, and the advice stands in the first line of the error. A template that asks whether it may call
/// it, as std::equality_comparable does, gets the answer no. Stands where a result type would.
#ifdef __clang__
#define UNSPOOL_MISTAKE(advice, ...) \
  __attribute__((unavailable(advice))) ::unspool::internal::AnyResult __VA_ARGS__
#else
// g++ shows no text of a deleted function but its types, and calls an unavailable one where a template asks.
#define UNSPOOL_MISTAKE(advice, ...) ::unspool::internal::Mistake<advice> __VA_ARGS__ = delete
#endif

/// Declares a constructor template in the same way, with its first template parameter.
#ifdef __clang__
#define UNSPOOL_MISTAKEN(advice, parameter, ...) \
  template <parameter>                           \
  __attribute__((unavailable(advice))) __VA_ARGS__
#else
#define UNSPOOL_MISTAKEN(advice, parameter, ...)                     \
  template <parameter, ::unspool::internal::Advice mistake = advice> \
  __VA_ARGS__ = delete
#endif
