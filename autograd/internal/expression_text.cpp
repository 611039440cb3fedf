#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>
#include <utility>

#include <unspool/autograd/internal/expression_text.h>
#include <unspool/core/internal/format.h>

namespace unspool::internal {
namespace {

/// How tightly an expression holds together: parentheses are written around what is looser than its place
/// allows.
enum Tightness { of_comparison, of_sum, of_product, of_matmul, of_power, of_atom };

bool is_comparison(Expr a) {
  return a->kind == ExpressionKind::function && a->name.find_first_not_of("<>=!") == std::string::npos;
}

/// The terms of a sum in the order in which they are written: a bias, which has one row for all, behind
/// matrices, and a positive term first.
std::vector<std::size_t> order_of_terms(Expr a) {
  std::vector<std::size_t> order(a->args.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  if (a->args[0]->kind == ExpressionKind::number && a->weights[0] < 0)
    std::rotate(order.begin(), order.begin() + 1, order.end());
  const auto is_bias = [&](std::size_t i) {
    const Expr term = a->args[i];
    const bool named = term->kind == ExpressionKind::symbol || term->kind == ExpressionKind::part;
    return named && a->shape.rank() == 2 && a->shape[0] > 1 &&
           (term->shape.rank() < 2 || term->shape[0] == 1);
  };
  std::stable_partition(order.begin(), order.end(), [&](std::size_t i) { return !is_bias(i); });
  const auto positive = std::ranges::find_if(order, [&](std::size_t i) { return a->weights[i] > 0; });
  if (positive != order.end()) std::rotate(order.begin(), positive, positive + 1);
  return order;
}

bool is_greek(std::string_view name) {
  constexpr std::array<std::string_view, 22> letters{
      "alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "kappa", "lambda", "mu",
      "nu",    "xi",   "pi",    "rho",   "sigma",   "tau",  "phi", "chi",   "psi",   "omega",  "iota"};
  return std::ranges::find(letters, name) != letters.end();
}

std::string escaped_name(const std::string& name) {
  std::string escaped;
  for (const char c : name) escaped += c == '_' ? std::string("\\_") : std::string(1, c);
  return escaped;
}

class Writer {
 public:
  Writer(Notation notation, const std::function<std::string(Expr)>& name_of)
      : latex_(notation == Notation::latex), name_of_(name_of) {}

  std::string operator()(Expr a, Tightness place = of_comparison) const {
    auto [text, own] = bare(a);
    if (own >= place) return text;
    return latex_ ? "\\left(" + text + "\\right)" : "(" + text + ")";
  }

 private:
  std::pair<std::string, Tightness> bare(Expr a) const {
    switch (a->kind) {
      case ExpressionKind::number:
        return {number_text(a->number), a->number < 0 ? of_sum : of_atom};
      case ExpressionKind::symbol:
      case ExpressionKind::part:
        return {name_of_(a), of_atom};
      case ExpressionKind::sum:
        return {sum_text(a), a->args.size() == 1 && a->weights[0] > 0 ? of_product : of_sum};
      case ExpressionKind::product:
        return product_text(a);
      case ExpressionKind::matmul:
        return {(*this)(a->args[0], of_matmul) + (latex_ ? " \\, " : " @ ") + (*this)(a->args[1], of_power),
                of_matmul};
      case ExpressionKind::transpose: {
        const std::string inside = (*this)(a->args[0], of_atom);
        return {latex_ ? raised(inside, "\\top") : inside + "^T", of_power};
      }
      case ExpressionKind::row_sum:
        return latex_ ? std::pair{"\\sum_{\\mathrm{batch}} " + (*this)(a->args[0], of_product), of_product}
                      : std::pair{"sum(" + (*this)(a->args[0]) + ")", of_atom};
      case ExpressionKind::join:
        return {"[" + list(a, ", ") + "]", of_atom};
      default:
        return function_text(a);
    }
  }

  /// TeX allows one exponent only: what has one is a group.
  static std::string raised(const std::string& base, const std::string& exponent) {
    const bool group = base.find('^') != std::string::npos;
    return (group ? "{" + base + "}" : base) + "^{" + exponent + "}";
  }

  std::string list(Expr a, std::string_view between) const {
    std::string text;
    for (const Expr arg : a->args) {
      if (!text.empty()) text += between;
      text += (*this)(arg);
    }
    return text;
  }

  std::string number_text(double value) const {
    // 0.1 * 0.9 is 0.09, not 0.09000000000000001.
    std::string text = fmt::format("{:.15g}", value);
    const std::size_t exponent = text.find('e');
    if (!latex_ || exponent == std::string::npos) return text;
    return text.substr(0, exponent) + fmt::format(" \\cdot 10^{{{}}}", std::stoi(text.substr(exponent + 1)));
  }

  std::string sum_text(Expr a) const {
    std::string text;
    for (const std::size_t i : order_of_terms(a)) {
      const double weight = a->weights[i];
      const double size = std::abs(weight);
      text += text.empty() ? (weight < 0 ? "-" : "") : (weight < 0 ? " - " : " + ");
      if (a->args[i]->kind == ExpressionKind::number) {
        text += number_text(size * a->args[i]->number);
      } else if (size == 1) {
        // After a minus, -(a + b) needs its parentheses.
        text += (*this)(a->args[i], of_product);
      } else {
        text +=
            number_text(size) + (latex_ ? " \\, " : " * ") + (*this)(a->args[i], factor_place(a->args[i]));
      }
    }
    return text;
  }

  /// In a product by elements, a product of matrices stands in parentheses.
  static Tightness factor_place(Expr a) { return a->kind == ExpressionKind::matmul ? of_atom : of_product; }

  std::pair<std::string, Tightness> product_text(Expr a) const {
    std::string above;
    std::string below;
    std::size_t below_count = 0;
    const std::string times = latex_ ? " \\odot " : " * ";
    for (std::size_t i = 0; i < a->args.size(); ++i) {
      const double exponent = a->weights[i];
      std::string& text = exponent > 0 ? above : below;
      if (!text.empty()) text += times;
      if (exponent < 0) ++below_count;
      const double size = std::abs(exponent);
      if (size == 1) {
        const Expr factor = a->args[i];
        const bool loose = factor->kind == ExpressionKind::matmul || factor->kind == ExpressionKind::row_sum;
        text += (*this)(factor, loose ? of_atom : of_power);
      } else if (latex_) {
        text += raised((*this)(a->args[i], of_atom), number_text(size));
      } else {
        text += (*this)(a->args[i], of_atom) + "^" + number_text(size);
      }
    }
    if (below.empty()) {
      const bool power = a->args.size() == 1;
      return {above, power ? of_power : of_product};
    }
    if (above.empty()) above = "1";
    if (latex_) return {"\\frac{" + above + "}{" + below + "}", of_product};
    return {above + " / " + (below_count > 1 ? "(" + below + ")" : below), of_product};
  }

  std::pair<std::string, Tightness> function_text(Expr a) const {
    if (is_comparison(a)) {
      const std::string inside =
          (*this)(a->args[0], of_sum) + " " + latex_operator(a->name) + " " + (*this)(a->args[1], of_sum);
      if (latex_) return {"\\left[" + inside + "\\right]", of_atom};
      return {inside, of_comparison};
    }
    if (!latex_) return {a->name + "(" + list(a, ", ") + ")", of_atom};
    if (a->name == "sum_all") return {"\\sum " + (*this)(a->args[0], of_product), of_product};
    if (a->name == "sqrt") return {"\\sqrt{" + list(a, ", ") + "}", of_atom};
    if (a->name == "abs") return {"\\left|" + list(a, ", ") + "\\right|", of_atom};
    return {latex_function(a->name) + "\\left(" + list(a, ",\\, ") + "\\right)", of_power};
  }

  std::string latex_operator(const std::string& name) const {
    if (!latex_) return name;
    if (name == "<=") return "\\leq";
    if (name == ">=") return "\\geq";
    if (name == "!=") return "\\neq";
    return name == "==" ? "=" : name;
  }

  static std::string latex_function(const std::string& name) {
    if (name == "sigmoid") return "\\sigma";
    for (const std::string_view known : {"tanh", "exp", "log", "sin", "cos", "max", "min"}) {
      if (name == known) return "\\" + name;
    }
    return "\\operatorname{" + escaped_name(name) + "}";
  }

  bool latex_;
  const std::function<std::string(Expr)>& name_of_;
};

}  // namespace

std::string written(Expr expression, Notation notation, const std::function<std::string(Expr)>& name_of) {
  return Writer(notation, name_of)(expression);
}

std::size_t operations_in(Expr a) {
  std::size_t count = 0;
  for (const Expr arg : a->args) count += operations_in(arg);
  switch (a->kind) {
    case ExpressionKind::sum: {
      count += a->args.size() - 1;
      const std::vector<std::size_t> order = order_of_terms(a);
      if (a->weights[order[0]] < 0) ++count;
      for (std::size_t i = 0; i < a->args.size(); ++i) {
        if (a->args[i]->kind != ExpressionKind::number && std::abs(a->weights[i]) != 1) ++count;
      }
      return count;
    }
    case ExpressionKind::product:
      count += a->args.size() - 1;
      for (const double exponent : a->weights) count += std::abs(exponent) != 1 ? 1 : 0;
      return count + (std::ranges::none_of(a->weights, [](double exponent) { return exponent > 0; }) ? 1 : 0);
    case ExpressionKind::matmul:
    case ExpressionKind::row_sum:
    case ExpressionKind::function:
      return count + 1;
    case ExpressionKind::part:
      return 0;
    default:
      return count;
  }
}

std::string name_as_latex(const std::string& name) {
  if (name.size() == 1) return name;
  if (is_greek(name)) return "\\" + name;
  return "\\mathrm{" + escaped_name(name) + "}";
}

}  // namespace unspool::internal
