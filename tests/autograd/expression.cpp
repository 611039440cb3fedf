#include <cmath>
#include <doctest/doctest.h>
#include <random>
#include <string>
#include <unordered_map>
#include <vector>

#include <unspool/autograd/internal/expression.h>
#include <unspool/autograd/internal/expression_text.h>
#include <unspool/autograd/operation.h>
#include <unspool/unspool.h>

using namespace unspool;
using internal::Algebra;
using internal::Expr;
using internal::ExpressionKind;
using internal::Notation;

namespace {

/// Computes an expression with tensors.
class ExpressionValues {
 public:
  std::unordered_map<Expr, Tensor> symbols;

  Tensor operator()(Expr a) const {
    const auto arg = [&](std::size_t i) { return (*this)(a->args[i]); };
    switch (a->kind) {
      case ExpressionKind::number:
        return Tensor::full(a->shape, a->number, float64);
      case ExpressionKind::symbol:
        return symbols.at(a);
      case ExpressionKind::part: {
        std::vector<Slice> ranges;
        for (std::size_t i = 0; i < a->begin.size(); ++i) ranges.push_back({a->begin[i], a->end[i]});
        return slice(arg(0), ranges);
      }
      case ExpressionKind::sum: {
        Tensor sum = arg(0) * a->weights[0];
        for (std::size_t i = 1; i < a->args.size(); ++i) sum = sum + arg(i) * a->weights[i];
        return sum;
      }
      case ExpressionKind::product: {
        Tensor product = pow(arg(0), a->weights[0]);
        for (std::size_t i = 1; i < a->args.size(); ++i) product = product * pow(arg(i), a->weights[i]);
        return product;
      }
      case ExpressionKind::matmul:
        return matmul(arg(0), arg(1));
      case ExpressionKind::transpose:
        return transpose(arg(0));
      case ExpressionKind::row_sum:
        return unspool::sum(arg(0), {0}, true);
      case ExpressionKind::join: {
        std::vector<Tensor> parts;
        for (std::size_t i = 0; i < a->args.size(); ++i) parts.push_back(arg(i));
        return concat(parts, a->axis);
      }
      default:
        if (a->name == "pow") return pow(arg(0), arg(1));
        if (a->name == "abs") return abs(arg(0));
        if (a->name == ">") return cast(arg(0) > arg(1), float64);
        if (a->name == "<") return cast(arg(0) < arg(1), float64);
        if (a->name == "<=") return cast(arg(0) <= arg(1), float64);
        if (a->name == "==") return cast(equal(arg(0), arg(1)), float64);
        if (a->name == "!=") return cast(not_equal(arg(0), arg(1)), float64);
        return a->name == "tanh" ? tanh(arg(0)) : sqrt(arg(0));
    }
  }
};

/// An expression and, computed beside it without any rule, its value.
struct Both {
  Expr expression;
  Tensor value;
};

class BothWays {
 public:
  Algebra algebra;
  ExpressionValues values;

  Both symbol(const std::string& name, const Shape& shape) {
    const Tensor value = random_uniform(shape, 0.5, 1.5, float64, ++seed_);
    const Expr made = algebra.symbol(name, shape);
    values.symbols[made] = value;
    return {made, value};
  }
  Both number(double value) { return {algebra.number(value), Tensor::scalar(value, float64)}; }
  Both add(const Both& a, const Both& b) {
    return {algebra.add(a.expression, b.expression), a.value + b.value};
  }
  Both subtract(const Both& a, const Both& b) {
    return {algebra.subtract(a.expression, b.expression), a.value - b.value};
  }
  Both multiply(const Both& a, const Both& b) {
    return {algebra.multiply(a.expression, b.expression), a.value * b.value};
  }
  Both divide(const Both& a, const Both& b) {
    return {algebra.divide(a.expression, b.expression), a.value / b.value};
  }
  Both square(const Both& a) { return {algebra.power(a.expression, 2), a.value * a.value}; }
  Both scale(const Both& a, double by) { return {algebra.scale(a.expression, by), a.value * by}; }
  Both matmul(const Both& a, const Both& b) {
    return {algebra.matmul(a.expression, b.expression), unspool::matmul(a.value, b.value)};
  }
  Both transpose(const Both& a) { return {algebra.transpose(a.expression), unspool::transpose(a.value)}; }
  Both row_sum(const Both& a) { return {algebra.row_sum(a.expression), unspool::sum(a.value, {0}, true)}; }
  Both join(const Both& a, const Both& b, int axis) {
    return {algebra.join({a.expression, b.expression}, axis), concat({a.value, b.value}, axis)};
  }
  Both part(const Both& a, int axis, Index begin, Index end) {
    return {algebra.part(a.expression, axis, begin, end), slice(a.value, axis, begin, end)};
  }
  Both tanh(const Both& a) {
    return {algebra.function("tanh", {a.expression}, a.value.shape(), true), unspool::tanh(a.value)};
  }

  /// Whether the expression, as it is and with common factors taken out, has the value.
  bool holds(const Both& a) {
    for (const Expr own : {a.expression, algebra.factored(a.expression)}) {
      const Tensor difference = values(own) - a.value;
      if (!(max(abs(difference)).item<double>() <= 1e-11 * (1 + max(abs(a.value)).item<double>())))
        return false;
    }
    return true;
  }
  std::string text(const Both& a) {
    return written(algebra.factored(a.expression), Notation::text, [](Expr symbol) {
      return symbol->kind == ExpressionKind::part ? symbol->args[0]->name + "_part" : symbol->name;
    });
  }

 private:
  int seed_ = 0;
};

}  // namespace

TEST_CASE("each rule of expressions keeps the value") {
  BothWays b;
  const Both x = b.symbol("x", {3, 4});
  const Both y = b.symbol("y", {3, 4});
  const Both z = b.symbol("z", {3, 4});
  const Both row = b.symbol("row", {4});
  const Both w = b.symbol("w", {4, 6});
  const Both v = b.symbol("v", {5, 3});
  const auto check = [&](const Both& both, const std::string& text) {
    CHECK(b.holds(both));
    CHECK(b.text(both) == text);
  };
  // Sums and products are flat and collect what is equal.
  check(b.add(b.add(x, y), b.subtract(x, b.number(2))), "2 * x + y - 2");
  check(b.subtract(b.add(x, y), b.add(y, x)), "0");
  check(b.multiply(b.multiply(x, y), b.divide(x, y)), "x^2");
  check(b.multiply(b.scale(x, 2), b.scale(y, -3)), "-6 * x * y");
  check(b.divide(b.number(1), x), "1 / x");
  check(b.multiply(x, b.number(0)), "0");
  // Common factors.
  check(b.subtract(b.multiply(x, y), b.multiply(x, z)), "x * (y - z)");
  check(b.subtract(b.multiply(x, z), b.multiply(x, b.multiply(y, y))), "x * (z - y^2)");
  check(b.subtract(x, b.multiply(x, y)), "x * (1 - y)");
  check(b.add(b.subtract(b.multiply(x, y), b.multiply(x, z)), b.multiply(z, row)), "x * (y - z) + z * row");
  // Numbers and transposes move out of products.
  check(b.matmul(b.scale(x, 2), w), "2 * (x @ w)");
  check(b.transpose(b.matmul(x, w)), "w^T @ x^T");
  check(b.transpose(b.transpose(x)), "x");
  check(b.transpose(b.subtract(x, b.scale(y, 2))), "x^T - 2 * y^T");
  check(b.row_sum(b.scale(x, -1)), "-sum(x)");
  // Ranges of columns go down.
  check(b.part(b.matmul(x, w), 1, 2, 4), "x @ w_part");
  check(b.part(b.add(b.multiply(x, y), row), 1, 1, 3), "x_part * y_part + row_part");
  check(b.part(b.tanh(x), 1, 0, 2), "tanh(x_part)");
  check(b.part(b.part(x, 1, 1, 4), 1, 1, 2), "x_part");
  check(b.part(b.transpose(x), 1, 0, 2), "x_part^T");
  check(b.part(b.row_sum(x), 1, 1, 2), "sum(x_part)");
  check(b.part(b.matmul(v, x), 0, 1, 2), "v_part @ x");
  // Joined columns come up, and ranges that follow one another are one.
  check(b.join(b.part(x, 1, 0, 2), b.part(x, 1, 2, 4), 1), "x");
  check(b.part(b.join(x, y, 1), 1, 4, 8), "y");
  check(b.part(b.join(x, y, 1), 1, 2, 6), "[x_part, y_part]");
  check(b.multiply(b.join(x, y, 1), b.join(y, z, 1)), "[x * y, y * z]");
  check(b.add(b.join(x, y, 0), row), "[x + row, y + row]");
  check(b.matmul(v, b.join(x, y, 1)), "[v @ x, v @ y]");
  check(b.matmul(b.join(b.part(x, 1, 0, 2), b.part(y, 1, 0, 2), 1), w), "x_part @ w_part + y_part @ w_part");
  check(b.row_sum(b.join(x, y, 1)), "[sum(x), sum(y)]");
}

TEST_CASE("expressions made at random have the value of what they were made of") {
  std::mt19937 random(1);
  const auto below = [&](std::size_t n) { return static_cast<std::size_t>(random() % n); };
  for (int round = 0; round < 60; ++round) {
    BothWays b;
    std::vector<Both> pool;
    for (int i = 0; i < 3; ++i) pool.push_back(b.symbol("x" + std::to_string(i), {4, 4}));
    pool.push_back(b.symbol("row", {1, 4}));
    pool.push_back(b.number(1));
    for (int i = 0; i < 25; ++i) {
      const Both& a = pool[below(pool.size())];
      const Both& c = pool[below(pool.size())];
      const bool square_a = a.value.shape() == Shape{4, 4};
      const bool square_c = c.value.shape() == Shape{4, 4};
      Both made = a;
      switch (below(9)) {
        case 0:
          made = b.add(a, c);
          break;
        case 1:
          made = b.subtract(a, c);
          break;
        case 2:
          made = b.multiply(a, c);
          break;
        case 3:
          if (square_a && square_c) made = b.scale(b.matmul(a, c), 0.125);
          break;
        case 4:
          if (square_a) made = b.transpose(a);
          break;
        case 5:
          if (square_a) made = b.tanh(a);
          break;
        case 6:
          if (square_a && square_c) made = b.join(b.part(a, 1, 0, 1), b.part(c, 1, 1, 4), 1);
          break;
        case 7:
          if (square_a && square_c) made = b.join(b.part(a, 0, 0, 3), b.part(c, 0, 2, 3), 0);
          break;
        default:
          made = b.scale(a, -0.5);
      }
      if (max(abs(made.value)).item<double>() > 1e3) continue;
      CAPTURE(round);
      CAPTURE(i);
      REQUIRE(b.holds(made));
      pool.push_back(made);
    }
  }
}

TEST_CASE("formulas of records mean what their kernels compute") {
  for (const OperationList& table : operation_tables()) {
    for (std::size_t i = 0; i < table.size(); ++i) {
      const OperationRef operation = table[i];
      if (operation->formula.empty() || !operation->elementwise()) continue;
      CAPTURE(operation->name);
      Algebra algebra;
      ExpressionValues values;
      std::vector<Expr> args;
      std::vector<Tensor> tensors;
      for (const Example& example : operation->examples.list()) {
        for (const Operand& operand : example.operands) {
          const Shape shape{3, 5};
          tensors.push_back(random_uniform(shape, operand.range.low, operand.range.high, float64,
                                           static_cast<int>(tensors.size()) + 1));
          args.push_back(algebra.symbol("x" + std::to_string(args.size()), shape));
          values.symbols[args.back()] = tensors.back();
        }
        break;
      }
      Expr made = nullptr;
      REQUIRE_NOTHROW(made = algebra.from_formula(operation->formula, args, {3, 5}));
      const Tensor difference = values(made) - cast(unspool::apply(operation, tensors), float64);
      CHECK(max(abs(difference)).item<double>() <= 1e-12);
    }
  }
}

TEST_CASE("expressions as LaTeX") {
  Algebra algebra;
  const auto name = [](Expr symbol) { return internal::name_as_latex(symbol->name); };
  const Expr x = algebra.symbol("x", {2, 2});
  const Expr w = algebra.symbol("alpha", {2, 2});
  CHECK(written(algebra.multiply(x, algebra.subtract(algebra.number(1), algebra.power(w, 2))),
                Notation::latex, name) == "x \\odot \\left(1 - \\alpha^{2}\\right)");
  CHECK(written(algebra.matmul(algebra.transpose(x), w), Notation::latex, name) == "x^{\\top} \\, \\alpha");
  CHECK(written(algebra.function("sigmoid", {x}, {2, 2}, true), Notation::latex, name) ==
        "\\sigma\\left(x\\right)");
  CHECK(written(algebra.row_sum(x), Notation::latex, name) == "\\sum_{\\mathrm{batch}} x");
  CHECK(internal::name_as_latex("update_gate") == "\\mathrm{update\\_gate}");
  CHECK(internal::operations_in(algebra.subtract(algebra.number(1), algebra.power(w, 2))) == 2);
}
