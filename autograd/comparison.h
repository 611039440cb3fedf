#pragma once

#include <concepts>
#include <utility>

#include <unspool/core/scalar.h>
#include <unspool/core/tensor.h>

/// \file
/// Elementwise comparisons and logic with NumPy's broadcasting. The results are of dtype bool and have no
/// gradient.

namespace unspool {

/// A tensor of dtype bool that answers a question: what comparisons return. `if (x > 0)` and
/// `while (all(x > 0))` ask for the answer, whereas `if (x)` asks whether a tensor is not empty.
class Condition : public Tensor {
 public:
  /// Empty.
  Condition() = default;
  /// The answer in a tensor.
  Condition(Tensor answer) : Tensor(std::move(answer)) {}
  ///@{
  /// The only element: `if (x > 0)`, `bool done = loss < 0.1;`. Throws ValueError if there is not exactly
  /// one, RuntimeError in a trace. Converts to bool alone, so that it is not a number.
  explicit operator bool() const;
  template <std::same_as<bool> B>
  operator B() const {
    return static_cast<bool>(*this);
  }
  ///@}
};

///@{
/// Whether a == b, a != b, a < b, a <= b, a > b, a >= b.
Condition equal(const Tensor& a, const Tensor& b);
Condition not_equal(const Tensor& a, const Tensor& b);
Condition less(const Tensor& a, const Tensor& b);
Condition less_equal(const Tensor& a, const Tensor& b);
Condition greater(const Tensor& a, const Tensor& b);
Condition greater_equal(const Tensor& a, const Tensor& b);
Condition equal(const Tensor& a, Scalar b);
Condition not_equal(const Tensor& a, Scalar b);
Condition less(const Tensor& a, Scalar b);
Condition less_equal(const Tensor& a, Scalar b);
Condition greater(const Tensor& a, Scalar b);
Condition greater_equal(const Tensor& a, Scalar b);
Condition operator<(const Tensor& a, const Tensor& b);
Condition operator<=(const Tensor& a, const Tensor& b);
Condition operator>(const Tensor& a, const Tensor& b);
Condition operator>=(const Tensor& a, const Tensor& b);
Condition operator<(const Tensor& a, Scalar b);
Condition operator<=(const Tensor& a, Scalar b);
Condition operator>(const Tensor& a, Scalar b);
Condition operator>=(const Tensor& a, Scalar b);
Condition operator<(Scalar a, const Tensor& b);
Condition operator<=(Scalar a, const Tensor& b);
Condition operator>(Scalar a, const Tensor& b);
Condition operator>=(Scalar a, const Tensor& b);
///@}

///@{
/// Logic on tensors of dtype bool, element by element.
Condition logical_and(const Tensor& a, const Tensor& b);
Condition logical_or(const Tensor& a, const Tensor& b);
Condition logical_xor(const Tensor& a, const Tensor& b);
Condition logical_not(const Tensor& x);
Condition operator&(const Tensor& a, const Tensor& b);
Condition operator|(const Tensor& a, const Tensor& b);
Condition operator~(const Tensor& x);
///@}
///@{
/// Whether x is NaN; infinite; neither.
Condition is_nan(const Tensor& x);
Condition isnan(const Tensor& x);
Condition isinf(const Tensor& x);
Condition isfinite(const Tensor& x);
///@}

///@{
/// a where `condition` (of dtype bool) is true, else b, with all three broadcast. An element that is not
/// selected gets a gradient of exactly 0, even if it is NaN. Two numbers give int32 if both are integers,
/// else float32.
Tensor where(const Tensor& condition, const Tensor& a, const Tensor& b);
Tensor where(const Tensor& condition, const Tensor& a, Scalar b);
Tensor where(const Tensor& condition, Scalar a, const Tensor& b);
Tensor where(const Tensor& condition, Scalar a, Scalar b);
///@}

}  // namespace unspool
