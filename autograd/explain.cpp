#include <algorithm>
#include <map>
#include <optional>
#include <ostream>

#include <unspool/autograd/explain.h>
#include <unspool/autograd/internal/formula.h>
#include <unspool/autograd/operation.h>
#include <unspool/autograd/tape_view.h>
#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>

namespace unspool {
namespace {

using internal::TensorAccess;

/// "[[0.5, 1], [2, 3]]".
std::string nested(const Tensor& tensor, int digits) {
  if (tensor.rank() == 0) return internal::rounded(tensor, digits, 1);
  std::string text = "[";
  for (Index i = 0; i < tensor.shape()[0]; ++i) {
    text += (i > 0 ? ", " : "") + nested(tensor[i], digits);
  }
  return text + "]";
}

class Worksheet {
 public:
  Worksheet(TapeView view, ExplainOptions options)
      : view_(std::move(view)), computed_(view_.values.size()), options_(options) {
    for (const TapeRecord& record : view_.records) {
      for (std::size_t output : record.outputs) computed_[output] = true;
    }
  }

  std::string forward() {
    std::string text;
    for (std::size_t i = 0; i < view_.records.size(); ++i) {
      const TapeRecord& record = view_.records[i];
      text += heading(record) + fmt::format("{:5}  {}", i, view_.formula(record));
      for (std::size_t output : record.outputs) {
        text += fmt::format("  {}{}", describe(view_.values[output].tensor),
                            value_text(view_.values[output].tensor, " = "));
      }
      text += "\n";
    }
    return text;
  }

  std::string backward(const TapeSweep& sweep) {
    place_.reset();
    std::vector<int> parts(view_.values.size(), 0);
    for (const TapeSweepStep& step : sweep.steps) {
      for (std::size_t i = 0; i < step.leaving.size(); ++i) {
        if (step.leaving[i]) ++parts[view_.records[step.record].inputs[i]];
      }
    }
    std::string text;
    for (const TapeSweepStep& step : sweep.steps) {
      const TapeRecord& record = view_.records[step.record];
      text += heading(record) + fmt::format("{:5}  {}\n", step.record, view_.formula(record));
      for (std::size_t i = 0; i < step.arriving.size(); ++i) {
        if (!step.arriving[i]) continue;
        text += fmt::format("         arrives  {}{}\n", view_.gradient_name(record.outputs[i]),
                            value_text(step.arriving[i], " = "));
      }
      const std::vector<std::string> formulas = view_.gradient_formulas(record);
      for (std::size_t i = 0; i < step.leaving.size(); ++i) {
        if (!step.leaving[i]) continue;
        text += fmt::format("         leaves   {} {} {}{}\n", view_.gradient_name(record.inputs[i]),
                            parts[record.inputs[i]] > 1 ? "+=" : "=", formulas[i],
                            value_text(step.leaving[i], " = "));
      }
    }
    return text;
  }

  /// Inputs and variables, whose gradients are sums over the records that read them.
  std::string totals(const TapeSweep& sweep) {
    std::map<std::size_t, std::string> parts;
    for (const TapeSweepStep& step : sweep.steps) {
      const TapeRecord& record = view_.records[step.record];
      for (std::size_t i = 0; i < step.leaving.size(); ++i) {
        if (!step.leaving[i] || computed_[record.inputs[i]]) continue;
        const std::string place = record.step < 0 ? "" : fmt::format(", time step {}", record.step);
        parts[record.inputs[i]] += fmt::format("         from record {}{}{}\n", step.record, place,
                                               value_text(step.leaving[i], ": "));
      }
    }
    std::string text;
    for (const auto& [value, list] : parts) {
      const Tensor& gradient = sweep.gradients[value];
      text += fmt::format("  {}  {}{}\n{}", view_.gradient_name(value), describe(gradient),
                          value_text(gradient, " = "), list);
    }
    return text;
  }

  const TapeView& view() const { return view_; }

 private:
  /// Where a record begins that ran elsewhere than the one before.
  std::string heading(const TapeRecord& record) {
    std::pair<std::string, Index> place{record.layer, record.step};
    if (place_ == place) return {};
    const bool first = !place_;
    place_ = std::move(place);
    std::string text = record.layer;
    if (record.step >= 0) text += fmt::format("{}time step {}", text.empty() ? "" : ", ", record.step);
    if (text.empty()) return first ? "" : "  outside of layers and time steps\n";
    return fmt::format("  {}\n", text);
  }

  std::string value_text(const Tensor& value, const char* before) const {
    if (!value || !TensorAccess::has_elements(value)) return {};
    if (static_cast<std::size_t>(value.size()) > options_.most) return {};
    return before + nested(value, options_.digits);
  }

  TapeView view_;
  std::vector<bool> computed_;
  ExplainOptions options_;
  std::optional<std::pair<std::string, Index>> place_;
};

}  // namespace

std::string explain(const GradientTape& tape, const Tensor& target, ExplainOptions options) {
  const NoGradient guard;
  const TapeSweep sweep = tape.sweep(target);
  Worksheet sheet(tape.view(), options);
  std::string text = "forward\n" + sheet.forward();
  text += fmt::format("backward, from {}\n", sheet.view().values[sweep.target].name) + sheet.backward(sweep);
  return text + "gradients, as sums of their parts\n" + sheet.totals(sweep);
}

std::string to_string(const GradientTape& tape) {
  const NoGradient guard;
  return Worksheet(tape.view(), {}).forward();
}

std::ostream& operator<<(std::ostream& stream, const GradientTape& tape) { return stream << to_string(tape); }

}  // namespace unspool
