#include <algorithm>
#include <cmath>
#include <concepts>

#include <unspool/autograd/arithmetic.h>
#include <unspool/autograd/comparison.h>
#include <unspool/autograd/conversion.h>
#include <unspool/autograd/elementwise.h>
#include <unspool/autograd/families.h>
#include <unspool/core/error.h>
#include <unspool/core/kernels/vector.h>

namespace unspool {
namespace {

using kernels::vectorized;
using kernels::VectorTable;

Tensor half_where_equal(const Tensor& dy, const Tensor& takes, const Tensor& ties) {
  const Tensor zero = scalar_beside(dy, 0);
  return where(takes, dy, where(ties, dy * 0.5, zero));
}

constexpr Operation arithmetic_records[] = {
    {.name = "add",
     .summary = "a + b",
     .formula = "{0} + {1}",
     .shape = shapes::elementwise,
     .kernel = elementwise<vectorized<&VectorTable::add>>([](auto a, auto b) { return a + b; }),
     .gradient =
         [](Backward& b) {
           if (b.needs(0)) b.dx(0) = b.dy();
           if (b.needs(1)) b.dx(1) = b.dy();
         },
     .form = [](const Call&) -> Form { return form::Addition{}; },
     .cheap = true,
     .examples = {{-2, 2}, {-2, 2}}},
    {.name = "subtract",
     .summary = "a - b",
     .formula = "{0} - {1}",
     .shape = shapes::elementwise,
     .kernel = elementwise<vectorized<&VectorTable::subtract>>([](auto a, auto b) { return a - b; }),
     .gradient =
         [](Backward& b) {
           if (b.needs(0)) b.dx(0) = b.dy();
           if (b.needs(1)) b.dx(1) = -b.dy();
         },
     .cheap = true,
     .examples = {{-2, 2}, {-2, 2}}},
    {.name = "multiply",
     .summary = "a * b",
     .formula = "{0} * {1}",
     .shape = shapes::elementwise,
     .kernel = elementwise<vectorized<&VectorTable::multiply>>([](auto a, auto b) { return a * b; }),
     .gradient =
         [](Backward& b) {
           if (b.needs(0)) b.dx(0) = b.dy() * b.x(1);
           if (b.needs(1)) b.dx(1) = b.dy() * b.x(0);
         },
     .keep = keep::all_inputs,
     .cheap = true,
     .examples = {{-2, 2}, {-2, 2}}},
    {.name = "divide",
     .summary = "a / b",
     .formula = "{0} / {1}",
     .shape = shapes::elementwise,
     .kernel = elementwise<vectorized<&VectorTable::divide>>([](auto a, auto b) {
       if constexpr (std::integral<decltype(a)>) {
         if (b == 0) throw ValueError("divide: expected integer divisors other than 0, got 0");
         if (b == -1) return static_cast<decltype(a)>(0 - static_cast<std::uint64_t>(a));
       }
       return static_cast<decltype(a)>(a / b);
     }),
     .gradient =
         [](Backward& b) {
           const Tensor da = b.dy() / b.x(1);
           if (b.needs(0)) b.dx(0) = da;
           if (b.needs(1)) b.dx(1) = -(da * b.y());
         },
     .keep = keep::input(1) | keep::output(),
     .examples = {{-2, 2}, {0.5, 2}}},
    {.name = "floor_divide",
     .summary = "the largest integer <= a / b",
     .shape = shapes::elementwise,
     .kernel = elementwise([](auto a, auto b) {
       if constexpr (std::integral<decltype(a)>) {
         if (b == 0) throw ValueError("floor_divide: an integer was divided by zero");
         if (b == -1) return static_cast<decltype(a)>(0 - static_cast<std::uint64_t>(a));
         return static_cast<decltype(a)>(a / b - (a % b != 0 && (a < 0) != (b < 0) ? 1 : 0));
       } else {
         return std::floor(a / b);
       }
     }),
     .examples = {{-2, 2}, {0.5, 2}}},
    {.name = "minimum",
     .summary = "the smaller of a and b; NaN if either is",
     .shape = shapes::elementwise,
     .kernel = elementwise<vectorized<&VectorTable::minimum>>(
         [](auto a, auto b) { return a < b || a != a ? a : b; }),
     .gradient =
         [](Backward& b) {
           const Tensor ties = equal(b.x(0), b.x(1));
           if (b.needs(0)) b.dx(0) = half_where_equal(b.dy(), less(b.x(0), b.x(1)), ties);
           if (b.needs(1)) b.dx(1) = half_where_equal(b.dy(), less(b.x(1), b.x(0)), ties);
         },
     .keep = keep::all_inputs,
     .examples = {{-2, 2}, {-2, 2}}},
    {.name = "maximum",
     .summary = "the larger of a and b; NaN if either is",
     .shape = shapes::elementwise,
     .kernel = elementwise<vectorized<&VectorTable::maximum>>(
         [](auto a, auto b) { return a > b || a != a ? a : b; }),
     .gradient =
         [](Backward& b) {
           const Tensor ties = equal(b.x(0), b.x(1));
           if (b.needs(0)) b.dx(0) = half_where_equal(b.dy(), less(b.x(1), b.x(0)), ties);
           if (b.needs(1)) b.dx(1) = half_where_equal(b.dy(), less(b.x(0), b.x(1)), ties);
         },
     .keep = keep::all_inputs,
     .examples = {{-2, 2}, {-2, 2}}},
    {.name = "negative",
     .summary = "-x",
     .formula = "-{0}",
     .shape = shapes::elementwise,
     .kernel = elementwise<vectorized<&VectorTable::negative>>([](auto x) { return -x; }),
     .gradient = [](Backward& b) { b.dx() = -b.dy(); },
     .cheap = true,
     .examples = {{-2, 2}}},
    {.name = "abs",
     .summary = "|x|; its derivative at 0 is 0",
     .formula = "|{0}|",
     .shape = shapes::elementwise,
     .kernel = elementwise<vectorized<&VectorTable::abs>>(
         [](auto x) { return static_cast<decltype(x)>(std::abs(x)); }),
     .gradient = [](Backward& b) { b.dx() = b.dy() * sign(b.x()); },
     .keep = keep::input(),
     .examples = {{0.1, 2}}},
    {.name = "sign",
     .summary = "-1, 0 or 1; NaN stays",
     .shape = shapes::elementwise,
     .kernel = elementwise<vectorized<&VectorTable::sign>>([](auto x) {
       return x > 0 ? static_cast<decltype(x)>(1) : x < 0 ? static_cast<decltype(x)>(-1) : x;
     }),
     .examples = {{-2, 2}}},
    {.name = "square",
     .summary = "x * x",
     .formula = "{0}^2",
     .shape = shapes::elementwise,
     .kernel = elementwise<vectorized<&VectorTable::square>>([](auto x) { return x * x; }),
     .gradient = [](Backward& b) { b.dx() = b.dy() * (b.x() + b.x()); },
     .keep = keep::input(),
     .examples = {{-2, 2}}},
};
constexpr OperationTable arithmetic_table(arithmetic_records);

}  // namespace

OperationList families::arithmetic() { return arithmetic_table; }

Tensor add(const Tensor& a, const Tensor& b) { return apply(arithmetic_table["add"], a, b); }
Tensor subtract(const Tensor& a, const Tensor& b) { return apply(arithmetic_table["subtract"], a, b); }
Tensor multiply(const Tensor& a, const Tensor& b) { return apply(arithmetic_table["multiply"], a, b); }
Tensor divide(const Tensor& a, const Tensor& b) {
  if (is_integer(a.dtype()) && is_integer(b.dtype())) return divide(cast(a, float32), cast(b, float32));
  return apply(arithmetic_table["divide"], a, b);
}
Tensor floor_divide(const Tensor& a, const Tensor& b) {
  return apply(arithmetic_table["floor_divide"], a, b);
}
Tensor mod(const Tensor& a, const Tensor& b) { return a - floor_divide(a, b) * b; }
Tensor minimum(const Tensor& a, const Tensor& b) { return apply(arithmetic_table["minimum"], a, b); }
Tensor maximum(const Tensor& a, const Tensor& b) { return apply(arithmetic_table["maximum"], a, b); }
Tensor negative(const Tensor& x) { return apply(arithmetic_table["negative"], x); }
Tensor abs(const Tensor& x) { return apply(arithmetic_table["abs"], x); }
Tensor sign(const Tensor& x) { return apply(arithmetic_table["sign"], x); }
Tensor square(const Tensor& x) { return apply(arithmetic_table["square"], x); }

namespace {

bool makes_floating(const Tensor& tensor, Scalar value) {
  return value.kind() == Scalar::Kind::floating && !is_floating(tensor.dtype());
}

}  // namespace

Tensor scalar_beside(const Tensor& beside, Scalar value) {
  Tensor made = Tensor::scalar(value, makes_floating(beside, value) ? float32 : beside.dtype());
  internal::TensorAccess::newborn(made)->literal = true;
  return made;
}

Tensor beside_scalar(const Tensor& tensor, Scalar value) {
  return makes_floating(tensor, value) ? cast(tensor, float32) : tensor;
}

Tensor operator+(const Tensor& a, const Tensor& b) { return add(a, b); }
Tensor operator-(const Tensor& a, const Tensor& b) { return subtract(a, b); }
Tensor operator*(const Tensor& a, const Tensor& b) { return multiply(a, b); }
Tensor operator/(const Tensor& a, const Tensor& b) { return divide(a, b); }
Tensor operator-(const Tensor& x) { return negative(x); }
Tensor operator+(const Tensor& a, Scalar b) { return add(beside_scalar(a, b), scalar_beside(a, b)); }
Tensor operator-(const Tensor& a, Scalar b) { return subtract(beside_scalar(a, b), scalar_beside(a, b)); }
Tensor operator*(const Tensor& a, Scalar b) { return multiply(beside_scalar(a, b), scalar_beside(a, b)); }
Tensor operator/(const Tensor& a, Scalar b) { return divide(beside_scalar(a, b), scalar_beside(a, b)); }
Tensor operator+(Scalar a, const Tensor& b) { return add(scalar_beside(b, a), beside_scalar(b, a)); }
Tensor operator-(Scalar a, const Tensor& b) { return subtract(scalar_beside(b, a), beside_scalar(b, a)); }
Tensor operator*(Scalar a, const Tensor& b) { return multiply(scalar_beside(b, a), beside_scalar(b, a)); }
Tensor operator/(Scalar a, const Tensor& b) { return divide(scalar_beside(b, a), beside_scalar(b, a)); }
Tensor floor_divide(const Tensor& a, Scalar b) {
  return floor_divide(beside_scalar(a, b), scalar_beside(a, b));
}
Tensor mod(const Tensor& a, Scalar b) { return mod(beside_scalar(a, b), scalar_beside(a, b)); }
Tensor maximum(const Tensor& a, Scalar b) { return maximum(beside_scalar(a, b), scalar_beside(a, b)); }
Tensor maximum(Scalar a, const Tensor& b) { return maximum(scalar_beside(b, a), beside_scalar(b, a)); }
Tensor minimum(const Tensor& a, Scalar b) { return minimum(beside_scalar(a, b), scalar_beside(a, b)); }
Tensor minimum(Scalar a, const Tensor& b) { return minimum(scalar_beside(b, a), beside_scalar(b, a)); }
Tensor& operator+=(Tensor& a, const Tensor& b) { return a = a + b; }
Tensor& operator-=(Tensor& a, const Tensor& b) { return a = a - b; }
Tensor& operator*=(Tensor& a, const Tensor& b) { return a = a * b; }
Tensor& operator/=(Tensor& a, const Tensor& b) { return a = a / b; }
Tensor& operator+=(Tensor& a, Scalar b) { return a = a + b; }
Tensor& operator-=(Tensor& a, Scalar b) { return a = a - b; }
Tensor& operator*=(Tensor& a, Scalar b) { return a = a * b; }
Tensor& operator/=(Tensor& a, Scalar b) { return a = a / b; }
Tensor clip(const Tensor& x, Scalar low, Scalar high) { return minimum(maximum(x, low), high); }

}  // namespace unspool
