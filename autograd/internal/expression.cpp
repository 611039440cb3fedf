#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdlib>

#include <unspool/autograd/internal/expression.h>
#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>

namespace unspool::internal {
namespace {

bool is_number(Expr a) { return a->kind == ExpressionKind::number; }
bool is_number(Expr a, double value) { return is_number(a) && a->number == value; }

/// Names of what a formula writes between its operands.
constexpr std::string_view formula_comparisons[] = {"<=", ">=", "==", "!=", "<", ">"};

/// Reads a formula with the usual precedences: comparisons, + and -, * and /, sign, ^.
class FormulaReader {
 public:
  FormulaReader(Algebra& algebra, std::string_view text, const std::vector<Expr>& args, const Shape& shape)
      : algebra_(algebra), text_(text), args_(args), shape_(shape) {}

  Expr read() {
    const Expr whole = comparison();
    if (at_ != text_.size()) fail();
    return whole;
  }

 private:
  [[noreturn]] void fail() const {
    throw ValueError(fmt::format("cannot read the formula \"{}\" from character {} on", text_, at_));
  }
  bool take(std::string_view token) {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
    if (!text_.substr(at_).starts_with(token)) return false;
    at_ += token.size();
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
    return true;
  }
  Expr comparison() {
    const Expr left = sum();
    for (const std::string_view name : formula_comparisons) {
      if (take(name)) return algebra_.function(name, {left, sum()}, shape_, true);
    }
    return left;
  }
  Expr sum() {
    Expr left = product();
    while (true) {
      if (take("+")) {
        left = algebra_.add(left, product());
      } else if (take("-")) {
        left = algebra_.subtract(left, product());
      } else {
        return left;
      }
    }
  }
  Expr product() {
    Expr left = sign();
    while (true) {
      if (take("*")) {
        left = algebra_.multiply(left, sign());
      } else if (take("/")) {
        left = algebra_.divide(left, sign());
      } else {
        return left;
      }
    }
  }
  Expr sign() { return take("-") ? algebra_.scale(sign(), -1) : power(); }
  Expr power() {
    const Expr base = atom();
    if (!take("^")) return base;
    const Expr exponent = sign();
    if (!is_number(exponent)) return algebra_.function("pow", {base, exponent}, shape_, true);
    return algebra_.power(base, exponent->number);
  }
  Expr atom() {
    if (take("(")) {
      const Expr inside = comparison();
      if (!take(")")) fail();
      return inside;
    }
    if (take("|")) {
      const Expr inside = sum();
      if (!take("|")) fail();
      return algebra_.function("abs", {inside}, shape_, true);
    }
    if (take("{")) {
      const Expr arg = args_.at(static_cast<std::size_t>(digits()));
      if (!take("}")) fail();
      return arg;
    }
    if (at_ < text_.size() && (std::isdigit(static_cast<unsigned char>(text_[at_])) != 0)) {
      return algebra_.number(digits());
    }
    std::string name;
    while (at_ < text_.size() &&
           (std::isalnum(static_cast<unsigned char>(text_[at_])) != 0 || text_[at_] == '_')) {
      name += text_[at_++];
    }
    if (name.empty() || !take("(")) fail();
    std::vector<Expr> args;
    do {
      args.push_back(comparison());
    } while (take(","));
    if (!take(")")) fail();
    return algebra_.function(name, args, shape_, true);
  }
  double digits() {
    const std::string rest(text_.substr(at_));
    char* end = nullptr;
    const double value = std::strtod(rest.c_str(), &end);
    if (end == rest.c_str()) fail();
    at_ += static_cast<std::size_t>(end - rest.c_str());
    return value;
  }

  Algebra& algebra_;
  std::string_view text_;
  const std::vector<Expr>& args_;
  const Shape& shape_;
  std::size_t at_ = 0;
};

Shape with_size(Shape shape, int axis, Index size) {
  shape.set(axis, size);
  return shape;
}

/// The shape of an operation by elements on operands of these shapes.
Shape broadcast_of(const std::vector<Expr>& operands) {
  Shape shape;
  for (const Expr operand : operands) {
    Shape wider;
    if (!broadcast(shape, operand->shape, wider)) {
      throw ValueError(fmt::format("equations: expected shapes that broadcast, got {} and {}",
                                   to_string(shape), to_string(operand->shape)));
    }
    shape = wider;
  }
  return shape;
}

/// The size of an operand along `axis` of a result of rank `rank`, to which it is broadcast.
Index size_along(Expr a, int axis, int rank) {
  const int own = axis - (rank - a->shape.rank());
  return own < 0 ? 1 : a->shape[own];
}

}  // namespace

Expr Algebra::intern(Expression made) {
  std::string key = fmt::format("{} {} {} {} {}", static_cast<int>(made.kind), made.name, made.number,
                                made.axis, made.elementwise);
  std::vector<std::string> args;
  for (std::size_t i = 0; i < made.args.size(); ++i) {
    args.push_back(fmt::format(" {}*{}", static_cast<const void*>(made.args[i]),
                               i < made.weights.size() ? made.weights[i] : 0));
  }
  // a + b and b + a are equal.
  if (made.kind == ExpressionKind::sum || made.kind == ExpressionKind::product) std::ranges::sort(args);
  for (const std::string& arg : args) key += arg;
  for (std::size_t i = 0; i < made.begin.size(); ++i)
    key += fmt::format(" {}:{}", made.begin[i], made.end[i]);
  // Numbers of different shapes differ: a joined block of zeros has a size.
  if (made.kind == ExpressionKind::number || made.kind == ExpressionKind::symbol)
    key += to_string(made.shape);
  const auto found = known_.find(key);
  if (found != known_.end()) return found->second;
  made.id = all_.size();
  all_.push_back(std::move(made));
  known_.emplace(std::move(key), &all_.back());
  return &all_.back();
}

Expr Algebra::number(double value, const Shape& shape) {
  return intern({.kind = ExpressionKind::number, .shape = shape, .number = value});
}

Expr Algebra::symbol(const std::string& name, const Shape& shape) {
  return intern({.kind = ExpressionKind::symbol, .shape = shape, .name = name});
}

template <class Make>
Expr Algebra::apart(const std::vector<Expr>& args, const Shape& shape, Make make) {
  for (const Expr arg : args) {
    if (arg->kind != ExpressionKind::join) continue;
    const int axis = arg->axis + shape.rank() - arg->shape.rank();
    std::vector<Expr> parts;
    Index begin = 0;
    for (const Expr piece : arg->args) {
      const Index end = begin + piece->shape[arg->axis];
      std::vector<Expr> own;
      for (const Expr other : args) {
        const bool whole = size_along(other, axis, shape.rank()) == 1;
        own.push_back(whole ? other : part(other, axis - (shape.rank() - other->shape.rank()), begin, end));
      }
      parts.push_back(make(own, with_size(shape, axis, end - begin)));
      begin = end;
    }
    return join(parts, axis);
  }
  return nullptr;
}

Expr Algebra::sum(const std::vector<Expr>& terms, const std::vector<double>& coefficients) {
  const Shape shape = broadcast_of(terms);
  if (const Expr joined = apart(
          terms, shape, [&](const std::vector<Expr>& own, const Shape&) { return sum(own, coefficients); })) {
    return joined;
  }
  Expression made{.kind = ExpressionKind::sum, .shape = shape};
  double constant = 0;
  const auto add = [&](const auto& self, Expr term, double coefficient) -> void {
    if (is_number(term)) {
      constant += coefficient * term->number;
    } else if (term->kind == ExpressionKind::sum && (term->args.size() == 1 || std::abs(coefficient) == 1)) {
      // Not 0.1 * (a - 0.9 * b): its author took the factor out.
      for (std::size_t i = 0; i < term->args.size(); ++i)
        self(self, term->args[i], coefficient * term->weights[i]);
    } else {
      const auto known = std::ranges::find(made.args, term);
      if (known == made.args.end()) {
        made.args.push_back(term);
        made.weights.push_back(coefficient);
      } else {
        made.weights[static_cast<std::size_t>(known - made.args.begin())] += coefficient;
      }
    }
  };
  for (std::size_t i = 0; i < terms.size(); ++i) add(add, terms[i], coefficients[i]);
  for (std::size_t i = made.args.size(); i-- > 0;) {
    if (made.weights[i] != 0) continue;
    made.args.erase(made.args.begin() + static_cast<std::ptrdiff_t>(i));
    made.weights.erase(made.weights.begin() + static_cast<std::ptrdiff_t>(i));
  }
  if (made.args.empty()) return number(constant, shape);
  if (constant != 0) {
    // A number is the term 1 with a coefficient.
    made.args.insert(made.args.begin(), number(1));
    made.weights.insert(made.weights.begin(), constant);
  }
  if (made.args.size() == 1 && made.weights[0] == 1 && made.args[0]->shape == shape) return made.args[0];
  return intern(std::move(made));
}

Expr Algebra::product(const std::vector<Expr>& factors, const std::vector<double>& exponents) {
  const Shape shape = broadcast_of(factors);
  if (const Expr joined = apart(factors, shape, [&](const std::vector<Expr>& own, const Shape&) {
        return product(own, exponents);
      })) {
    return joined;
  }
  Expression made{.kind = ExpressionKind::product, .shape = shape};
  double coefficient = 1;
  const auto multiply = [&](const auto& self, Expr factor, double exponent) -> void {
    const bool whole = exponent == std::floor(exponent);
    if (is_number(factor)) {
      coefficient *= std::pow(factor->number, exponent);
    } else if (factor->kind == ExpressionKind::sum && factor->args.size() == 1 && whole) {
      coefficient *= std::pow(factor->weights[0], exponent);
      self(self, factor->args[0], exponent);
    } else if (factor->kind == ExpressionKind::product && whole) {
      for (std::size_t i = 0; i < factor->args.size(); ++i)
        self(self, factor->args[i], exponent * factor->weights[i]);
    } else {
      const auto known = std::ranges::find(made.args, factor);
      if (known == made.args.end()) {
        made.args.push_back(factor);
        made.weights.push_back(exponent);
      } else {
        made.weights[static_cast<std::size_t>(known - made.args.begin())] += exponent;
      }
    }
  };
  for (std::size_t i = 0; i < factors.size(); ++i) multiply(multiply, factors[i], exponents[i]);
  for (std::size_t i = made.args.size(); i-- > 0;) {
    if (made.weights[i] != 0) continue;
    made.args.erase(made.args.begin() + static_cast<std::ptrdiff_t>(i));
    made.weights.erase(made.weights.begin() + static_cast<std::ptrdiff_t>(i));
  }
  if (made.args.empty() || coefficient == 0) return number(coefficient, shape);
  const bool single = made.args.size() == 1 && made.weights[0] == 1;
  const Expr plain = single ? made.args[0] : intern(std::move(made));
  return coefficient == 1 ? plain : scale(plain, coefficient);
}

Expr Algebra::matmul(Expr a, Expr b) {
  const Shape shape{a->shape[0], b->shape[1]};
  if (is_number(a, 0) || is_number(b, 0)) return number(0, shape);
  const auto scaled = [](Expr x) { return x->kind == ExpressionKind::sum && x->args.size() == 1; };
  if (scaled(a)) return scale(matmul(a->args[0], b), a->weights[0]);
  if (scaled(b)) return scale(matmul(a, b->args[0]), b->weights[0]);
  if (a->kind == ExpressionKind::join && a->axis == 0) {
    std::vector<Expr> rows;
    for (const Expr piece : a->args) rows.push_back(matmul(piece, b));
    return join(rows, 0);
  }
  if (b->kind == ExpressionKind::join && b->axis == 1) {
    std::vector<Expr> columns;
    for (const Expr piece : b->args) columns.push_back(matmul(a, piece));
    return join(columns, 1);
  }
  const Expr cut = a->kind == ExpressionKind::join ? a : b->kind == ExpressionKind::join ? b : nullptr;
  if (cut != nullptr) {
    std::vector<Expr> terms;
    Index begin = 0;
    for (const Expr piece : cut->args) {
      const Index end = begin + piece->shape[cut->axis];
      terms.push_back(
          matmul(cut == a ? piece : part(a, 1, begin, end), cut == b ? piece : part(b, 0, begin, end)));
      begin = end;
    }
    return sum(terms, std::vector<double>(terms.size(), 1));
  }
  return intern({.kind = ExpressionKind::matmul, .shape = shape, .args = {a, b}});
}

Expr Algebra::transpose(Expr a) {
  const Shape shape{a->shape[1], a->shape[0]};
  if (is_number(a)) return number(a->number, shape);
  if (a->kind == ExpressionKind::transpose) return a->args[0];
  if (a->kind == ExpressionKind::matmul) return matmul(transpose(a->args[1]), transpose(a->args[0]));
  if (a->kind == ExpressionKind::sum &&
      std::ranges::all_of(a->args, [](Expr term) { return term->shape.rank() == 2; })) {
    std::vector<Expr> terms;
    for (const Expr term : a->args) terms.push_back(transpose(term));
    return sum(terms, a->weights);
  }
  if (a->kind == ExpressionKind::join) {
    std::vector<Expr> pieces;
    for (const Expr piece : a->args) pieces.push_back(transpose(piece));
    return join(pieces, 1 - a->axis);
  }
  return intern({.kind = ExpressionKind::transpose, .shape = shape, .args = {a}});
}

Expr Algebra::row_sum(Expr a) {
  const Shape shape{1, a->shape[1]};
  if (is_number(a, 0)) return number(0, shape);
  if (a->kind == ExpressionKind::sum && a->args.size() == 1) return scale(row_sum(a->args[0]), a->weights[0]);
  if (a->kind == ExpressionKind::join && a->axis == 1) {
    std::vector<Expr> pieces;
    for (const Expr piece : a->args) pieces.push_back(row_sum(piece));
    return join(pieces, 1);
  }
  return intern({.kind = ExpressionKind::row_sum, .shape = shape, .args = {a}});
}

Expr Algebra::join(const std::vector<Expr>& parts, int axis) {
  std::vector<Expr> flat;
  for (const Expr piece : parts) {
    if (piece->shape[axis] == 0) continue;
    if (piece->kind == ExpressionKind::join && piece->axis == axis) {
      flat.insert(flat.end(), piece->args.begin(), piece->args.end());
      continue;
    }
    // Ranges that follow one another are one range.
    if (!flat.empty() && piece->kind == ExpressionKind::part && flat.back()->kind == ExpressionKind::part &&
        piece->args[0] == flat.back()->args[0]) {
      const Expr before = flat.back();
      const auto along = static_cast<std::size_t>(axis);
      bool others = true;
      for (std::size_t i = 0; i < piece->begin.size(); ++i) {
        others = others &&
                 (i == along || (piece->begin[i] == before->begin[i] && piece->end[i] == before->end[i]));
      }
      if (others && before->end[along] == piece->begin[along]) {
        Expression longer = *before;
        longer.end[along] = piece->end[along];
        longer.shape.set(axis, longer.end[along] - longer.begin[along]);
        flat.back() = longer.shape == longer.args[0]->shape ? longer.args[0] : intern(longer);
        continue;
      }
    }
    flat.push_back(piece);
  }
  if (flat.size() == 1) return flat[0];
  Index size = 0;
  for (const Expr piece : flat) size += piece->shape[axis];
  if (std::ranges::all_of(flat, [](Expr piece) { return is_number(piece, 0); })) {
    return number(0, with_size(flat[0]->shape, axis, size));
  }
  Expression made{.kind = ExpressionKind::join,
                  .shape = with_size(flat[0]->shape, axis, size),
                  .args = flat,
                  .axis = axis};
  return intern(std::move(made));
}

Expr Algebra::part(Expr a, int axis, Index begin, Index end) {
  if (begin == 0 && end == a->shape[axis]) return a;
  const Shape shape = with_size(a->shape, axis, end - begin);
  const auto own_part = [&](Expr arg) {
    const int own = axis - (a->shape.rank() - arg->shape.rank());
    return own < 0 || arg->shape[own] == 1 ? arg : part(arg, own, begin, end);
  };
  const auto own_parts = [&] {
    std::vector<Expr> parts;
    for (const Expr arg : a->args) parts.push_back(own_part(arg));
    return parts;
  };
  switch (a->kind) {
    case ExpressionKind::number:
      return number(a->number, shape);
    case ExpressionKind::sum:
      return sum(own_parts(), a->weights);
    case ExpressionKind::product:
      return product(own_parts(), a->weights);
    case ExpressionKind::matmul:
      return axis == 0 ? matmul(part(a->args[0], 0, begin, end), a->args[1])
                       : matmul(a->args[0], part(a->args[1], 1, begin, end));
    case ExpressionKind::transpose:
      return transpose(part(a->args[0], 1 - axis, begin, end));
    case ExpressionKind::row_sum:
      return row_sum(part(a->args[0], 1, begin, end));
    case ExpressionKind::join: {
      std::vector<Expr> pieces;
      Index first = 0;
      for (const Expr piece : a->args) {
        if (a->axis != axis) {
          pieces.push_back(part(piece, axis, begin, end));
          continue;
        }
        const Index last = first + piece->shape[axis];
        const Index from = std::max(first, begin);
        const Index to = std::min(last, end);
        if (from < to) pieces.push_back(part(piece, axis, from - first, to - first));
        first = last;
      }
      return join(pieces, a->axis);
    }
    case ExpressionKind::function:
      if (a->elementwise) return function(a->name, own_parts(), shape, true);
      break;
    default:
      break;
  }
  Expression made{.kind = ExpressionKind::part, .shape = shape, .args = {a}};
  if (a->kind == ExpressionKind::part) {
    made = *a;
    made.shape = shape;
  } else {
    for (int i = 0; i < shape.rank(); ++i) {
      made.begin.push_back(0);
      made.end.push_back(a->shape[i]);
    }
  }
  const auto along = static_cast<std::size_t>(axis);
  made.end[along] = made.begin[along] + end;
  made.begin[along] += begin;
  return intern(std::move(made));
}

Expr Algebra::function(std::string_view name, const std::vector<Expr>& args, const Shape& shape,
                       bool elementwise) {
  if (elementwise) {
    if (const Expr joined = apart(args, shape, [&](const std::vector<Expr>& own, const Shape& size) {
          return function(name, own, size, true);
        })) {
      return joined;
    }
  }
  return intern({.kind = ExpressionKind::function,
                 .shape = shape,
                 .name = std::string(name),
                 .args = args,
                 .elementwise = elementwise});
}

template <class Change>
Expr Algebra::rebuilt(Expr a, Change change) {
  if (a->args.empty()) return a;
  std::vector<Expr> args;
  for (const Expr arg : a->args) args.push_back(change(arg));
  if (args == a->args) return a;
  switch (a->kind) {
    case ExpressionKind::sum:
      return sum(args, a->weights);
    case ExpressionKind::product:
      return product(args, a->weights);
    case ExpressionKind::matmul:
      return matmul(args[0], args[1]);
    case ExpressionKind::transpose:
      return transpose(args[0]);
    case ExpressionKind::row_sum:
      return row_sum(args[0]);
    case ExpressionKind::join:
      return join(args, a->axis);
    case ExpressionKind::part: {
      Expr made = args[0];
      for (int i = 0; i < made->shape.rank(); ++i) {
        made = part(made, i, a->begin[static_cast<std::size_t>(i)], a->end[static_cast<std::size_t>(i)]);
      }
      return made;
    }
    default:
      return function(a->name, args, a->shape, a->elementwise);
  }
}

Expr Algebra::substitute(Expr a, const std::unordered_map<Expr, Expr>& values) {
  std::unordered_map<Expr, Expr> done(values);
  const auto walk = [&](const auto& self, Expr x) -> Expr {
    const auto found = done.find(x);
    if (found != done.end()) return found->second;
    const Expr made = rebuilt(x, [&](Expr arg) { return self(self, arg); });
    done.emplace(x, made);
    return made;
  };
  return walk(walk, a);
}

Expr Algebra::factored_sum(const std::vector<Expr>& terms, const std::vector<double>& coefficients) {
  const auto factors_of = [](Expr term) {
    return term->kind == ExpressionKind::product ? term->args : std::vector<Expr>{term};
  };
  // The factor that most terms have; of equals the first one of the first term that has it.
  Expr best = nullptr;
  std::size_t most = 1;
  for (const Expr term : terms) {
    if (is_number(term)) continue;
    for (const Expr factor : factors_of(term)) {
      const auto count = static_cast<std::size_t>(std::ranges::count_if(terms, [&](Expr other) {
        const std::vector<Expr> own = factors_of(other);
        const auto at = std::ranges::find(own, factor);
        return at != own.end() && (other->kind != ExpressionKind::product ||
                                   other->weights[static_cast<std::size_t>(at - own.begin())] >= 1);
      }));
      const bool whole = term->kind != ExpressionKind::product ||
                         term->weights[static_cast<std::size_t>(std::ranges::find(term->args, factor) -
                                                                term->args.begin())] >= 1;
      if (whole && count > most) {
        best = factor;
        most = count;
      }
    }
  }
  if (best == nullptr) return sum(terms, coefficients);
  std::vector<Expr> inside;
  std::vector<double> inside_weights;
  std::vector<Expr> others;
  std::vector<double> other_weights;
  std::size_t place = 0;
  for (std::size_t i = 0; i < terms.size(); ++i) {
    const Expr term = terms[i];
    const auto at = std::ranges::find(term->args, best);
    const bool has = term == best || (term->kind == ExpressionKind::product && at != term->args.end() &&
                                      term->weights[static_cast<std::size_t>(at - term->args.begin())] >= 1);
    if (has) {
      if (inside.empty()) place = others.size();
      inside.push_back(divide(term, best));
      inside_weights.push_back(coefficients[i]);
    } else {
      others.push_back(term);
      other_weights.push_back(coefficients[i]);
    }
  }
  const Expr group = multiply(best, factored_sum(inside, inside_weights));
  others.insert(others.begin() + static_cast<std::ptrdiff_t>(place), group);
  other_weights.insert(other_weights.begin() + static_cast<std::ptrdiff_t>(place), 1);
  return others.size() == 1 ? group : factored_sum(others, other_weights);
}

Expr Algebra::factored(Expr a) {
  const auto found = factored_.find(a);
  if (found != factored_.end()) return found->second;
  Expr made = rebuilt(a, [&](Expr arg) { return factored(arg); });
  if (made->kind == ExpressionKind::sum && made->args.size() > 1)
    made = factored_sum(made->args, made->weights);
  factored_.emplace(a, made);
  return made;
}

Expr Algebra::from_formula(std::string_view formula, const std::vector<Expr>& args, const Shape& shape) {
  return FormulaReader(*this, formula, args, shape).read();
}

}  // namespace unspool::internal
