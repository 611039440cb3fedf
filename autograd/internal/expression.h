#pragma once

#include <cstddef>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <unspool/core/shape.h>

namespace unspool::internal {

/// What an expression is.
enum class ExpressionKind {
  number,     ///< the same number in each element
  symbol,     ///< a value with a name
  part,       ///< a range of rows and columns of args[0], a symbol
  sum,        ///< of the terms args[i] times weights[i]
  product,    ///< by elements, of args[i] to the power of weights[i]
  matmul,     ///< args[0] args[1], of matrices
  transpose,  ///< of args[0], a matrix
  row_sum,    ///< of args[0], a matrix, over its rows, which are the batch; a matrix of one row
  join,       ///< args side by side along `axis`
  function,   ///< of args, by elements or not
};

/// An expression of matrices. Two equal expressions of one Algebra are one object, so they are compared by
/// their addresses.
struct Expression {
  ExpressionKind kind;
  Shape shape;
  /// The name of a symbol or a function.
  std::string name = {};
  std::vector<const Expression*> args = {};
  /// Coefficients of a sum, exponents of a product.
  std::vector<double> weights = {};
  double number = 0;
  int axis = 0;
  /// Where a part begins and ends on each axis of its symbol.
  std::vector<Index> begin = {};
  std::vector<Index> end = {};
  /// Whether a function works by elements.
  bool elementwise = false;
  /// How many expressions its Algebra had made before.
  std::size_t id = 0;
};
using Expr = const Expression*;
/// Orders expressions by age, so that what is written does not depend on addresses.
struct OlderExpression {
  bool operator()(Expr a, Expr b) const { return a->id < b->id; }
};

/// Makes expressions and keeps them. Each of its functions applies the rules that hold for what it makes, so
/// that an expression is as simple as its parts allow:
///
/// - sums and products are flat, numbers in them are one number, equal terms and equal factors are counted;
/// - a range of columns of a sum, a product or a function by elements is one of the same operation on ranges,
///   of `a b` it is a times the columns of b;
/// - joined operands come apart: f([a, b], c) is [f(a, c1), f(b, c2)], and [a, b] [c; d] is a c + b d;
/// - transposes and numbers move out of products of matrices;
/// - where(a > 0, b, 0) is b * (a > 0).
class Algebra {
 public:
  Expr number(double value, const Shape& shape = {});
  Expr symbol(const std::string& name, const Shape& shape);
  Expr add(Expr a, Expr b) { return sum({a, b}, {1, 1}); }
  Expr subtract(Expr a, Expr b) { return sum({a, b}, {1, -1}); }
  Expr scale(Expr a, double by) { return sum({a}, {by}); }
  Expr multiply(Expr a, Expr b) { return product({a, b}, {1, 1}); }
  Expr divide(Expr a, Expr b) { return product({a, b}, {1, -1}); }
  Expr power(Expr a, double exponent) { return product({a}, {exponent}); }
  Expr sum(const std::vector<Expr>& terms, const std::vector<double>& coefficients);
  Expr product(const std::vector<Expr>& factors, const std::vector<double>& exponents);
  Expr matmul(Expr a, Expr b);
  Expr transpose(Expr a);
  Expr row_sum(Expr a);
  Expr join(const std::vector<Expr>& parts, int axis);
  Expr part(Expr a, int axis, Index begin, Index end);
  Expr function(std::string_view name, const std::vector<Expr>& args, const Shape& shape, bool elementwise);

  /// The expression in which each symbol that is a key of `values` is replaced by its value.
  Expr substitute(Expr a, const std::unordered_map<Expr, Expr>& values);
  /// With factors that terms of a sum have in common taken out: a*b - a*c is a*(b - c).
  Expr factored(Expr a);

  /// The expression that is written in `formula`, such as "{1} * (1 - {0}^2)", where {i} is args[i]. The
  /// result has this shape. Throws ValueError if it cannot be read.
  Expr from_formula(std::string_view formula, const std::vector<Expr>& args, const Shape& shape);

 private:
  Expr intern(Expression made);
  /// Where one of `args` is joined, make() of each range, joined; otherwise null.
  template <class Make>
  Expr apart(const std::vector<Expr>& args, const Shape& shape, Make make);
  Expr factored_sum(const std::vector<Expr>& terms, const std::vector<double>& coefficients);
  template <class Change>
  Expr rebuilt(Expr a, Change change);

  std::deque<Expression> all_;
  std::unordered_map<std::string, Expr> known_;
  std::unordered_map<Expr, Expr> factored_;
};

}  // namespace unspool::internal
