#include <algorithm>
#include <sstream>

#include <unspool/autograd/internal/formula.h>
#include <unspool/autograd/reduction.h>
#include <unspool/autograd/scan/trace.h>
#include <unspool/autograd/tape_view.h>
#include <unspool/core/error.h>
#include <unspool/core/internal/format.h>

namespace unspool {
namespace internal {
namespace {

using Binding = Formula::Binding;

/// The binding of the loosest operator outside of parentheses.
Binding binding_of(std::string_view pattern) {
  Binding loosest = Formula::atom;
  int depth = 0;
  const auto found = [&](Binding binding) { loosest = std::min(loosest, binding); };
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    if (c == '(' || c == '{') ++depth;
    if (c == ')' || c == '}') --depth;
    if (depth != 0) continue;
    if (c == '+' || c == '-') found(Formula::sum);
    if (c == '*' || c == '/' || c == '@') found(Formula::product);
    if (c == '^') found(Formula::power);
  }
  return loosest;
}

/// How tightly an operand has to bind between what stands before and after it.
Binding needed_between(std::string_view before, std::string_view after) {
  const auto last = before.find_last_not_of(' ');
  const auto first = after.find_first_not_of(' ');
  const char left = last == std::string_view::npos ? '(' : before[last];
  const char right = first == std::string_view::npos ? ')' : after[first];
  if (right == '^') return Formula::atom;
  if (left == '/' || left == '^') return Formula::power;
  if (left == '@' || right == '@') return Formula::power;
  if (left == '*' || right == '*' || right == '/' || left == '-') return Formula::product;
  return Formula::sum;
}

Formula filled(std::string_view pattern, std::span<const Formula> operands) {
  Formula made{{}, binding_of(pattern)};
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] != '{') {
      made.text += pattern[i];
      continue;
    }
    const auto which = static_cast<std::size_t>(pattern[i + 1] - '0');
    const Formula& operand = operands[which];
    const Binding needed = needed_between(pattern.substr(0, i), pattern.substr(i + 3));
    made.text += operand.binding < needed ? "(" + operand.text + ")" : operand.text;
    i += 2;
  }
  return made;
}

Formula as_call(const Call& call, std::span<const Formula> operands) {
  std::string text(call.operation.name);
  text += '(';
  const char* separator = "";
  for (const Formula& operand : operands) {
    text += separator + operand.text;
    separator = ", ";
  }
  if (!call.attributes.empty()) text += separator + to_string(call.attributes);
  return {text + ')'};
}

}  // namespace

Formula formula_of(const Call& call, std::span<const Formula> operands) {
  if (!call.operation.formula.empty()) return filled(call.operation.formula, operands);
  if (call.operation.form != nullptr) {
    const Form form = call.operation.form(call);
    if (const auto* product = std::get_if<form::Product>(&form)) {
      return filled(fmt::format("{{0}}{} @ {{1}}{}", product->transpose_a ? "^T" : "",
                                product->transpose_b ? "^T" : ""),
                    operands);
    }
  }
  return as_call(call, operands);
}

std::string rounded(const Tensor& tensor, int digits, std::size_t most) {
  std::string text;
  visit_dtype(tensor.dtype(), [&](auto zero) {
    using T = decltype(zero);
    const std::span<const T> elements = tensor.data<T>();
    for (std::size_t i = 0; i < std::min(most, elements.size()); ++i) {
      if (i > 0) text += ", ";
      if constexpr (std::is_floating_point_v<T>) {
        text += fmt::format("{:.{}g}", static_cast<double>(elements[i]), digits);
      } else {
        text += fmt::format("{}", elements[i]);
      }
    }
    if (elements.size() > most) text += ", ...";
  });
  return text;
}

}  // namespace internal

namespace {

using internal::Formula;
using internal::TensorAccess;
using namespace scan_compiler;

/// A tensor that the rule itself has made: a number where all its elements are equal.
std::string constant_text(const Tensor& constant) {
  const Label own = Label::carried_by(constant);
  if (own) return own.text();
  const std::vector<double> elements = constant.to_vector<double>();
  const bool equal = !elements.empty() && std::ranges::all_of(elements, [&](double element) {
    return element == elements.front();
  });
  return equal ? fmt::format("{:.6g}", elements.front()) : "constant" + to_string(constant.shape());
}

/// Formulas of the values of a program, written when they are asked for.
class Writer {
 public:
  explicit Writer(const Program& program) : program_(program), known_(program.values.size()) {}

  void set(Value value, std::string text) { known_[index_of(value)] = Formula{std::move(text)}; }

  const Formula& of(Value value) {
    Formula& own = known_[index_of(value)];
    if (!own.text.empty()) return own;
    const auto use = std::ranges::find_if(program_.uses, [&](const Use& candidate) {
      return std::ranges::find(candidate.outputs, value) != candidate.outputs.end();
    });
    if (use == program_.uses.end()) return own = Formula{name_of(program_, value)};
    std::vector<Formula> operands;
    Tensors inputs;
    for (Value input : use->inputs) {
      operands.push_back(of(input));
      inputs.push_back(TensorAccess::abstract(program_.spec(input).shape, program_.spec(input).dtype));
    }
    Formula made = internal::formula_of({*use->operation, inputs, use->attributes}, operands);
    if (use->outputs.size() > 1) {
      const auto place = std::ranges::find(use->outputs, value) - use->outputs.begin();
      made = Formula{fmt::format("{}[{}]", made.text, place)};
    }
    return known_[index_of(value)] = std::move(made);
  }

 private:
  const Program& program_;
  std::vector<Formula> known_;
};

}  // namespace

std::string_view TapeRecord::name() const { return operation->name; }

std::size_t TapeView::index_of(const Tensor& tensor) const {
  const auto found = std::ranges::find_if(values, [&](const TapeValue& value) {
    return value.tensor && tensor && value.tensor.id() == tensor.id();
  });
  if (found != values.end()) return static_cast<std::size_t>(found - values.begin());
  throw ValueError("expected a value of the tape, got " + describe(tensor) + ", which it did not record");
}

std::string TapeView::formula(const TapeRecord& record) const {
  std::vector<Formula> operands;
  Tensors inputs;
  for (std::size_t input : record.inputs) {
    operands.push_back({values[input].name});
    inputs.push_back(TensorAccess::without_elements(values[input].tensor));
  }
  std::string results;
  for (std::size_t output : record.outputs) results += (results.empty() ? "" : ", ") + values[output].name;
  return results + " = " +
         internal::formula_of({*record.operation, inputs, record.attributes}, operands).text;
}

std::vector<std::string> TapeView::gradient_formulas(const TapeRecord& record) const {
  const NoGradient guard;
  const auto trace = std::make_shared<Trace>(unknown, false);
  const TraceScope scope(trace.get());
  std::vector<std::pair<Tensor, std::string>> given;
  const auto captured = [&](std::size_t value, std::string name) {
    const Tensor& like = values[value].tensor;
    given.emplace_back(trace->capture({like.shape(), like.dtype()}), std::move(name));
    return given.back().first;
  };
  Tensors inputs;
  Tensors outputs;
  Tensors cotangents;
  for (std::size_t input : record.inputs) inputs.push_back(captured(input, values[input].name));
  for (std::size_t output : record.outputs) outputs.push_back(captured(output, values[output].name));
  for (std::size_t output : record.outputs) {
    const bool has_gradient = is_floating(values[output].tensor.dtype());
    cotangents.push_back(has_gradient ? captured(output, gradient_name(output)) : Tensor());
  }
  SmallVector<bool, 16> needed(inputs.size());
  for (std::size_t i = 0; i < needed.size(); ++i) needed[i] = values[record.inputs[i]].recorded;
  Tensors made(inputs.size());
  const Call call{*record.operation, inputs, record.attributes};
  std::vector<std::string> formulas(inputs.size());
  try {
    Backward backward(call, outputs, cotangents, {needed.data(), needed.size()}, {made.data(), made.size()});
    record.operation->gradient(backward);
    for (std::size_t i = 0; i < made.size(); ++i) {
      if (needed[i] && made[i] && !(made[i].shape() == inputs[i].shape())) {
        made[i] = sum_to(made[i], inputs[i].shape());
      }
    }
  } catch (const Error& error) {
    // A rule of a user's own may read values, which are not there.
    for (std::size_t i = 0; i < made.size(); ++i) {
      if (needed[i]) formulas[i] = fmt::format("the gradient rule of {}", record.operation->name);
    }
    return formulas;
  }
  std::vector<Value> results(made.size(), no_value);
  for (std::size_t i = 0; i < made.size(); ++i) {
    if (needed[i] && made[i]) results[i] = trace->value_of(made[i]);
  }
  std::vector<Value> places;
  for (const auto& [tensor, name] : given) places.push_back(trace->value_of(tensor));
  const std::vector<Tensor> constants = trace->captured();
  const Program program = trace->finish();
  Writer writer(program);
  for (std::size_t i = 0; i < given.size(); ++i) writer.set(places[i], given[i].second);
  for (std::size_t i = 0; i < constants.size(); ++i) {
    if (constants[i]) writer.set(program.captured[i], constant_text(constants[i]));
  }
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (results[i] != no_value) formulas[i] = writer.of(results[i]).text;
  }
  return formulas;
}

}  // namespace unspool
