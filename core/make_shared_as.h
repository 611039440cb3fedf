#pragma once

#include <memory>
#include <type_traits>
#include <utility>

namespace unspool {

// Arguments convert as in std::make_shared, for whose header, of the system, compilers do not warn either.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wdouble-promotion"

/// A new T, which the destructor of Base destroys. The count of its owners is that of a shared_ptr<Base>,
/// whose code is compiled once for each Base, where that of std::make_shared is compiled once for each T.
template <class Base, class T, class... Arguments>
[[gnu::always_inline]] inline std::shared_ptr<T> make_shared_as(Arguments&&... arguments) {
  static_assert(std::has_virtual_destructor_v<Base>);
  T* const made = new T(std::forward<Arguments>(arguments)...);
  return std::shared_ptr<T>(std::shared_ptr<const Base>(static_cast<const Base*>(made)), made);
}

#pragma GCC diagnostic pop

}  // namespace unspool
