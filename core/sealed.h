#pragma once

#include <type_traits>

/// Declares a class that a handle inherits virtually, so that no class can be derived from the handle: with a
/// virtual base it is the constructor of the derived class that chooses a constructor of `name`, and only the
/// handle knows the one with a key. The derived class does not compile, and `advice` stands in the first line
/// of the error, which names only the handle if it is `final`.
#define UNSPOOL_SEALED(name, advice)             \
  class name {                                   \
   protected:                                    \
    struct Key {};                               \
    explicit name(Key) {}                        \
    template <class T = void>                    \
    name() {                                     \
      static_assert(!std::is_void_v<T>, advice); \
    }                                            \
  }
