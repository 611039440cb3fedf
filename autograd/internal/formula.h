#pragma once

#include <span>
#include <string>

#include <unspool/autograd/operation.h>

namespace unspool::internal {

/// A formula as text, and how tightly what holds it together binds: parentheses depend on that.
struct Formula {
  enum Binding { sum, product, power, atom };
  std::string text;
  Binding binding = atom;
};

/// A use of an operation on operands that are formulas, as its record says: "(a + b) * c", "x @ w^T",
/// "softmax(x, axis=-1)". The operands of the call need no values.
Formula formula_of(const Call& call, std::span<const Formula> operands);

/// "0.5", "1e-07", or "0.51, 0.73, ..." for a tensor of several elements, of which `most` are shown.
std::string rounded(const Tensor& tensor, int digits, std::size_t most);

}  // namespace unspool::internal
