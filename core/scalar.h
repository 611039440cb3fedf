#pragma once

#include <cstdint>
#include <type_traits>

namespace unspool {

/// A C++ number where a tensor is expected: it takes the dtype of the tensor beside it.
class Scalar {
 public:
  enum class Kind : std::uint8_t { logical, integer, floating };

  template <class T>
  requires std::is_arithmetic_v<T>
  constexpr Scalar(T value)
      : kind_(std::is_same_v<T, bool>       ? Kind::logical
              : std::is_floating_point_v<T> ? Kind::floating
                                            : Kind::integer) {
    if constexpr (std::is_floating_point_v<T>) {
      floating_ = static_cast<double>(value);
    } else {
      integer_ = static_cast<std::int64_t>(value);
    }
  }

  constexpr Kind kind() const { return kind_; }
  template <class T>
  constexpr T as() const {
    return kind_ == Kind::floating ? static_cast<T>(floating_) : static_cast<T>(integer_);
  }

 private:
  Kind kind_;
  union {
    double floating_;
    std::int64_t integer_;
  };
};

}  // namespace unspool
