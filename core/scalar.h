#pragma once

#include <cstdint>
#include <type_traits>

namespace unspool {

/// A C++ number as the operand of an operation: it takes the dtype of the other operand.
class Scalar {
 public:
  /// The kinds of numbers.
  enum class Kind : std::uint8_t { boolean, integer, floating };

  /// From any number or bool. An integer is kept as std::int64_t, a floating number as double.
  template <class T>
  requires std::is_arithmetic_v<T>
  constexpr Scalar(T value)
      : kind_(std::is_same_v<T, bool>       ? Kind::boolean
              : std::is_floating_point_v<T> ? Kind::floating
                                            : Kind::integer) {
    if constexpr (std::is_floating_point_v<T>) {
      floating_ = static_cast<double>(value);
    } else {
      integer_ = static_cast<std::int64_t>(value);
    }
  }

  /// The kind of the number.
  constexpr Kind kind() const { return kind_; }
  /// The number, converted to T.
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
