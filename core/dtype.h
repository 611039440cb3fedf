#pragma once

#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <string_view>
#include <type_traits>

namespace unspool {

/// The type of a tensor's elements.
enum class DType : std::uint8_t { float32, float64, int32, int64, boolean };

/// The dtypes. In a namespace of their own, so that enumerators of other types may be called `boolean`
/// without a warning about shadowing.
inline namespace dtypes {
///@{
/// A dtype by its own name: `float32` instead of `DType::float32`.
inline constexpr DType float32 = DType::float32;
inline constexpr DType float64 = DType::float64;
inline constexpr DType int32 = DType::int32;
inline constexpr DType int64 = DType::int64;
inline constexpr DType boolean = DType::boolean;
///@}
}  // namespace dtypes

/// Bytes of one element.
constexpr std::size_t size_of(DType dtype) {
  switch (dtype) {
    case DType::float32:
    case DType::int32:
      return 4;
    case DType::float64:
    case DType::int64:
      return 8;
    case DType::boolean:
      return 1;
  }
  return 0;
}

/// True for float32 and float64.
constexpr bool is_floating(DType dtype) { return dtype == DType::float32 || dtype == DType::float64; }
/// True for int32 and int64.
constexpr bool is_integer(DType dtype) { return dtype == DType::int32 || dtype == DType::int64; }

///@{
/// "float32", "float64", "int32", "int64", "bool".
std::string_view name_of(DType dtype);
std::ostream& operator<<(std::ostream& stream, DType dtype);
///@}
/// The inverse of name_of. Throws TypeError for any other name.
DType dtype_of(std::string_view name);

/// A dtype as an option, which may be given by its name: `.dtype = "int32"`.
class NamedDType {
 public:
  ///@{
  /// A dtype, or its name. Throws TypeError for a name that is none.
  constexpr NamedDType(DType dtype) : dtype_(dtype) {}
  NamedDType(const char* name) : dtype_(dtype_of(name)) {}
  ///@}
  /// The dtype.
  constexpr operator DType() const { return dtype_; }

 private:
  DType dtype_;
};

/// True for the C++ types that a tensor can hold: float, double, std::int32_t, std::int64_t and bool.
template <class T>
inline constexpr bool is_element =
    std::is_same_v<T, float> || std::is_same_v<T, double> || std::is_same_v<T, std::int32_t> ||
    std::is_same_v<T, std::int64_t> || std::is_same_v<T, bool>;

/// The dtype of a C++ type.
template <class T>
requires is_element<T>
constexpr DType dtype_for() {
  if constexpr (std::is_same_v<T, float>) return DType::float32;
  if constexpr (std::is_same_v<T, double>) return DType::float64;
  if constexpr (std::is_same_v<T, std::int32_t>) return DType::int32;
  if constexpr (std::is_same_v<T, std::int64_t>) return DType::int64;
  return DType::boolean;
}

/// Calls f with a value-initialised element of the C++ type behind `dtype`.
template <class F>
constexpr decltype(auto) visit_dtype(DType dtype, F&& f) {
  switch (dtype) {
    case DType::float32:
      return f(float{});
    case DType::float64:
      return f(double{});
    case DType::int32:
      return f(std::int32_t{});
    case DType::int64:
      return f(std::int64_t{});
    case DType::boolean:
      break;
  }
  return f(bool{});
}

namespace detail {
[[noreturn]] void fail_not_floating(DType dtype);
}

/// Calls f with a value-initialised float or double, whichever is behind `dtype`. Throws TypeError for other
/// dtypes.
template <class F>
constexpr decltype(auto) visit_floating(DType dtype, F&& f) {
  if (dtype == DType::float32) return f(float{});
  if (dtype == DType::float64) return f(double{});
  detail::fail_not_floating(dtype);
}

}  // namespace unspool
