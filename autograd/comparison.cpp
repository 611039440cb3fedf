#include <cmath>
#include <concepts>
#include <limits>

#include <unspool/autograd/arithmetic.h>
#include <unspool/autograd/comparison.h>
#include <unspool/autograd/elementwise.h>
#include <unspool/autograd/families.h>
#include <unspool/core/error.h>
#include <unspool/core/kernels/vector.h>

namespace unspool {
namespace {

using kernels::vectorized;
using kernels::VectorTable;

Shape broadcast_of(const Call& call) {
  Shape shape = call.shape();
  for (std::size_t i = 1; i < call.inputs.size(); ++i) {
    if (!broadcast(shape, call.shape(i), shape)) {
      call.fail(
          "expected shapes that broadcast: along each axis, counted from the last, sizes must be equal or 1");
    }
  }
  return shape;
}

/// Checks that the operands from `first` on have the same dtype.
void check_one_dtype(const Call& call, std::size_t first) {
  for (std::size_t i = first + 1; i < call.inputs.size(); ++i) {
    if (call.dtype(i) != call.dtype(first)) {
      call.fail_type("expected operands of the same dtype: cast(x, dtype) one of them");
    }
  }
}

Specs comparison(const Call& call) {
  check_one_dtype(call, 0);
  Specs specs(1);
  specs[0] = {broadcast_of(call), boolean};
  return specs;
}

Specs logic(const Call& call) {
  for (std::size_t i = 0; i < call.inputs.size(); ++i) {
    if (call.dtype(i) != boolean) call.fail_type("expected bool: compare numbers first, as in x != 0");
  }
  return comparison(call);
}

Specs choice(const Call& call) {
  if (call.dtype(0) != boolean) call.fail_type("expected a condition of dtype bool: compare numbers first");
  check_one_dtype(call, 1);
  Specs specs(1);
  specs[0] = {broadcast_of(call), call.dtype(1)};
  return specs;
}

Operand truths(Shape shape) { return {.shape = shape, .dtype = boolean}; }

std::vector<Example> pairs_of_truths() {
  return {{{truths({}), truths({})}},
          {{truths({2, 3}), truths({2, 3})}},
          {{truths({2, 1, 3}), truths({4, 1})}},
          {{truths({0, 3}), truths({3})}}};
}

constexpr Operation comparison_records[] = {
    {.name = "equal",
     .summary = "whether a == b",
     .formula = "{0} == {1}",
     .shape = comparison,
     .kernel = elementwise_with_bool<vectorized<&VectorTable::equal>>([](auto a, auto b) { return a == b; }),
     .examples = {{-2, 2}, {-2, 2}}},
    {.name = "not_equal",
     .summary = "whether a != b",
     .formula = "{0} != {1}",
     .shape = comparison,
     .kernel =
         elementwise_with_bool<vectorized<&VectorTable::not_equal>>([](auto a, auto b) { return a != b; }),
     .examples = {{-2, 2}, {-2, 2}}},
    {.name = "less",
     .summary = "whether a < b",
     .formula = "{0} < {1}",
     .shape = comparison,
     .kernel = elementwise_with_bool<vectorized<&VectorTable::less>>([](auto a, auto b) { return a < b; }),
     .examples = {{-2, 2}, {-2, 2}}},
    {.name = "less_equal",
     .summary = "whether a <= b",
     .formula = "{0} <= {1}",
     .shape = comparison,
     .kernel =
         elementwise_with_bool<vectorized<&VectorTable::less_equal>>([](auto a, auto b) { return a <= b; }),
     .examples = {{-2, 2}, {-2, 2}}},
    {.name = "logical_and",
     .summary = "whether both a and b hold",
     .shape = logic,
     .kernel =
         elementwise_with_bool([](std::same_as<bool> auto a, std::same_as<bool> auto b) { return a && b; }),
     .examples = pairs_of_truths},
    {.name = "logical_or",
     .summary = "whether a or b holds, or both",
     .shape = logic,
     .kernel =
         elementwise_with_bool([](std::same_as<bool> auto a, std::same_as<bool> auto b) { return a || b; }),
     .examples = pairs_of_truths},
    {.name = "logical_xor",
     .summary = "whether one of a and b holds and the other does not",
     .shape = logic,
     .kernel =
         elementwise_with_bool([](std::same_as<bool> auto a, std::same_as<bool> auto b) { return a != b; }),
     .examples = pairs_of_truths},
    {.name = "logical_not",
     .summary = "whether x does not hold",
     .shape = logic,
     .kernel = elementwise_with_bool([](std::same_as<bool> auto x) { return !x; }),
     .examples =
         [] {
           return std::vector<Example>{{{truths({})}}, {{truths({2, 3})}}, {{truths({0, 3})}}};
         }},
    {.name = "is_nan",
     .summary = "whether x is NaN",
     .shape = comparison,
     .kernel = elementwise_with_bool<vectorized<&VectorTable::is_nan>>([]([[maybe_unused]] auto x) {
       if constexpr (std::floating_point<decltype(x)>) {
         return std::isnan(x);
       } else {
         return false;
       }
     }),
     .examples = {{-2, 2}}},
    {.name = "where",
     .summary = "a where the condition holds, else b",
     .shape = choice,
     .kernel = elementwise_choice<vectorized<&VectorTable::where>>(
         [](bool condition, auto a, auto b) { return condition ? a : b; }),
     // A where() again, not a product with the condition, which would turn 0 * NaN into NaN.
     .gradient =
         [](Backward& b) {
           const Tensor zero = scalar_beside(b.dy(), 0);
           if (b.needs(1)) b.dx(1) = where(b.x(0), b.dy(), zero);
           if (b.needs(2)) b.dx(2) = where(b.x(0), zero, b.dy());
         },
     .keep = keep::input(0),
     .form = [](const Call&) -> Form { return form::Selection{}; },
     .examples =
         [] {
           return std::vector<Example>{{{truths({}), {{}}, {{}}}},
                                       {{truths({2, 3}), {{2, 3}}, {{2, 3}}}},
                                       {{truths({2, 1}), {{2, 3}}, {{3}}}},
                                       {{truths({3}), {{2, 1}}, {{}}}},
                                       {{truths({4, 1, 1}), {{2, 1}}, {{1, 3}}}},
                                       {{truths({2, 1}), {{0}}, {{}}}},
                                       {{truths({40}), {{40}}, {{40}}}}};
         }},
};
constexpr OperationTable comparison_table(comparison_records);

}  // namespace

OperationList families::comparison() { return comparison_table; }

Condition::operator bool() const {
  if (size() != 1) {
    throw ValueError("expected a condition of one element, got " + describe() +
                     ": write all(x) or any(x), and logical_and(a, b), logical_or(a, b), logical_not(x) in "
                     "place of a && b, a || b, !x");
  }
  return item<double>() != 0;
}

Condition equal(const Tensor& a, const Tensor& b) { return apply(comparison_table["equal"], a, b); }
Condition not_equal(const Tensor& a, const Tensor& b) { return apply(comparison_table["not_equal"], a, b); }
Condition less(const Tensor& a, const Tensor& b) { return apply(comparison_table["less"], a, b); }
Condition less_equal(const Tensor& a, const Tensor& b) { return apply(comparison_table["less_equal"], a, b); }
Condition greater(const Tensor& a, const Tensor& b) { return less(b, a); }
Condition greater_equal(const Tensor& a, const Tensor& b) { return less_equal(b, a); }
Condition equal(const Tensor& a, Scalar b) { return equal(beside_scalar(a, b), scalar_beside(a, b)); }
Condition not_equal(const Tensor& a, Scalar b) { return not_equal(beside_scalar(a, b), scalar_beside(a, b)); }
Condition less(const Tensor& a, Scalar b) { return a < b; }
Condition less_equal(const Tensor& a, Scalar b) { return a <= b; }
Condition greater(const Tensor& a, Scalar b) { return a > b; }
Condition greater_equal(const Tensor& a, Scalar b) { return a >= b; }
Condition operator<(const Tensor& a, const Tensor& b) { return less(a, b); }
Condition operator<=(const Tensor& a, const Tensor& b) { return less_equal(a, b); }
Condition operator>(const Tensor& a, const Tensor& b) { return greater(a, b); }
Condition operator>=(const Tensor& a, const Tensor& b) { return greater_equal(a, b); }
Condition operator<(const Tensor& a, Scalar b) { return less(beside_scalar(a, b), scalar_beside(a, b)); }
Condition operator<=(const Tensor& a, Scalar b) {
  return less_equal(beside_scalar(a, b), scalar_beside(a, b));
}
Condition operator>(const Tensor& a, Scalar b) { return greater(beside_scalar(a, b), scalar_beside(a, b)); }
Condition operator>=(const Tensor& a, Scalar b) {
  return greater_equal(beside_scalar(a, b), scalar_beside(a, b));
}
Condition operator<(Scalar a, const Tensor& b) { return b > a; }
Condition operator<=(Scalar a, const Tensor& b) { return b >= a; }
Condition operator>(Scalar a, const Tensor& b) { return b < a; }
Condition operator>=(Scalar a, const Tensor& b) { return b <= a; }

Condition logical_and(const Tensor& a, const Tensor& b) {
  return apply(comparison_table["logical_and"], a, b);
}
Condition logical_or(const Tensor& a, const Tensor& b) { return apply(comparison_table["logical_or"], a, b); }
Condition logical_xor(const Tensor& a, const Tensor& b) {
  return apply(comparison_table["logical_xor"], a, b);
}
Condition logical_not(const Tensor& x) { return apply(comparison_table["logical_not"], x); }
Condition operator&(const Tensor& a, const Tensor& b) { return logical_and(a, b); }
Condition operator|(const Tensor& a, const Tensor& b) { return logical_or(a, b); }
Condition operator~(const Tensor& x) { return logical_not(x); }

Condition is_nan(const Tensor& x) { return apply(comparison_table["is_nan"], x); }
Condition isnan(const Tensor& x) { return is_nan(x); }
Condition isinf(const Tensor& x) { return equal(abs(x), std::numeric_limits<double>::infinity()); }
Condition isfinite(const Tensor& x) { return abs(x) < std::numeric_limits<double>::infinity(); }

Tensor where(const Tensor& condition, const Tensor& a, const Tensor& b) {
  return apply(comparison_table["where"], condition, a, b);
}
Tensor where(const Tensor& condition, const Tensor& a, Scalar b) {
  return where(condition, beside_scalar(a, b), scalar_beside(a, b));
}
Tensor where(const Tensor& condition, Scalar a, const Tensor& b) {
  return where(condition, scalar_beside(b, a), beside_scalar(b, a));
}
Tensor where(const Tensor& condition, Scalar a, Scalar b) {
  const bool floating = a.kind() == Scalar::Kind::floating || b.kind() == Scalar::Kind::floating;
  const DType dtype = floating ? float32 : int32;
  return where(condition, Tensor::scalar(a, dtype), Tensor::scalar(b, dtype));
}

}  // namespace unspool
