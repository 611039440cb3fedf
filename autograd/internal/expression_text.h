#pragma once

#include <cstddef>
#include <functional>
#include <string>

#include <unspool/autograd/internal/expression.h>

namespace unspool::internal {

/// How an expression is written.
enum class Notation { text, latex };

/// Writes an expression. `name_of` names symbols, and parts of symbols.
///
/// As text: `*` and `/` by elements, `@` for a product of matrices, `^T` for a transpose, `^2` for a power,
/// `sum(x)` over the rows of the batch, functions by their names.
std::string written(Expr expression, Notation notation, const std::function<std::string(Expr)>& name_of);

/// The number of operations in an expression as it is written: each sign between operands, each power,
/// function and sum over rows is one. A transpose is none, since it computes nothing.
std::size_t operations_in(Expr expression);

/// A name as LaTeX: `h_t` stays, `alpha` is the Greek letter, of `update_gate` all is upright.
std::string name_as_latex(const std::string& name);

}  // namespace unspool::internal
