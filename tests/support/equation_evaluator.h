#pragma once

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstddef>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace unspool::testing {

/// A matrix of the evaluator below. A vector is a row, a number is 1 by 1.
struct Matrix {
  std::size_t rows = 1;
  std::size_t columns = 1;
  std::vector<double> values = {0};

  double& at(std::size_t row, std::size_t column) { return values[row * columns + column]; }
  double at(std::size_t row, std::size_t column) const { return values[row * columns + column]; }
  static Matrix zeros(std::size_t rows, std::size_t columns) {
    return {rows, columns, std::vector<double>(rows * columns)};
  }
};

/// Reads and evaluates the equations that BackwardEquations prints: from the text alone, with none of the
/// library's code.
class EquationEvaluator {
 public:
  std::map<std::string, Matrix> values;

  /// Runs "name = expression" or "name += expression".
  void run(const std::string& line) {
    const std::size_t adds = line.find(" += ");
    const std::size_t sign = adds == std::string::npos ? line.find(" = ") : adds;
    if (sign == std::string::npos) throw std::runtime_error("no equation: " + line);
    const std::string name = line.substr(0, sign);
    text_ = line.substr(sign + (adds == std::string::npos ? 3 : 4));
    at_ = 0;
    Matrix value = comparison();
    if (at_ != text_.size()) fail("the end");
    if (adds != std::string::npos && values.contains(name)) {
      value = each(values.at(name), value, [](double a, double b) { return a + b; });
    }
    values[name] = std::move(value);
  }

 private:
  [[noreturn]] void fail(const std::string& expected) const {
    throw std::runtime_error("expected " + expected + " at " + std::to_string(at_) + " of: " + text_);
  }
  void skip() {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
  }
  bool take(const std::string& token) {
    skip();
    if (text_.compare(at_, token.size(), token) != 0) return false;
    at_ += token.size();
    skip();
    return true;
  }
  template <class F>
  static Matrix each(const Matrix& a, const Matrix& b, F f) {
    Matrix made = Matrix::zeros(std::max(a.rows, b.rows), std::max(a.columns, b.columns));
    for (const Matrix* x : {&a, &b}) {
      if ((x->rows != 1 && x->rows != made.rows) || (x->columns != 1 && x->columns != made.columns)) {
        throw std::runtime_error("operands do not fit");
      }
    }
    const auto pick = [](const Matrix& x, std::size_t row, std::size_t column) {
      return x.at(x.rows == 1 ? 0 : row, x.columns == 1 ? 0 : column);
    };
    for (std::size_t r = 0; r < made.rows; ++r) {
      for (std::size_t c = 0; c < made.columns; ++c) made.at(r, c) = f(pick(a, r, c), pick(b, r, c));
    }
    return made;
  }
  template <class F>
  static Matrix each(const Matrix& a, F f) {
    return each(a, a, [&](double x, double) { return f(x); });
  }
  static Matrix number(double value) { return {1, 1, {value}}; }

  Matrix comparison() {
    Matrix left = sum();
    if (take(">=")) return each(left, sum(), [](double a, double b) { return a >= b ? 1.0 : 0.0; });
    if (take("<=")) return each(left, sum(), [](double a, double b) { return a <= b ? 1.0 : 0.0; });
    if (take(">")) return each(left, sum(), [](double a, double b) { return a > b ? 1.0 : 0.0; });
    if (take("<")) return each(left, sum(), [](double a, double b) { return a < b ? 1.0 : 0.0; });
    return left;
  }
  Matrix sum() {
    Matrix left = product();
    while (true) {
      if (take("+ ")) {
        left = each(left, product(), [](double a, double b) { return a + b; });
      } else if (take("- ")) {
        left = each(left, product(), [](double a, double b) { return a - b; });
      } else {
        return left;
      }
    }
  }
  Matrix product() {
    Matrix left = sign();
    while (true) {
      if (take("*")) {
        left = each(left, sign(), [](double a, double b) { return a * b; });
      } else if (take("/")) {
        left = each(left, sign(), [](double a, double b) { return a / b; });
      } else if (take("@")) {
        const Matrix right = sign();
        if (left.columns != right.rows) throw std::runtime_error("a product of matrices that do not fit");
        Matrix made = Matrix::zeros(left.rows, right.columns);
        for (std::size_t r = 0; r < left.rows; ++r) {
          for (std::size_t k = 0; k < left.columns; ++k) {
            for (std::size_t c = 0; c < right.columns; ++c) made.at(r, c) += left.at(r, k) * right.at(k, c);
          }
        }
        left = made;
      } else {
        return left;
      }
    }
  }
  Matrix sign() {
    if (take("-")) return each(sign(), [](double x) { return -x; });
    Matrix base = atom();
    while (take("^")) {
      if (take("T")) {
        Matrix made = Matrix::zeros(base.columns, base.rows);
        for (std::size_t r = 0; r < base.rows; ++r) {
          for (std::size_t c = 0; c < base.columns; ++c) made.at(c, r) = base.at(r, c);
        }
        base = made;
      } else {
        const double exponent = literal();
        base = each(base, [&](double x) { return std::pow(x, exponent); });
      }
    }
    return base;
  }
  double literal() {
    std::size_t used = 0;
    const double value = std::stod(text_.substr(at_), &used);
    at_ += used;
    skip();
    return value;
  }
  Matrix atom() {
    skip();
    if (take("(")) {
      Matrix inside = comparison();
      if (!take(")")) fail(")");
      return inside;
    }
    if (at_ < text_.size() && std::isdigit(static_cast<unsigned char>(text_[at_])) != 0)
      return number(literal());
    std::string name;
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '_' && c != '.') break;
      name += c;
      ++at_;
    }
    if (name.empty()) fail("a name");
    if (at_ < text_.size() && text_[at_] == '(') {
      take("(");
      const Matrix argument = comparison();
      if (!take(")")) fail(")");
      return call(name, argument);
    }
    skip();
    const auto found = values.find(name);
    if (found == values.end()) throw std::runtime_error("a name without a value: " + name);
    return found->second;
  }
  static Matrix call(const std::string& name, const Matrix& a) {
    if (name == "tanh") return each(a, [](double x) { return std::tanh(x); });
    if (name == "sigmoid") return each(a, [](double x) { return 1 / (1 + std::exp(-x)); });
    if (name == "exp") return each(a, [](double x) { return std::exp(x); });
    if (name == "relu") return each(a, [](double x) { return x > 0 ? x : 0; });
    if (name == "softplus") return each(a, [](double x) { return std::log1p(std::exp(x)); });
    if (name == "sum" || name == "sum_all") {
      Matrix made = Matrix::zeros(1, name == "sum" ? a.columns : 1);
      for (std::size_t r = 0; r < a.rows; ++r) {
        for (std::size_t c = 0; c < a.columns; ++c) made.at(0, name == "sum" ? c : 0) += a.at(r, c);
      }
      return made;
    }
    throw std::runtime_error("an unknown function: " + name);
  }

  std::string text_;
  std::size_t at_ = 0;
};

/// A line of the section Weights: the name, and the names of its parts by row.
struct WeightLine {
  std::string name;
  std::vector<std::vector<std::string>> parts;
};
struct EquationText {
  std::vector<WeightLine> weights;
  std::vector<std::string> forward;
  std::vector<std::string> backward;
};

/// The lines of BackwardEquations::to_text(), by section.
inline EquationText sections_of(const std::string& text) {
  EquationText made;
  std::istringstream lines(text);
  std::string section;
  for (std::string line; std::getline(lines, line);) {
    if (line.empty()) continue;
    if (!line.starts_with("  ")) {
      section = line;
      continue;
    }
    line = line.substr(2);
    if (section == "Forward") made.forward.push_back(line);
    if (section == "Backward") made.backward.push_back(line);
    if (section != "Weights") continue;
    WeightLine weight{line.substr(0, line.find(' ')), {}};
    if (const std::size_t open = line.find('['); open != std::string::npos) {
      std::string word;
      weight.parts.emplace_back();
      for (const char c : line.substr(open + 1)) {
        if (c == ',' || c == ';' || c == ']') {
          weight.parts.back().push_back(word);
          word.clear();
          if (c == ';') weight.parts.emplace_back();
        } else if (c != ' ') {
          word += c;
        }
      }
    }
    made.weights.push_back(weight);
  }
  return made;
}

}  // namespace unspool::testing
