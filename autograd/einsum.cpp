#include <algorithm>
#include <string>

#include <unspool/autograd/arithmetic.h>
#include <unspool/autograd/conversion.h>
#include <unspool/autograd/creation.h>
#include <unspool/autograd/einsum.h>
#include <unspool/autograd/product.h>
#include <unspool/autograd/reduction.h>
#include <unspool/autograd/shaping.h>
#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>

namespace unspool {
namespace {

/// The names of axes. Those of "..." have names that no letter has: 0, 1, ... counted from the last.
using Labels = std::u32string;

bool holds(const Labels& labels, char32_t label) { return labels.find(label) != Labels::npos; }

/// A tensor, and a name for each of its axes.
struct Term {
  Tensor x;
  Labels labels;
};

/// What is common to all operands: the equation for errors, and how many axes "..." stands for.
class Equation {
 public:
  Equation(std::string_view text, const std::vector<Tensor>& operands) : text_(text) {
    std::string spelling;
    for (const char c : text) {
      if (c != ' ') spelling += c;
    }
    const std::size_t arrow = spelling.find("->");
    std::size_t begin = 0;
    const std::string left = spelling.substr(0, arrow);
    for (std::size_t i = 0; i < operands.size(); ++i) {
      const std::size_t end = std::min(left.find(',', begin), left.size());
      if (begin > left.size() || (end == left.size()) != (i + 1 == operands.size()))
        fail_count(left, operands);
      terms_.push_back({operands[i], labels_of(left.substr(begin, end - begin), &operands[i])});
      begin = end + 1;
    }
    if (operands.empty()) fail_count(left, operands);
    result_ = arrow == std::string::npos ? implied() : labels_of(spelling.substr(arrow + 2), nullptr);
    if (most_rest_ > 0 && !holds(result_, U'\0')) fail("the result lacks \"...\"");
    for (std::size_t i = 0; i < result_.size(); ++i) {
      const bool known = std::any_of(terms_.begin(), terms_.end(),
                                     [&](const Term& term) { return holds(term.labels, result_[i]); });
      if (!known) fail(fmt::format("no operand has the index '{}' of the result", name(result_[i])));
      if (result_.find(result_[i], i + 1) != Labels::npos) {
        fail(fmt::format("the result has the index '{}' twice", name(result_[i])));
      }
    }
  }

  std::vector<Term>& terms() { return terms_; }
  const Labels& result() const { return result_; }

  [[noreturn]] void fail(const std::string& what) const {
    throw ValueError(fmt::format("einsum(\"{}\"): {}", text_, what));
  }
  static std::string name(char32_t label) {
    return label < U'A' ? "..." : std::string(1, static_cast<char>(label));
  }

 private:
  [[noreturn]] void fail_count(const std::string& left, const std::vector<Tensor>& operands) const {
    const auto count = std::count(left.begin(), left.end(), ',') + 1;
    fail(fmt::format("expected {} operand{}, got {}", count, count == 1 ? "" : "s", operands.size()));
  }

  /// The names in a part of the equation: of an operand's axes, or of the result's.
  Labels labels_of(std::string_view part, const Tensor* operand) {
    const std::size_t dots = part.find("...");
    std::string letters(part);
    if (dots != std::string_view::npos) letters.erase(dots, 3);
    for (const char c : letters) {
      if ((c < 'a' || c > 'z') && (c < 'A' || c > 'Z')) {
        fail(fmt::format("expected letters, ',', '->' and '...', got '{}'", c));
      }
    }
    int rest = most_rest_;
    if (operand != nullptr) {
      rest = operand->rank() - static_cast<int>(letters.size());
      if (rest < 0 || (rest > 0 && dots == std::string_view::npos)) {
        fail(fmt::format("\"{}\" does not fit {}", part, describe(*operand)));
      }
      most_rest_ = std::max(most_rest_, rest);
    }
    Labels labels(letters.begin(), letters.end());
    if (dots == std::string_view::npos) return labels;
    Labels unnamed;
    for (int i = rest; i-- > 0;) unnamed += static_cast<char32_t>(i);
    return labels.insert(dots, unnamed);
  }

  Labels implied() const {
    Labels all;
    for (const Term& term : terms_) all += term.labels;
    Labels once;
    for (const char32_t label : all) {
      if (label >= U'A' && std::count(all.begin(), all.end(), label) == 1) once += label;
    }
    std::sort(once.begin(), once.end());
    Labels result;
    for (int i = most_rest_; i-- > 0;) result += static_cast<char32_t>(i);
    return result + once;
  }

  std::string text_;
  std::vector<Term> terms_;
  Labels result_;
  int most_rest_ = 0;
};

int axis_named(const Term& term, char32_t label) { return static_cast<int>(term.labels.find(label)); }

/// The diagonal of axes that have one name: what lies off it is masked, and summed over one of them.
Term without_repeats(const Equation& equation, Term term) {
  for (std::size_t i = 0; i < term.labels.size(); ++i) {
    const std::size_t j = term.labels.find(term.labels[i], i + 1);
    if (j == Labels::npos) continue;
    const Index size = term.x.shape()[static_cast<int>(i)];
    if (size == unknown || size != term.x.shape()[static_cast<int>(j)]) {
      equation.fail(fmt::format("expected axes of one known size for '{}' in {}",
                                Equation::name(term.labels[i]), describe(term.x)));
    }
    Shape diagonal;
    for (int axis = 0; axis < term.x.rank(); ++axis) {
      const bool named = axis == static_cast<int>(i) || axis == static_cast<int>(j);
      diagonal.push_back(named ? size : 1);
    }
    const Tensor on = reshape(Tensor::eye(size, size, boolean), diagonal);
    term.x = sum(where(on, term.x, 0), static_cast<int>(j));
    term.labels.erase(j, 1);
    --i;
  }
  return term;
}

/// Sums over the axes whose names are not among `wanted`.
Term without_others(Term term, const Labels& wanted) {
  std::vector<Index> axes;
  Labels left;
  for (std::size_t i = 0; i < term.labels.size(); ++i) {
    if (holds(wanted, term.labels[i])) {
      left += term.labels[i];
    } else {
      axes.push_back(static_cast<Index>(i));
    }
  }
  if (axes.empty()) return term;
  return {sum(term.x, axes), left};
}

/// The axes in the order of `labels`, which are those of the term.
Tensor ordered(const Term& term, const Labels& labels) {
  if (term.labels == labels) return term.x;
  std::vector<Index> order;
  for (const char32_t label : labels) order.push_back(axis_named(term, label));
  return transpose(term.x, order);
}

/// The product of sizes; unknown if one is.
Index product(const Shape& shape) { return shape.known() ? shape.elements() : unknown; }

/// The axes from `first` on, `count` of them, as one.
Tensor as_one_axis(const Tensor& x, int first, int count) {
  if (count == 1) return x;
  if (count == 0) return expand_dims(x, first);
  Shape shape = x.shape().sub(first + count, x.rank());
  shape.insert(0, product(x.shape().sub(first, first + count)));
  return reshape(x, shape, first);
}

/// first, first + 1, ...: axes to put in.
std::vector<Index> numbers_from(int first, int count) {
  std::vector<Index> numbers;
  for (int i = 0; i < count; ++i) numbers.push_back(first + i);
  return numbers;
}

/// The products of two terms, summed over the names that both have and that are not `wanted`.
Term contracted(const Equation& equation, Term a, Term b, const Labels& wanted) {
  Labels batch;
  Labels summed;
  Labels of_a;
  Labels of_b;
  for (const char32_t label : a.labels) {
    if (!holds(b.labels, label)) {
      of_a += label;
      continue;
    }
    const Index x = a.x.shape()[axis_named(a, label)];
    const Index y = b.x.shape()[axis_named(b, label)];
    const bool unnamed = label < U'A';
    if (x != y && x != unknown && y != unknown && !(unnamed && (x == 1 || y == 1))) {
      equation.fail(fmt::format("the index '{}' has sizes {} and {}", Equation::name(label), x, y));
    }
    (holds(wanted, label) ? batch : summed) += label;
  }
  for (const char32_t label : b.labels) {
    if (!holds(a.labels, label)) of_b += label;
  }
  const int batches = static_cast<int>(batch.size());
  const int rows = static_cast<int>(of_a.size());
  const int columns = static_cast<int>(of_b.size());
  const int inner = static_cast<int>(summed.size());
  if (inner == 0) {
    const Tensor x = expand_dims(ordered(a, batch + of_a), numbers_from(batches + rows, columns));
    const Tensor y = expand_dims(ordered(b, batch + of_b), numbers_from(batches, rows));
    return {x * y, batch + of_a + of_b};
  }
  Tensor x = as_one_axis(ordered(a, batch + of_a + summed), batches + rows, inner);
  Tensor y = ordered(b, batch + summed + of_b);
  const Shape row_sizes = x.shape().sub(batches, batches + rows);
  const Shape column_sizes = y.shape().sub(batches + inner, y.rank());
  y = as_one_axis(as_one_axis(y, batches, inner), batches + 1, columns);
  // Rows whose sizes are not known stay apart, as axes along which the other operand is broadcast.
  const bool apart = rows > 1 && (batches == 0 || !row_sizes.known());
  if (!apart) {
    x = as_one_axis(x, batches, rows);
  } else if (batches > 0) {
    y = expand_dims(y, numbers_from(batches, rows - 1));
  }
  Tensor z = matmul(x, y);
  if (!apart && rows != 1) {
    const Shape columns_of_z = z.shape().sub(batches + 1, z.rank());
    z = reshape(z, row_sizes + columns_of_z, batches);
  }
  if (columns != 1) z = reshape(z, column_sizes, z.rank() - 1);
  return {z, batch + of_a + of_b};
}

}  // namespace

Tensor einsum(std::string_view text, const std::vector<Tensor>& operands) {
  Equation equation(text, operands);
  std::vector<Term>& terms = equation.terms();
  for (Term& term : terms) term = without_repeats(equation, term);
  Term left = terms[0];
  for (std::size_t i = 0; i < terms.size(); ++i) {
    Labels wanted = equation.result();
    for (std::size_t k = i + 1; k < terms.size(); ++k) wanted += terms[k].labels;
    if (i > 0) {
      // What only one of the two has is summed before they meet.
      Term right = without_others(terms[i], wanted + left.labels);
      left = contracted(equation, without_others(left, wanted + right.labels), right, wanted);
    } else {
      left = without_others(left, wanted);
    }
  }
  return ordered(left, equation.result());
}

Tensor dot(const Tensor& a, const Tensor& b) {
  if (a.rank() == 0 || b.rank() == 0) return a * b;
  if (b.rank() <= 2) return matmul(a, b);
  // The summed axis of b first, its other axes as columns.
  const Tensor columns = as_one_axis(moveaxis(b, -2, 0), 1, b.rank() - 1);
  Shape rest = b.shape();
  rest.erase(-2);
  const Tensor flat = matmul(a, columns);
  return reshape(flat, rest, flat.rank() - 1);
}

Tensor outer(const Tensor& a, const Tensor& b) { return reshape(a, {-1, 1}) * reshape(b, {1, -1}); }

}  // namespace unspool
