#include <cctype>
#include <cmath>
#include <doctest/doctest.h>
#include <string>
#include <string_view>
#include <vector>

#include <unspool/autograd/operation.h>

using namespace unspool;

// The formulas of records, read and evaluated by a calculator of this test.

namespace {

/// Evaluates + - * / ^, a sign, a comparison, |x|, sqrt(x), with {i} for operand i.
class Calculator {
 public:
  Calculator(std::string_view text, const std::vector<double>& operands) : text_(text), operands_(operands) {}

  double value() {
    const double result = comparison();
    REQUIRE(at_ == text_.size());
    return result;
  }

 private:
  bool takes(std::string_view word) {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
    if (text_.substr(at_, word.size()) != word) return false;
    at_ += word.size();
    return true;
  }

  /// 1 or 0 for a comparison.
  double comparison() {
    const double left = sum();
    if (takes("==")) return left == sum() ? 1 : 0;
    if (takes("!=")) return left != sum() ? 1 : 0;
    if (takes("<=")) return left <= sum() ? 1 : 0;
    if (takes(">=")) return left >= sum() ? 1 : 0;
    if (takes("<")) return left < sum() ? 1 : 0;
    if (takes(">")) return left > sum() ? 1 : 0;
    return left;
  }

  double sum() {
    double result = product();
    for (;;) {
      if (takes("+")) {
        result += product();
      } else if (takes("-")) {
        result -= product();
      } else {
        return result;
      }
    }
  }

  double product() {
    double result = power();
    for (;;) {
      if (takes("*")) {
        result *= power();
      } else if (takes("/")) {
        result /= power();
      } else {
        return result;
      }
    }
  }

  double power() {
    if (takes("-")) return -power();
    const double base = atom();
    return takes("^") ? std::pow(base, atom()) : base;
  }

  double in_parentheses() {
    const double result = comparison();
    REQUIRE(takes(")"));
    return result;
  }

  double atom() {
    if (takes("(")) return in_parentheses();
    if (takes("sqrt(")) return std::sqrt(in_parentheses());
    if (takes("|")) {
      const double result = sum();
      REQUIRE(takes("|"));
      return std::fabs(result);
    }
    if (takes("{")) {
      const auto operand = static_cast<std::size_t>(text_[at_++] - '0');
      REQUIRE(takes("}"));
      return operands_.at(operand);
    }
    std::string digits;
    while (at_ < text_.size() && std::isdigit(static_cast<unsigned char>(text_[at_])) != 0)
      digits += text_[at_++];
    REQUIRE_FALSE(digits.empty());
    return std::stod(digits);
  }

  std::string_view text_;
  const std::vector<double>& operands_;
  std::size_t at_ = 0;
};

}  // namespace

TEST_CASE("formula: what a record says how it is written is what it computes") {
  int formulas = 0;
  for (const OperationList& table : operation_tables()) {
    for (std::size_t r = 0; r < table.size(); ++r) {
      const OperationRef operation = table[r];
      if (operation->formula.empty()) continue;
      ++formulas;
      CAPTURE(std::string(operation->name));
      const std::vector<Operand> ranges = operation->examples.list().front().operands;
      for (const double share : {0.1, 0.35, 0.6, 0.85}) {
        std::vector<double> numbers;
        std::vector<Tensor> operands;
        for (const Operand& operand : ranges) {
          // Other operands are elsewhere in their ranges.
          const double place = std::fmod(share + 0.37 * static_cast<double>(numbers.size()), 1.0);
          numbers.push_back(operand.range.low + place * (operand.range.high - operand.range.low));
          operands.push_back(Tensor::scalar(numbers.back()));
        }
        const double computed = unspool::apply(operation, std::span<const Tensor>(operands)).item<double>();
        const double written = Calculator(operation->formula, numbers).value();
        CHECK(written == doctest::Approx(computed).epsilon(1e-12));
      }
    }
  }
  CHECK(formulas >= 10);
}
